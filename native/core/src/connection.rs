//! One connection: quinn-proto's state machine, its streams, and the events that both give.

mod calls;
mod ends;
mod receiving;
mod sending;
mod streams;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use quinn_proto::{Side, StreamId, VarInt};
use rustc_hash::FxHashMap;

use crate::config::CoreConfig;
use crate::events::{CloseKind, Event, EventBatch};
use crate::handshake_failures::HandshakeFailure;
use crate::ids::ConnectionId;
use crate::packet_counts::PacketCounts;
use crate::send_scheduler::SendScheduler;
use crate::stream::Stream;

pub use calls::DatagramOutcome;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A server's application does not know of the connection yet.
    Handshaking,
    Established,
    /// The application has been told `Closed`, or never knew of the connection.
    Closed,
}

pub(crate) struct Connection {
    pub(crate) quinn: quinn_proto::Connection,
    pub(crate) id: ConnectionId,
    pub(crate) phase: Phase,
    /// Is in the endpoint's list of connections to process.
    pub(crate) to_process: bool,
    /// Is in the endpoint's list of connections to transmit.
    pub(crate) to_transmit: bool,
    /// The deadline that the timers hold.
    pub(crate) armed: Option<Instant>,
    pub(crate) handshake_deadline: Option<Instant>,
    /// Why the handshake failed, of a client's that did.
    pub(crate) handshake_failure: Option<HandshakeFailure>,
    began: Instant,
    /// When the last packet of the handshake came.
    last_heard: Instant,
    config: Arc<CoreConfig>,
    streams: FxHashMap<u64, Stream>,
    scheduler: SendScheduler,
    /// Streams with bytes to report as accepted.
    accepted: Vec<u64>,
    /// Streams whose RESET_STREAM is not acknowledged yet: quinn has no event for it.
    resetting: Vec<StreamId>,
    preambles_written: usize,
    /// `open` has failed: `StreamsAvailable` must follow.
    awaits_streams: [bool; 2],
    /// `send_datagram` was blocked: `DatagramsWritable` must follow.
    pub(crate) awaits_datagrams: bool,
    receive_window: VarInt,
    /// The receive window at the beginning: `ReceiveWindowLow` means that less than half of it is free.
    first_window: u64,
    /// `ReceiveWindowLow` has not been told since the window last changed.
    tells_low_window: bool,
    remote: SocketAddr,
    /// What the connection is counted by, where addresses are limited.
    pub(crate) address_group: Option<IpAddr>,
    local_close: Option<LocalClose>,
    /// Its packets as far as the endpoint's totals have them.
    counted: PacketCounts,
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
        now: Instant,
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
            handshake_failure: None,
            began: now,
            last_heard: now,
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
            address_group: None,
            local_close: None,
            counted: PacketCounts::default(),
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

    /// Adds the packets that `totals` does not have yet.
    pub(crate) fn count_packets(&mut self, totals: &mut PacketCounts) {
        let now = PacketCounts::of(&self.quinn.stats());
        totals.add_growth(&self.counted, &now);
        self.counted = now;
    }

    /// The smoothed round-trip time in milliseconds; NaN of a connection that the application does not have.
    pub(crate) fn round_trip(&self) -> f64 {
        match self.phase {
            Phase::Established => self.quinn.rtt().as_secs_f64() * 1000.0,
            Phase::Handshaking | Phase::Closed => f64::NAN,
        }
    }

    /// A packet of the peer is about to be handled.
    pub(crate) fn heard(&mut self, now: Instant) {
        if self.phase == Phase::Handshaking {
            self.last_heard = now;
        }
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
                events.push(self.id, Event::AddressChanged(&remote));
            }
        }
    }

    fn handle(&mut self, event: quinn_proto::Event, events: &mut EventBatch) {
        match event {
            // A server's keys for 1-RTT data exist as soon as it has answered the ClientHello.
            quinn_proto::Event::HandshakeDataReady if !self.is_client() => self.write_preambles(),
            quinn_proto::Event::HandshakeDataReady => {}
            quinn_proto::Event::Connected => {
                self.phase = Phase::Established;
                self.handshake_deadline = None;
                self.write_preambles();
                self.report_connected(events);
            }
            quinn_proto::Event::ConnectionLost { reason } => self.report_lost(&reason, events),
            quinn_proto::Event::Stream(event) => self.handle_stream_event(event, events),
            quinn_proto::Event::DatagramReceived => {
                while let Some(datagram) = self.quinn.datagrams().recv() {
                    events.push(self.id, Event::Datagram(&datagram));
                }
            }
            quinn_proto::Event::DatagramsUnblocked => {
                self.awaits_datagrams = false;
                events.push(self.id, Event::DatagramsWritable);
            }
        }
    }
}

fn number(id: StreamId) -> u64 {
    VarInt::from(id).into_inner()
}

fn stream_id(stream: u64) -> Option<StreamId> {
    VarInt::from_u64(stream).ok().map(StreamId::from)
}
