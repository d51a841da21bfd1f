//! Events in the packed form that crosses to JavaScript once a turn; the format is described in `native/README.md`.

use bytes::Bytes;

/// Bytes of a record's header.
pub const RECORD_HEADER: usize = 32;

/// Payloads of stream data from this size on travel beside the batch.
pub const LARGE_PAYLOAD: usize = 4096;

/// The kinds of records.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// A handshake has completed; flag 1: this side is the client, flag 2: both sides have announced RESET_STREAM_AT.
    /// Code: the largest datagram. Payload: the peer's port (2 bytes), the lengths of its host, of the server name and of
    /// the ALPN protocol (1 byte each), these texts, then each certificate behind its length (4 bytes).
    Connected = 1,
    /// The peer has opened a stream.
    StreamOpened = 2,
    /// Bytes of a stream; flag 1: FIN (`code` is the final size then), flag 2: the payload travels beside the batch, its index in `extra`.
    Data = 3,
    /// The peer has reset a stream, or ended one that was stopped. Payload: its final size and the bytes that are reliable.
    Reset = 4,
    /// STOP_SENDING with its code.
    Stopped = 5,
    /// `code` bytes have left the send queue.
    Accepted = 6,
    /// The sending half is done: FIN or reset acknowledged.
    Finished = 7,
    /// `code` 0: bidirectional streams can be opened again, 1: unidirectional ones.
    StreamsAvailable = 8,
    /// A datagram.
    Datagram = 9,
    /// Datagrams can be sent again.
    DatagramsWritable = 10,
    /// The peer's address has changed; payload: the new one as text.
    AddressChanged = 11,
    /// The end. Flags: [`CloseBy`] in bits 0–3, [`CloseKind`] in bits 4–7. Payload: the reason.
    Closed = 12,
    /// Unread bytes have left less than half of the first receive window free.
    ReceiveWindowLow = 13,
}

/// Who ended a connection.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseBy {
    /// This side.
    Local = 0,
    /// The peer.
    Peer = 1,
    /// Nobody: a timeout or a stateless reset.
    Transport = 2,
}

/// How a connection ended.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseKind {
    /// CONNECTION_CLOSE of the application.
    Application = 0,
    /// CONNECTION_CLOSE of the transport.
    Transport = 1,
    /// Nothing was heard for the idle timeout.
    IdleTimeout = 2,
    /// The handshake did not complete in time.
    HandshakeTimeout = 3,
    /// Stateless reset.
    StatelessReset = 4,
    /// No common version.
    VersionMismatch = 5,
    /// The engine failed.
    Failed = 6,
}

/// The events of a turn: records in one buffer, large payloads beside it.
#[derive(Default)]
pub struct EventBatch {
    /// Records, each padded to a multiple of 8 bytes.
    pub records: Vec<u8>,
    /// Payloads of `Data` records with flag 2, each in the pieces in which it arrived.
    pub large: Vec<Vec<Bytes>>,
}

/// One record's fixed part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    pub(crate) event: EventType,
    pub(crate) flags: u8,
    pub(crate) connection: u32,
    pub(crate) stream: u64,
    pub(crate) code: u64,
}

impl EventBatch {
    /// Whether there is nothing to hand out.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(crate) fn push(&mut self, record: Record, payload: &[u8]) {
        self.header(record, payload.len(), 0);
        self.records.extend_from_slice(payload);
        self.pad();
    }

    /// A `Data` record of the pieces, which are taken out of `pieces`.
    pub(crate) fn push_data(&mut self, mut record: Record, length: usize, pieces: &mut Vec<Bytes>) {
        if length >= LARGE_PAYLOAD {
            record.flags |= 2;
            self.header(record, length, self.large.len() as u32);
            self.large.push(std::mem::take(pieces));
            return;
        }
        self.header(record, length, 0);
        for piece in pieces.drain(..) {
            self.records.extend_from_slice(&piece);
        }
        self.pad();
    }

    fn header(&mut self, record: Record, length: usize, extra: u32) {
        let mut header = [0; RECORD_HEADER];
        header[0] = record.event as u8;
        header[1] = record.flags;
        header[4..8].copy_from_slice(&record.connection.to_le_bytes());
        header[8..16].copy_from_slice(&record.stream.to_le_bytes());
        header[16..24].copy_from_slice(&record.code.to_le_bytes());
        header[24..28].copy_from_slice(&(length as u32).to_le_bytes());
        header[28..32].copy_from_slice(&extra.to_le_bytes());
        self.records.extend_from_slice(&header);
    }

    fn pad(&mut self) {
        self.records.resize(self.records.len().next_multiple_of(8), 0);
    }
}
