//! The events of a connection, and their encoding in the records that cross to JavaScript once a turn. `native/README.md`
//! describes the format of a record.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use rustls::pki_types::CertificateDer;

use crate::ids::ConnectionId;

/// Bytes of a record's header.
pub const RECORD_HEADER: usize = 32;

/// Payloads of stream data from this size on travel beside the batch.
pub const LARGE_PAYLOAD: usize = 4096;

/// What a connection tells the application.
pub(crate) enum Event<'a> {
    /// The handshake has completed.
    Connected(Connected<'a>),
    /// The peer has opened a stream.
    StreamOpened { stream: u64 },
    /// Bytes of a stream, or its end.
    Data(Data<'a>),
    /// The peer has reset a stream, or has ended a stream that was stopped.
    Reset(Reset),
    /// STOP_SENDING (RFC 9000 §19.5).
    Stopped { stream: u64, code: u64 },
    /// So many bytes have left the send queue.
    Accepted { stream: u64, bytes: u64 },
    /// The peer has acknowledged the stream's FIN, or our reset of it.
    Finished { stream: u64 },
    /// Streams of this direction can be opened again.
    StreamsAvailable { unidirectional: bool },
    /// The payload of a DATAGRAM frame.
    Datagram(&'a [u8]),
    /// Datagrams can be sent again.
    DatagramsWritable,
    /// The peer's new address, as text.
    AddressChanged(&'a str),
    /// The connection has ended.
    Closed(Closed<'a>),
    /// Unread bytes have left less than half of the first receive window free.
    ReceiveWindowLow,
}

/// What the handshake has negotiated, and with whom.
pub(crate) struct Connected<'a> {
    /// This side is the client.
    pub(crate) is_client: bool,
    /// From the first packet to the completed handshake.
    pub(crate) handshake_duration: Duration,
    /// Both sides have announced RESET_STREAM_AT.
    pub(crate) reset_stream_at: bool,
    pub(crate) max_datagram_size: u64,
    pub(crate) port: u16,
    pub(crate) host: &'a str,
    pub(crate) server_name: &'a str,
    pub(crate) alpn: &'a [u8],
    pub(crate) certificates: &'a [CertificateDer<'static>],
}

pub(crate) struct Data<'a> {
    pub(crate) stream: u64,
    /// The final size of a stream that these bytes end.
    pub(crate) fin: Option<u64>,
    /// Bytes of all pieces.
    pub(crate) length: usize,
    /// Emptied by the encoder.
    pub(crate) pieces: &'a mut Vec<Bytes>,
}

pub(crate) struct Reset {
    pub(crate) stream: u64,
    pub(crate) code: u64,
    pub(crate) final_size: u64,
    /// Bytes from the stream's beginning that are delivered all the same.
    pub(crate) reliable_size: u64,
}

/// A packet of another worker's: no event of a connection.
pub(crate) struct ForeignPacket<'a> {
    pub(crate) worker: u16,
    pub(crate) remote: SocketAddr,
    pub(crate) local: Option<IpAddr>,
    pub(crate) packet: &'a [u8],
}

pub(crate) struct Closed<'a> {
    pub(crate) by: CloseBy,
    pub(crate) kind: CloseKind,
    pub(crate) code: u64,
    pub(crate) reason: &'a [u8],
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
    /// Payloads that travel beside the records, each in the pieces in which it arrived.
    pub large: Vec<Vec<Bytes>>,
}

/// The first byte of a record.
#[repr(u8)]
#[derive(Clone, Copy)]
enum RecordType {
    Connected = 1,
    StreamOpened = 2,
    Data = 3,
    Reset = 4,
    Stopped = 5,
    Accepted = 6,
    Finished = 7,
    StreamsAvailable = 8,
    Datagram = 9,
    DatagramsWritable = 10,
    AddressChanged = 11,
    Closed = 12,
    ReceiveWindowLow = 13,
    ForeignPacket = 14,
}

/// Flags of a `Connected` record.
const CLIENT: u8 = 1;
const RESET_STREAM_AT: u8 = 2;

/// Flags of a `Data` record.
const FIN: u8 = 1;
const BESIDE: u8 = 2;

/// The fields of a record's header; those that an event does not use are zero.
struct Header {
    record_type: RecordType,
    flags: u8,
    stream: u64,
    code: u64,
    payload_length: usize,
    /// Index of a payload beside the records.
    beside: usize,
}

impl Header {
    fn new(record_type: RecordType) -> Self {
        Self {
            record_type,
            flags: 0,
            stream: 0,
            code: 0,
            payload_length: 0,
            beside: 0,
        }
    }

    /// The header of an event of one stream.
    fn of_stream(record_type: RecordType, stream: u64) -> Self {
        Self {
            stream,
            ..Self::new(record_type)
        }
    }

    fn with_code(self, code: u64) -> Self {
        Self { code, ..self }
    }
}

