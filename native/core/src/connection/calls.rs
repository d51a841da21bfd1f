//! What the application asks of a connection.

use std::time::Instant;

use bytes::Bytes;
use quinn_proto::{Dir, SendDatagramError, VarInt};

use crate::events::{CloseKind, EventBatch};
use crate::send_scheduler::Priority;

use super::{Connection, LocalClose, Phase, stream_id};

/// What became of a datagram of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatagramOutcome {
    /// It will be sent.
    Queued = 0,
    /// The queue is full: `DatagramsWritable` follows.
    Blocked = 1,
    /// It fits no packet of this path.
    TooLarge = 2,
    /// The peer takes none, or the connection has ended.
    Unsupported = 3,
}

impl Connection {
    pub(crate) fn open(&mut self, dir: Dir) -> Option<u64> {
        if self.phase != Phase::Established || self.quinn.is_closed() {
            return None;
        }
        let Some(id) = self.quinn.streams().open(dir) else {
            self.awaits_streams[dir as usize] = true;
            return None;
        };
        Some(self.add_local_stream(id))
    }

    /// Returns how many of the bytes left the queue at once.
    pub(crate) fn write(&mut self, stream: u64, data: Bytes, fin: bool) -> u64 {
        let Some((id, send)) = stream_id(stream).zip(self.send_half(stream)) else {
            return 0;
        };
        if send.reset.is_some() {
            return 0;
        }
        send.enqueue(data, fin);
        if !send.has_work() || send.waits {
            return 0;
        }
        let (mut accepted, blocked) = (0, send.blocked);
        if self.scheduler.is_empty() && !blocked {
            let Self { quinn, streams, .. } = self;
            if let Some(send) = streams.get_mut(&stream).and_then(|stream| stream.send.as_mut()) {
                accepted = send.fill(quinn, id, usize::MAX);
            }
        }
        self.schedule(stream);
        accepted
    }

    pub(crate) fn reset(&mut self, stream: u64, code: VarInt, reliable_size: u64) {
        let reliable_size = match self.quinn.supports_reset_stream_at() {
            true => reliable_size,
            false => 0,
        };
        let Self { quinn, streams, .. } = self;
        let Some((id, send)) = stream_id(stream).zip(streams.get_mut(&stream).and_then(|stream| stream.send.as_mut()))
        else {
            return;
        };
        // A further reset can only leave less of the stream, and does not change the code.
        let code = match send.reset {
            None => code,
            Some(former) if reliable_size < former.reliable_size => former.code,
            Some(_) => return,
        };
        let is_first = send.reset.is_none();
        send.reset(quinn, id, code, reliable_size);
        if is_first {
            self.resetting.push(id);
        }
        self.schedule(stream);
    }

    pub(crate) fn stop(&mut self, stream: u64, code: VarInt) {
        let Some(id) = stream_id(stream) else { return };
        let Some(entry) = self.streams.get_mut(&stream) else {
            return;
        };
        if entry.receive.take().is_some() {
            entry.stopped = Some(code);
            let _ = self.quinn.recv_stream(id).stop(code);
        }
    }

    pub(crate) fn grant(&mut self, stream: u64, bytes: u64, events: &mut EventBatch) {
        let Some(receive) = self.streams.get_mut(&stream).and_then(|stream| stream.receive.as_mut()) else {
            return;
        };
        receive.credit = receive.credit.saturating_add(bytes);
        if receive.unread {
            self.read(stream, false, events);
        }
    }

    /// Returns the window that holds now: larger than asked for while a former promise lasts.
    pub(crate) fn set_receive_window(&mut self, bytes: u64) -> u64 {
        let window = VarInt::from_u64(bytes).unwrap_or(VarInt::MAX);
        if self.receive_window != window {
            self.tells_low_window = true;
            self.receive_window = window;
            self.quinn.set_receive_window(window);
        }
        self.quinn.promised_receive_window()
    }

    /// Bytes that have arrived and wait for credit.
    pub(crate) fn unread_bytes(&self) -> u64 {
        self.quinn.unread_data()
    }

    pub(crate) fn unread_bytes_of(&mut self, stream: u64) -> u64 {
        let receives = self.streams.get(&stream).is_some_and(|stream| stream.receive.is_some());
        match stream_id(stream) {
            Some(id) if receives => self.quinn.recv_stream(id).unread_data(),
            _ => 0,
        }
    }

    pub(crate) fn set_priority(&mut self, stream: u64, priority: Priority) {
        let Self { streams, scheduler, .. } = self;
        let Some(send) = streams.get_mut(&stream).and_then(|stream| stream.send.as_mut()) else {
            return;
        };
        if send.priority == priority {
            return;
        }
        if std::mem::take(&mut send.waits) {
            scheduler.leave(stream, send.priority, send.turn);
        }
        send.priority = priority;
        send.turn = 0;
        self.schedule(stream);
    }

    pub(crate) fn send_datagram(&mut self, data: Bytes) -> DatagramOutcome {
        if self.phase != Phase::Established {
            return DatagramOutcome::Unsupported;
        }
        match self.quinn.datagrams().send(data, false) {
            Ok(()) => DatagramOutcome::Queued,
            Err(SendDatagramError::Blocked(_)) => {
                self.awaits_datagrams = true;
                DatagramOutcome::Blocked
            }
            Err(SendDatagramError::TooLarge) => DatagramOutcome::TooLarge,
            Err(SendDatagramError::UnsupportedByPeer | SendDatagramError::Disabled) => DatagramOutcome::Unsupported,
        }
    }

    /// Largest payload that can be sent now; 0 when the peer takes none, or datagrams are switched off.
    pub(crate) fn max_datagram_size(&mut self) -> usize {
        match self.config.datagrams {
            true => self.quinn.datagrams().max_size().unwrap_or(0),
            false => 0,
        }
    }

    /// The application learns of the end in the next turn.
    pub(crate) fn close(&mut self, now: Instant, kind: CloseKind, code: u64, reason: Bytes) {
        if self.phase == Phase::Closed || self.local_close.is_some() || self.quinn.is_closed() {
            return;
        }
        self.handshake_deadline = None;
        self.quinn
            .close(now, VarInt::from_u64(code).unwrap_or(VarInt::MAX), reason.clone());
        self.local_close = Some(LocalClose { kind, code, reason });
    }
}
