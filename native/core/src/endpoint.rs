//! The endpoint: its connections and the driver's turn.

mod admission;
mod calls;
mod slots;
mod statistics;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use quinn_proto::{ConnectionHandle, DatagramEvent, EcnCodepoint, Endpoint, EndpointConfig, ServerConfig, Transmit};

use crate::addresses::Addresses;
use crate::config::CoreConfig;
use crate::connection::Phase;
use crate::events::{EventBatch, ForeignPacket};
use crate::handshake_failures::HandshakeFailure;
use crate::steering::Steering;
use crate::timers::Timers;

use slots::Slots;

use admission::Accepting;

pub use admission::TransportSource;
pub use statistics::{Snapshot, Statistics};

/// Bytes that one connection may send before the others' turn.
const TRANSMIT_BUDGET: usize = 1024 * 1024;

/// Once more deadlines than these are held, the stale ones are removed. A connection has one deadline that counts, and
/// leaves a far one, the keep-alive's, behind whenever it sends after a pause.
const LEAST_TIMERS: usize = 64;
const TIMERS_PER_CONNECTION: usize = 4;

/// How a packet has reached the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// At the own socket.
    Socket,
    /// Through another endpoint.
    Forwarded,
}

/// What became of a UDP datagram at the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// The kernel has it, or it is lost.
    Sent,
    /// The driver keeps it until the socket is writable; nothing more may be sent before.
    Blocked,
}

/// The endpoint and its connections; see the crate's documentation for the order of calls.
pub struct Core {
    endpoint: Endpoint,
    config: Arc<CoreConfig>,
    connections: Slots,
    to_process: Vec<usize>,
    to_transmit: Vec<usize>,
    timers: Timers,
    batch: EventBatch,
    packet: Vec<u8>,
    accepting: Accepting,
    /// Present where packets for other workers are handed out.
    steering: Option<Steering>,
    statistics: Statistics,
    /// Clients' connections by address; empty without a limit.
    addresses: Addresses,
    server: Option<Arc<ServerConfig>>,
    transport_source: Option<TransportSource>,
}

impl Core {
    /// An endpoint; one without `server` refuses what clients send.
    pub fn new(
        config: CoreConfig,
        endpoint: EndpointConfig,
        server: Option<Arc<ServerConfig>>,
        mtu_discovery: bool,
    ) -> Self {
        Self {
            accepting: if server.is_some() {
                Accepting::Yes
            } else {
                Accepting::No
            },
            steering: None,
            endpoint: Endpoint::new(Arc::new(endpoint), server.clone(), mtu_discovery, None),
            server,
            transport_source: None,
            config: Arc::new(config),
            connections: Slots::default(),
            to_process: Vec::new(),
            to_transmit: Vec::new(),
            timers: Timers::default(),
            batch: EventBatch::default(),
            packet: Vec::with_capacity(64 * 1024),
            statistics: Statistics::default(),
            addresses: Addresses::default(),
        }
    }