impl EventBatch {
    /// Whether there is nothing to hand out.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Encodes an event. Inlined, because nearly every caller knows which event it has.
    #[inline]
    pub(crate) fn push(&mut self, connection: ConnectionId, event: Event<'_>) {
        match event {
            Event::Connected(connected) => self.push_connected(connection, &connected),
            Event::StreamOpened { stream } => {
                self.header(connection, Header::of_stream(RecordType::StreamOpened, stream));
            }
            Event::Data(data) => self.push_data(connection, data),
            Event::Reset(reset) => {
                let header = Header::of_stream(RecordType::Reset, reset.stream).with_code(reset.code);
                let sizes = [reset.final_size.to_le_bytes(), reset.reliable_size.to_le_bytes()];
                self.record(connection, header, sizes.as_flattened());
            }
            Event::Stopped { stream, code } => {
                self.header(
                    connection,
                    Header::of_stream(RecordType::Stopped, stream).with_code(code),
                );
            }
            Event::Accepted { stream, bytes } => {
                self.header(
                    connection,
                    Header::of_stream(RecordType::Accepted, stream).with_code(bytes),
                );
            }
            Event::Finished { stream } => self.header(connection, Header::of_stream(RecordType::Finished, stream)),
            Event::StreamsAvailable { unidirectional } => {
                let header = Header::new(RecordType::StreamsAvailable).with_code(unidirectional.into());
                self.header(connection, header);
            }
            Event::Datagram(payload) => self.record(connection, Header::new(RecordType::Datagram), payload),
            Event::DatagramsWritable => self.header(connection, Header::new(RecordType::DatagramsWritable)),
            Event::AddressChanged(address) => {
                self.record(connection, Header::new(RecordType::AddressChanged), address.as_bytes());
            }
            Event::Closed(closed) => {
                let header = Header {
                    flags: closed.by as u8 | (closed.kind as u8) << 4,
                    code: closed.code,
                    ..Header::new(RecordType::Closed)
                };
                self.record(connection, header, closed.reason);
            }
            Event::ReceiveWindowLow => self.header(connection, Header::new(RecordType::ReceiveWindowLow)),
        }
    }

    /// Encodes a packet for another worker.
    pub(crate) fn push_foreign(&mut self, foreign: &ForeignPacket<'_>) {
        let hosts = [
            foreign.remote.ip().to_canonical().to_string(),
            foreign
                .local
                .map_or_else(String::new, |ip| ip.to_canonical().to_string()),
        ];
        let mut payload = foreign.remote.port().to_le_bytes().to_vec();
        payload.extend(hosts.each_ref().map(|host| host.len() as u8));
        payload.extend(hosts.concat().into_bytes());
        payload.extend_from_slice(foreign.packet);
        let header = Header::new(RecordType::ForeignPacket).with_code(foreign.worker.into());
        self.record(ConnectionId(0), header, &payload);
    }

    fn push_connected(&mut self, connection: ConnectionId, connected: &Connected<'_>) {
        let micros = u32::try_from(connected.handshake_duration.as_micros()).unwrap_or(u32::MAX);
        let mut payload = micros.to_le_bytes().to_vec();
        payload.extend(connected.port.to_le_bytes());
        // ALPN's format and DNS's keep all three below 256 bytes.
        let texts = [
            connected.host.as_bytes(),
            connected.server_name.as_bytes(),
            connected.alpn,
        ];
        payload.extend(texts.map(|text| text.len() as u8));
        payload.extend(texts.concat());
        for certificate in connected.certificates {
            payload.extend_from_slice(&(certificate.len() as u32).to_le_bytes());
            payload.extend_from_slice(certificate);
        }
        let client = if connected.is_client { CLIENT } else { 0 };
        let reset_stream_at = if connected.reset_stream_at { RESET_STREAM_AT } else { 0 };
        let header = Header {
            flags: client | reset_stream_at,
            code: connected.max_datagram_size,
            ..Header::new(RecordType::Connected)
        };
        self.record(connection, header, &payload);
    }

    fn push_data(&mut self, connection: ConnectionId, data: Data<'_>) {
        let mut header = Header {
            flags: if data.fin.is_some() { FIN } else { 0 },
            stream: data.stream,
            code: data.fin.unwrap_or(0),
            payload_length: data.length,
            ..Header::new(RecordType::Data)
        };
        if data.length >= LARGE_PAYLOAD {
            header.flags |= BESIDE;
            header.beside = self.large.len();
            self.header(connection, header);
            self.large.push(std::mem::take(data.pieces));
            return;
        }
        self.header(connection, header);
        for piece in data.pieces.drain(..) {
            self.records.extend_from_slice(&piece);
        }
        self.pad();
    }

    /// A record with its payload.
    fn record(&mut self, connection: ConnectionId, header: Header, payload: &[u8]) {
        let payload_length = payload.len();
        self.header(
            connection,
            Header {
                payload_length,
                ..header
            },
        );
        self.records.extend_from_slice(payload);
        self.pad();
    }

    /// A record's header, or a record without a payload.
    fn header(&mut self, connection: ConnectionId, header: Header) {
        let mut bytes = [0; RECORD_HEADER];
        bytes[0] = header.record_type as u8;
        bytes[1] = header.flags;
        bytes[4..8].copy_from_slice(&connection.0.to_le_bytes());
        bytes[8..16].copy_from_slice(&header.stream.to_le_bytes());
        bytes[16..24].copy_from_slice(&header.code.to_le_bytes());
        bytes[24..28].copy_from_slice(&(header.payload_length as u32).to_le_bytes());
        bytes[28..32].copy_from_slice(&(header.beside as u32).to_le_bytes());
        self.records.extend_from_slice(&bytes);
    }

    fn pad(&mut self) {
        self.records.resize(self.records.len().next_multiple_of(8), 0);
    }
}
