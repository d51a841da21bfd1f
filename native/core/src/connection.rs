//! One connection: quinn-proto's state machine, its streams, and the events that both give.

mod ends;
mod sending;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use quinn_proto::{Dir, Event, SendDatagramError, Side, StreamEvent, StreamId, VarInt};
use rustc_hash::FxHashMap;

use crate::config::CoreConfig;
use crate::endpoint::{ConnectionId, DatagramOutcome};
use crate::events::{CloseKind, EventBatch, EventType, Record};
use crate::send_scheduler::{Priority, SendScheduler};
use crate::stream::{ReadEnd, ReceiveHalf, SendHalf, Stream};

pub(crate) use sending::LEAST_SEND_WINDOW;

/// What the map of streams keeps its memory for, however few are open.
const LEAST_STREAMS_CAPACITY: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The application of a server does not know of the connection yet.
    Handshaking,
    Established,
    /// `Closed` has been told, or nobody was there to be told.
    Closed,
}

pub(crate) struct Connection {
    pub(crate) quinn: quinn_proto::Connection,
    pub(crate) id: ConnectionId,
    pub(crate) phase: Phase,
    /// Stands in the endpoint's list of connections to process.
    pub(crate) to_process: bool,
    /// Stands in the endpoint's list of connections to transmit.
    pub(crate) to_transmit: bool,
    /// The deadline that the timers hold.
    pub(crate) armed: Option<Instant>,
    pub(crate) handshake_deadline: Option<Instant>,
    config: Arc<CoreConfig>,
    streams: FxHashMap<u64, Stream>,
    scheduler: SendScheduler,
    /// Streams with bytes to report as accepted.
    accepted: Vec<u64>,
    /// Streams whose RESET_STREAM is not acknowledged yet: quinn has no event for it.
    resetting: Vec<StreamId>,
    preambles_written: usize,
    /// `open` has failed and `StreamsAvailable` is owed.
    awaits_streams: [bool; 2],
    /// `send_datagram` was blocked and `DatagramsWritable` is owed.
    pub(crate) awaits_datagrams: bool,
    receive_window: VarInt,
    /// The configured one, half of which should be free.
    first_window: u64,
    /// `ReceiveWindowLow` is owed when it is not.
    tells_low_window: bool,
    remote: SocketAddr,
    local_close: Option<LocalClose>,
    /// quinn's endpoint has forgotten the connection.
    pub(crate) drained: bool,
}

struct LocalClose {
    kind: CloseKind,
    code: u64,
    reason: Bytes,
}

impl Connection {
    pub(crate) fn new(
        quinn: quinn_proto::Connection,
        id: ConnectionId,
        config: Arc<CoreConfig>,
        handshake_deadline: Instant,
    ) -> Self {
        let first_window = quinn.promised_receive_window();
        Self {
            remote: quinn.remote_address(),
            quinn,
            id,
            phase: Phase::Handshaking,
            to_process: false,
            to_transmit: false,
            armed: None,
            handshake_deadline: Some(handshake_deadline),
            streams: FxHashMap::default(),
            scheduler: SendScheduler::default(),
            accepted: Vec::new(),
            resetting: Vec::new(),
            preambles_written: 0,
            awaits_streams: [false; 2],
            awaits_datagrams: false,
            receive_window: VarInt::from_u64(first_window).unwrap_or(VarInt::MAX),
            first_window,
            tells_low_window: true,
            local_close: None,
            drained: false,
            config,
        }
    }

    pub(crate) fn stream_count(&self) -> usize {
        self.streams.len()
    }

    pub(crate) fn is_client(&self) -> bool {
        self.quinn.side() == Side::Client
    }