    /// Takes one UDP datagram. `respond` sends an answer that belongs to no connection, such as a Retry.
    #[allow(
        clippy::too_many_arguments,
        reason = "what a socket tells of a datagram, and the way back"
    )]
    pub fn receive(
        &mut self,
        now: Instant,
        arrival: Arrival,
        remote: SocketAddr,
        local_ip: Option<IpAddr>,
        ecn: Option<EcnCodepoint>,
        data: BytesMut,
        respond: &mut dyn FnMut(&Transmit, &[u8]),
    ) {
        let mut taker = None;
        if let Some(steering) = &self.steering {
            if arrival == Arrival::Socket
                && let Some(worker) = steering.issuer(&data)
            {
                self.hand_over(worker, remote, local_ip, &data);
                return;
            }
            let leaves = self.accepting == Accepting::Silent;
            taker = steering
                .taker(&data, leaves, arrival == Arrival::Forwarded)
                .map(|worker| (worker, data.clone()));
        }
        self.packet.clear();
        let transmit = match self.endpoint.handle(now, remote, local_ip, ecn, data, &mut self.packet) {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                if let Some(connection) = self.connections.at(handle.0) {
                    connection.heard(now);
                    connection.quinn.handle_event(event);
                }
                self.mark(handle.0);
                None
            }
            Some(DatagramEvent::NewConnection(incoming)) => match taker {
                Some((worker, packet)) => {
                    self.endpoint.ignore(incoming);
                    self.hand_over(worker, remote, local_ip, &packet);
                    None
                }
                None => self.admit(now, incoming),
            },
            Some(DatagramEvent::Response(transmit)) => {
                if is_version_negotiation(&self.packet) {
                    self.statistics.failed(HandshakeFailure::Version);
                }
                Some(transmit)
            }
            None => None,
        };
        if let Some(transmit) = transmit {
            respond(&transmit, &self.packet[..transmit.size]);
        }
    }

    fn hand_over(&mut self, worker: u16, remote: SocketAddr, local: Option<IpAddr>, packet: &[u8]) {
        self.batch.push_foreign(&ForeignPacket {
            worker,
            remote,
            local,
            packet,
        });
    }

    /// Handles the deadlines that have passed.
    pub fn expire(&mut self, now: Instant) {
        while let Some((deadline, id)) = self.timers.pop_expired(now) {
            let Some(connection) = self.connections.get(id) else {
                continue;
            };
            if connection.armed != Some(deadline) {
                continue;
            }
            connection.armed = None;
            if connection.next_deadline().is_some_and(|deadline| deadline <= now) {
                connection.handle_timeout(now);
            }
            self.mark(id.slot());
        }
    }

    /// Turns what has happened into events.
    pub fn process(&mut self) {
        let mut slots = std::mem::take(&mut self.to_process);
        for slot in slots.drain(..) {
            self.process_slot(slot);
        }
        // Processing marks nothing, so the emptied list can be used again.
        self.to_process = slots;
    }

    /// The events so far; the caller takes them and leaves an empty batch.
    pub fn events(&mut self) -> &mut EventBatch {
        &mut self.batch
    }

    /// Sends what connections have to send, until `send` blocks.
    pub fn transmit(
        &mut self,
        now: Instant,
        max_segments: usize,
        send: &mut dyn FnMut(&Transmit, &[u8]) -> SendOutcome,
    ) {
        let slots = std::mem::take(&mut self.to_transmit);
        let mut blocked = false;
        for slot in slots {
            let Some(connection) = self.connections.at(slot) else {
                continue;
            };
            connection.to_transmit = false;
            let mut sent = 0;
            let mut more = blocked;
            while !blocked {
                self.packet.clear();
                let Some(transmit) = connection.quinn.poll_transmit(now, max_segments, &mut self.packet) else {
                    break;
                };
                blocked = send(&transmit, &self.packet[..transmit.size]) == SendOutcome::Blocked;
                sent += transmit.size;
                more = blocked || sent >= TRANSMIT_BUDGET;
                if more {
                    break;
                }
            }
            // Sending makes room in quinn's datagram queue. Without this mark nobody may ask for that event for a round trip.
            let unblocks = sent > 0 && connection.awaits_datagrams;
            if more {
                connection.to_transmit = true;
                self.to_transmit.push(slot);
            }
            if unblocks {
                self.mark(slot);
            }
            self.arm(slot);
        }
    }

    /// Whether a further turn has work without waiting for anything (unless the socket blocks).
    pub fn has_work(&self) -> bool {
        !self.to_process.is_empty() || !self.to_transmit.is_empty() || !self.batch.is_empty()
    }

    /// When [`Core::expire`] is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn process_slot(&mut self, slot: usize) {
        let Some(connection) = self.connections.at(slot) else {
            return;
        };
        connection.to_process = false;
        let was_pending = connection.phase == Phase::Handshaking && !connection.is_client();
        loop {
            connection.process(&mut self.batch);
            let mut answered = false;
            while let Some(event) = connection.quinn.poll_endpoint_events() {
                if event.is_drained() {
                    connection.drained = true;
                }
                if let Some(event) = self.endpoint.handle_event(ConnectionHandle(slot), event) {
                    connection.quinn.handle_event(event);
                    answered = true;
                }
            }
            if !answered {
                break;
            }
        }
        if was_pending && connection.phase != Phase::Handshaking {
            self.statistics.pending_handshakes -= 1;
            if let Some(cause) = connection.handshake_failure {
                self.statistics.failed(cause);
            }
        }
        if connection.drained {
            self.free(slot);
        } else if !connection.to_transmit {
            connection.to_transmit = true;
            self.to_transmit.push(slot);
        }
    }

    /// Frees a drained connection. At once: quinn may give its handle to the next connection.
    fn free(&mut self, slot: usize) {
        let Some(mut connection) = self.connections.take(slot) else {
            return;
        };
        connection.count_packets(&mut self.statistics.packets);
        if let Some(group) = connection.address_group {
            self.addresses.remove(group);
        }
        if connection.phase == Phase::Handshaking && !connection.is_client() {
            self.statistics.pending_handshakes -= 1;
        }
        self.statistics.connections -= 1;
    }

    /// Arms the connection's timer.
    fn arm(&mut self, slot: usize) {
        let Some(connection) = self.connections.at(slot) else {
            return;
        };
        if let Some(deadline) = connection.next_deadline()
            && connection.armed.is_none_or(|armed| deadline < armed)
        {
            connection.armed = Some(deadline);
            self.timers.arm(deadline, connection.id);
            if self.timers.len() > LEAST_TIMERS + TIMERS_PER_CONNECTION * self.statistics.connections {
                let connections = &self.connections;
                self.timers.retain(|deadline, id| {
                    connections
                        .peek(id)
                        .is_some_and(|connection| connection.armed == Some(deadline))
                });
            }
        }
    }

    /// Puts a connection, which its caller is about to change or has changed, on the list of those to process.
    fn mark(&mut self, slot: usize) {
        if let Some(connection) = self.connections.at(slot)
            && !connection.to_process
        {
            connection.to_process = true;
            self.to_process.push(slot);
        }
    }
}

/// RFC 9000 §17.2.1: a long header whose version is 0.
fn is_version_negotiation(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first & 0x80 != 0) && packet.get(1..5) == Some(&[0; 4])
}
