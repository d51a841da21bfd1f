//! One stream: its read credit and its send queue.

use std::collections::VecDeque;

use bytes::Bytes;
use quinn_proto::{Connection, FinishError, ReadError, StreamId, VarInt, WriteError};

use crate::send_scheduler::Priority;

/// Bytes that a stream may put into quinn's buffer before the next one's turn.
const QUANTUM: usize = 32 * 1024;

#[derive(Default)]
pub(crate) struct Stream {
    pub(crate) receive: Option<ReceiveHalf>,
    pub(crate) send: Option<SendHalf>,
}

impl Stream {
    pub(crate) fn is_done(&self) -> bool {
        self.receive.is_none() && self.send.is_none()
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
    Fin,
    Reset(VarInt),
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
                Ok(None) => break ReadEnd::Fin,
                Err(ReadError::Blocked) => break ReadEnd::Open,
                Err(ReadError::Reset(code)) => break ReadEnd::Reset(code),
            }
        };
        let _ = chunks.finalize();
        (length, end)
    }
}

pub(crate) struct SendHalf {
    queue: VecDeque<Bytes>,
    fin: bool,
    pub(crate) priority: Priority,
    /// Waits in the scheduler.
    pub(crate) scheduled: bool,
    /// quinn will say `Writable`.
    pub(crate) blocked: bool,
    /// Reset by either side: only its acknowledgement is awaited.
    pub(crate) reset: bool,
    /// Bytes that went into quinn since the last `Accepted` event.
    pub(crate) accepted: u64,
}

impl SendHalf {
    pub(crate) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            fin: false,
            priority: Priority::default(),
            scheduled: false,
            blocked: false,
            reset: false,
            accepted: 0,
        }
    }

    pub(crate) fn enqueue(&mut self, data: Bytes, fin: bool) {
        if !data.is_empty() {
            self.queue.push_back(data);
        }
        self.fin |= fin;
    }

    pub(crate) fn wants_to_send(&self) -> bool {
        !self.reset && !self.blocked && (self.fin || !self.queue.is_empty())
    }

    pub(crate) fn abandon(&mut self) {
        self.queue.clear();
        self.fin = false;
        self.reset = true;
    }

    /// Moves at most a quantum into quinn's buffer and returns how many bytes it took.
    pub(crate) fn fill(&mut self, quinn: &mut Connection, id: StreamId) -> u64 {
        let mut stream = quinn.send_stream(id);
        let mut taken = 0;
        while let Some(front) = self.queue.front_mut() {
            if taken >= QUANTUM {
                return taken as u64;
            }
            match stream.write_chunks(std::slice::from_mut(front)) {
                Ok(written) => {
                    taken += written.bytes;
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
        taken as u64
    }
}