    pub(crate) fn next_deadline(&mut self) -> Option<Instant> {
        let quinn = self.quinn.poll_timeout();
        match self.handshake_deadline {
            Some(deadline) => Some(quinn.map_or(deadline, |quinn| quinn.min(deadline))),
            None => quinn,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.handshake_deadline.is_some_and(|deadline| deadline <= now) {
            self.close(now, CloseKind::HandshakeTimeout, 0, Bytes::new());
        }
        self.quinn.handle_timeout(now);
    }

    /// Drains quinn's events into `events`.
    pub(crate) fn process(&mut self, events: &mut EventBatch) {
        while let Some(event) = self.quinn.poll() {
            self.handle(event, events);
        }
        if self.local_close.is_some() {
            self.report_local_close(events);
        }
        if self.phase == Phase::Closed {
            return;
        }
        self.fill_send_window();
        self.report_low_window(events);
        self.report_accepted(events);
        self.report_acknowledged_resets(events);
        if self.quinn.remote_address() != self.remote {
            self.remote = self.quinn.remote_address();
            if self.phase == Phase::Established {
                let remote = self.remote.to_string();
                self.push(events, EventType::AddressChanged, 0, 0, 0, remote.as_bytes());
            }
        }
    }

    // What the application asks for.

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

    // What quinn tells.

    fn handle(&mut self, event: Event, events: &mut EventBatch) {
        match event {
            // A server's keys for 1-RTT data exist as soon as it has answered the ClientHello.
            Event::HandshakeDataReady if !self.is_client() => self.write_preambles(),
            Event::HandshakeDataReady => {}
            Event::Connected => {
                self.phase = Phase::Established;
                self.handshake_deadline = None;
                self.write_preambles();
                self.report_connected(events);
            }
            Event::ConnectionLost { reason } => self.report_lost(&reason, events),
            Event::Stream(event) => self.handle_stream_event(event, events),
            Event::DatagramReceived => {
                while let Some(datagram) = self.quinn.datagrams().recv() {
                    self.push(events, EventType::Datagram, 0, 0, 0, &datagram);
                }
            }
            Event::DatagramsUnblocked => {
                self.awaits_datagrams = false;
                self.push(events, EventType::DatagramsWritable, 0, 0, 0, &[]);
            }
        }
    }

    fn handle_stream_event(&mut self, event: StreamEvent, events: &mut EventBatch) {
        match event {
            StreamEvent::Opened { dir } => {
                while let Some(id) = self.quinn.streams().accept(dir) {
                    self.add_remote_stream(id, events);
                }
            }
            StreamEvent::Readable { id } => self.read(number(id), false, events),
            StreamEvent::Writable { id } => {
                let Self { streams, scheduler, .. } = self;
                if let Some(send) = streams.get_mut(&number(id)).and_then(|stream| stream.send.as_mut())
                    && std::mem::take(&mut send.blocked)
                    && send.waits
                {
                    scheduler.ready(number(id), send.priority, &mut send.turn);
                }
            }
            StreamEvent::Finished { id } => self.report_finished(number(id), events),
            StreamEvent::Stopped { id, error_code } => {
                let is_news = self.send_half(number(id)).is_some_and(|send| send.reset.is_none());
                self.reset(number(id), error_code, 0);
                if is_news {
                    self.push(events, EventType::Stopped, 0, number(id), error_code.into_inner(), &[]);
                }
            }
            StreamEvent::Discarded {
                id,
                final_size,
                error_code,
            } => self.report_discarded(number(id), final_size, error_code, events),
            StreamEvent::Available { dir } => {
                if dir == Dir::Uni {
                    self.write_preambles();
                }
                if std::mem::take(&mut self.awaits_streams[dir as usize]) {
                    self.push(events, EventType::StreamsAvailable, 0, 0, dir as u64, &[]);
                }
            }
        }
    }

    fn add_local_stream(&mut self, id: StreamId) -> u64 {
        let receive = (id.dir() == Dir::Bi).then(|| ReceiveHalf::new(self.config.initial_credit));
        self.streams.insert(
            number(id),
            Stream {
                receive,
                send: Some(SendHalf::new()),
                stopped: None,
            },
        );
        number(id)
    }

    fn add_remote_stream(&mut self, id: StreamId, events: &mut EventBatch) {
        let send = (id.dir() == Dir::Bi).then(SendHalf::new);
        let receive = Some(ReceiveHalf::new(self.config.initial_credit));
        let stream = Stream {
            receive,
            send,
            stopped: None,
        };
        self.streams.insert(number(id), stream);
        self.push(events, EventType::StreamOpened, 0, number(id), 0, &[]);
        self.read(number(id), false, events);
    }

    /// Opens the preambles' streams as far as the peer's limit allows: they come before any of the application's.
    fn write_preambles(&mut self) {
        while let Some(preamble) = self.config.preambles.get(self.preambles_written).cloned() {
            let Some(id) = self.quinn.streams().open(Dir::Uni) else {
                return;
            };
            self.preambles_written += 1;
            let stream = self.add_local_stream(id);
            self.write(stream, preamble, false);
        }
    }

    fn report_low_window(&mut self, events: &mut EventBatch) {
        if !self.tells_low_window || self.phase != Phase::Established {
            return;
        }
        let free = self
            .quinn
            .promised_receive_window()
            .saturating_sub(self.quinn.unread_data());
        if free < self.first_window / 2 {
            self.tells_low_window = false;
            self.push(events, EventType::ReceiveWindowLow, 0, 0, 0, &[]);
        }
    }

    /// Hands out what the credit allows, or everything, and the end of the stream if it is reached.
    fn read(&mut self, stream: u64, everything: bool, events: &mut EventBatch) {
        let Some(id) = stream_id(stream) else { return };
        let Self { quinn, streams, .. } = self;
        let Some(receive) = streams.get_mut(&stream).and_then(|stream| stream.receive.as_mut()) else {
            return;
        };
        if everything {
            receive.credit = u64::MAX;
        }
        let mut pieces = Vec::new();
        let (length, end) = receive.read(quinn, id, &mut pieces);
        let (fin, final_size) = match end {
            ReadEnd::Fin(final_size) => (true, final_size),
            _ => (false, 0),
        };
        if length > 0 || fin {
            let record = self.record(EventType::Data, u8::from(fin), stream, final_size);
            events.push_data(record, length, &mut pieces);
        }
        if let ReadEnd::Reset(code, final_size, reliable_size) = end {
            self.report_reset(stream, code, final_size, reliable_size, events);
        }
        if !matches!(end, ReadEnd::Open) {
            if let Some(stream) = self.streams.get_mut(&stream) {
                stream.receive = None;
            }
            self.forget_if_done(stream);
        }
    }

    fn report_reset(&self, stream: u64, code: VarInt, final_size: u64, reliable_size: u64, events: &mut EventBatch) {
        let mut payload = [0; 16];
        payload[..8].copy_from_slice(&final_size.to_le_bytes());
        payload[8..].copy_from_slice(&reliable_size.to_le_bytes());
        self.push(events, EventType::Reset, 0, stream, code.into_inner(), &payload);
    }

    /// The end of a stream that was stopped: a FIN is reported like a reset with the code of our STOP_SENDING.
    fn report_discarded(&mut self, stream: u64, final_size: u64, code: Option<VarInt>, events: &mut EventBatch) {
        if let Some(stopped) = self.streams.get_mut(&stream).and_then(|stream| stream.stopped.take()) {
            self.report_reset(stream, code.unwrap_or(stopped), final_size, 0, events);
            self.forget_if_done(stream);
        }
    }

    fn send_half(&mut self, stream: u64) -> Option<&mut SendHalf> {
        self.streams.get_mut(&stream)?.send.as_mut()
    }

    fn forget_if_done(&mut self, stream: u64) {
        if self.streams.get(&stream).is_some_and(Stream::is_done) {
            self.streams.remove(&stream);
            self.shrink();
        }
    }

    /// Gives back the memory of a burst of streams, at a constant cost for each stream.
    fn shrink(&mut self) {
        if self.streams.capacity() > LEAST_STREAMS_CAPACITY && self.streams.len() < self.streams.capacity() / 8 {
            self.streams.shrink_to(2 * self.streams.len());
        }
    }

    fn record(&self, event: EventType, flags: u8, stream: u64, code: u64) -> Record {
        Record {
            event,
            flags,
            connection: self.id.0,
            stream,
            code,
        }
    }

    fn push(&self, events: &mut EventBatch, event: EventType, flags: u8, stream: u64, code: u64, payload: &[u8]) {
        events.push(self.record(event, flags, stream, code), payload);
    }
}

fn number(id: StreamId) -> u64 {
    VarInt::from(id).into_inner()
}

fn stream_id(stream: u64) -> Option<StreamId> {
    VarInt::from_u64(stream).ok().map(StreamId::from)
}
