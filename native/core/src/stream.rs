//! One stream: its read credit and its send queue.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use quinn_proto::{Connection, FinishError, ReadError, StreamId, VarInt, WriteError};

use crate::fair_queue::Turn;
use crate::send_scheduler::Priority;

/// Bytes that a stream may put into quinn's buffer before the next one's turn.
pub(crate) const QUANTUM: usize = 32 * 1024;

#[derive(Default)]
pub(crate) struct Stream {
    pub(crate) receive: Option<ReceiveHalf>,
    pub(crate) send: Option<SendHalf>,
    /// The code of our STOP_SENDING, until the peer has ended the stream.
    pub(crate) stopped: Option<VarInt>,
}

impl Stream {
    pub(crate) fn is_done(&self) -> bool {
        self.receive.is_none() && self.send.is_none() && self.stopped.is_none()
    }
}

pub(crate) struct ReceiveHalf {
    pub(crate) credit: u64,
    /// quinn has more than the credit allowed to read.
    pub(crate) unread: bool,
}

/// What reading gave besides the pieces.
pub(crate) enum ReadEnd {
    /// The half lives on.
    Open,
    /// With the stream's final size.
    Fin(u64),
    /// With its code, the stream's final size, and the bytes that the reset left reliable.
    Reset(VarInt, u64, u64),
}

impl ReceiveHalf {
    pub(crate) fn new(credit: u64) -> Self {
        Self { credit, unread: false }
    }

    /// Reads as much as the credit allows into `pieces`. Even without credit it finds FIN and reset.
    pub(crate) fn read(&mut self, quinn: &mut Connection, id: StreamId, pieces: &mut Vec<Bytes>) -> (usize, ReadEnd) {
        self.unread = false;
        let mut stream = quinn.recv_stream(id);
        let Ok(mut chunks) = stream.read(true) else {
            return (0, ReadEnd::Open);
        };
        let mut length = 0;
        let end = loop {
            let credit = usize::try_from(self.credit).unwrap_or(usize::MAX);
            match chunks.next(credit) {
                Ok(Some(chunk)) if chunk.bytes.is_empty() => {
                    self.unread = true;
                    break ReadEnd::Open;
                }
                Ok(Some(chunk)) => {
                    self.credit -= chunk.bytes.len() as u64;
                    length += chunk.bytes.len();
                    pieces.push(chunk.bytes);
                }
                Ok(None) => break ReadEnd::Fin(chunks.final_size().unwrap_or(0)),
                Err(ReadError::Blocked) => break ReadEnd::Open,
                Err(ReadError::Reset(code)) => {
                    break ReadEnd::Reset(code, chunks.final_size().unwrap_or(0), chunks.reliable_size());
                }
            }
        };
        let _ = chunks.finalize();
        (length, end)
    }
}

/// Our RESET_STREAM or RESET_STREAM_AT: nothing more is written, and its acknowledgement is awaited.
#[derive(Clone, Copy)]
pub(crate) struct Reset {
    pub(crate) code: VarInt,
    pub(crate) reliable_size: u64,
}

pub(crate) struct SendHalf {
    queue: VecDeque<Bytes>,
    fin: bool,
    pub(crate) priority: Priority,
    /// Is a member of the scheduler.
    pub(crate) waits: bool,
    /// Its place in the scheduler.
    pub(crate) turn: Turn,
    /// quinn will say `Writable`.
    pub(crate) blocked: bool,
    pub(crate) reset: Option<Reset>,
    /// Bytes that went into quinn altogether.
    offset: u64,
    /// Bytes that went into quinn since the last `Accepted` event.
    pub(crate) accepted: u64,
}

impl SendHalf {
    pub(crate) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            fin: false,
            priority: Priority::default(),
            waits: false,
            turn: 0,
            blocked: false,
            reset: None,
            offset: 0,
            accepted: 0,
        }
    }

    pub(crate) fn enqueue(&mut self, data: Bytes, fin: bool) {
        if !data.is_empty() {
            self.queue.push_back(data);
        }
        self.fin |= fin;
    }

    pub(crate) fn has_work(&self) -> bool {
        self.fin || !self.queue.is_empty()
    }

    /// Drops what is queued beyond the reliable bytes, and resets quinn's stream once those have gone into it.
    pub(crate) fn reset(&mut self, quinn: &mut Connection, id: StreamId, code: VarInt, reliable_size: u64) {
        let mut reliable = usize::try_from(reliable_size.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        self.queue.retain_mut(|bytes| {
            bytes.truncate(reliable);
            reliable -= bytes.len();
            !bytes.is_empty()
        });
        self.fin = false;
        self.reset = Some(Reset { code, reliable_size });
        self.reset_if_drained(quinn, id);
    }

    fn reset_if_drained(&self, quinn: &mut Connection, id: StreamId) {
        if let Some(Reset { code, reliable_size }) = self.reset
            && self.queue.is_empty()
        {
            let _ = quinn.send_stream(id).reset_at(code, reliable_size);
        }
    }

    /// Moves at most `most` bytes into quinn's buffer and returns how many it took.
    pub(crate) fn fill(&mut self, quinn: &mut Connection, id: StreamId, most: usize) -> u64 {
        let mut stream = quinn.send_stream(id);
        let mut taken = 0;
        while let Some(front) = self.queue.front_mut() {
            let room = most - taken;
            if room == 0 {
                return taken as u64;
            }
            // Only a piece that is cut costs a reference count of its own.
            let mut cut = (front.len() > room).then(|| front.slice(..room));
            match stream.write_chunks(std::slice::from_mut(cut.as_mut().unwrap_or(front))) {
                Ok(written) => {
                    taken += written.bytes;
                    self.offset += written.bytes as u64;
                    if cut.is_some() {
                        front.advance(written.bytes);
                    }
                    if front.is_empty() {
                        self.queue.pop_front();
                    }
                }
                Err(WriteError::Blocked) => {
                    self.blocked = true;
                    return taken as u64;
                }
                // STOP_SENDING has arrived: its event follows and ends this half.
                Err(WriteError::Stopped(_) | WriteError::ClosedStream) => {
                    self.queue.clear();
                    self.fin = false;
                    return taken as u64;
                }
            }
        }
        if std::mem::take(&mut self.fin) {
            match stream.finish() {
                Ok(()) | Err(FinishError::Stopped(_) | FinishError::ClosedStream) => {}
            }
        }
        self.reset_if_drained(quinn, id);
        taken as u64
    }
}
