//! The endpoint: its connections, their admission, and the driver's turn.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use quinn_proto::{
    ClientConfig, ConnectError, ConnectionHandle, DatagramEvent, Dir, EcnCodepoint, Endpoint, EndpointConfig, Incoming,
    ServerConfig, Transmit, TransportConfig, VarInt,
};

use crate::addresses::Addresses;
use crate::config::{ADAPTIVE_RETRY_THRESHOLD, CoreConfig, RetryPolicy};
use crate::connection::{Connection, Phase};
use crate::events::{CloseKind, EventBatch};
use crate::send_scheduler::Priority;
use crate::timers::Timers;

/// A connection's slot in its lower 20 bits and the slot's generation above: a stale id meets no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

const SLOT_BITS: u32 = 20;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// Bytes that one connection may send before the others' turn.
const TRANSMIT_BUDGET: usize = 1024 * 1024;

/// Deadlines that are held before those which nobody waits for any more are looked for: a connection has one that counts,
/// and leaves a far one, the keep-alive's, behind whenever it sends after a pause.
const LEAST_TIMERS: usize = 64;
const TIMERS_PER_CONNECTION: usize = 4;

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

/// What became of a UDP datagram at the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// The kernel has it, or it is lost.
    Sent,
    /// The driver keeps it until the socket is writable; nothing more may be sent before.
    Blocked,
}

/// Counts of an endpoint.
#[derive(Debug, Clone, Copy, Default)]
pub struct Statistics {
    /// Connections that are not drained, handshaking ones included.
    pub connections: usize,
    /// Handshakes that clients have begun and not completed.
    pub pending_handshakes: usize,
    /// Streams of all connections.
    pub streams: usize,
    /// Deadlines that are held, stale ones included.
    pub timers: usize,
    /// Handshakes accepted since the start.
    pub accepted: u64,
    /// Handshakes refused since the start.
    pub refused: u64,
}

/// What is known of one connection's path.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot {
    /// quinn-proto's own figures.
    pub stats: quinn_proto::ConnectionStats,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The local address that packets arrive at, where the platform tells it.
    pub local_ip: Option<IpAddr>,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    connection: Option<Box<Connection>>,
    /// What the connection is counted by, where addresses are limited.
    address: Option<IpAddr>,
}

/// The endpoint and its connections; see the crate's documentation for the order of calls.
pub struct Core {
    endpoint: Endpoint,
    config: Arc<CoreConfig>,
    /// By quinn's connection handle.
    slots: Vec<Slot>,
    to_process: Vec<usize>,
    to_transmit: Vec<usize>,
    timers: Timers,
    batch: EventBatch,
    packet: Vec<u8>,
    accepting: bool,
    statistics: Statistics,
    /// Clients' connections by address; empty without a limit.
    addresses: Addresses,
    server: Option<Arc<ServerConfig>>,
    transport_source: Option<TransportSource>,
}

/// Makes the transport configuration of one accepted connection, given the connection id that its client chose first.
pub type TransportSource = Box<dyn Fn(&quinn_proto::ConnectionId) -> Arc<TransportConfig>>;

impl Core {
    /// An endpoint; one without `server` refuses what clients send.
    pub fn new(
        config: CoreConfig,
        endpoint: EndpointConfig,
        server: Option<Arc<ServerConfig>>,
        mtu_discovery: bool,
    ) -> Self {
        Self {
            accepting: server.is_some(),
            endpoint: Endpoint::new(Arc::new(endpoint), server.clone(), mtu_discovery, None),
            server,
            transport_source: None,
            config: Arc::new(config),
            slots: Vec::new(),
            to_process: Vec::new(),
            to_transmit: Vec::new(),
            timers: Timers::default(),
            batch: EventBatch::default(),
            packet: Vec::with_capacity(64 * 1024),
            statistics: Statistics::default(),
            addresses: Addresses::default(),
        }
    }

    /// New handshakes use this configuration.
    pub fn set_server_config(&mut self, server: Arc<ServerConfig>) {
        self.endpoint.set_server_config(Some(server.clone()));
        self.server = Some(server);
    }

    /// Every accepted connection gets a transport configuration of its own.
    pub fn set_transport_source(&mut self, source: TransportSource) {
        self.transport_source = Some(source);
    }

    /// Further clients are refused.
    pub fn stop_accepting(&mut self) {
        self.accepting = false;
    }

    // The driver's turn.

    /// Takes one UDP datagram. `respond` sends what belongs to no connection.
    pub fn receive(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        local_ip: Option<IpAddr>,
        ecn: Option<EcnCodepoint>,
        data: BytesMut,
        respond: &mut dyn FnMut(&Transmit, &[u8]),
    ) {
        self.packet.clear();
        let transmit = match self.endpoint.handle(now, remote, local_ip, ecn, data, &mut self.packet) {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                if let Some(connection) = self.slots.get_mut(handle.0).and_then(|slot| slot.connection.as_mut()) {
                    connection.quinn.handle_event(event);
                }
                self.mark(handle.0);
                None
            }
            Some(DatagramEvent::NewConnection(incoming)) => self.admit(now, incoming),
            Some(DatagramEvent::Response(transmit)) => Some(transmit),
            None => None,
        };
        if let Some(transmit) = transmit {
            respond(&transmit, &self.packet[..transmit.size]);
        }
    }

    /// Handles the deadlines that have passed.
    pub fn expire(&mut self, now: Instant) {
        while let Some((deadline, id)) = self.timers.pop_expired(now) {
            let Some(connection) = self.connection(id) else {
                continue;
            };
            if connection.armed != Some(deadline) {
                continue;
            }
            connection.armed = None;
            if connection.next_deadline().is_some_and(|deadline| deadline <= now) {
                connection.handle_timeout(now);
            }
            self.mark(slot_of(id));
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
            let Some(connection) = self.slots.get_mut(slot).and_then(|slot| slot.connection.as_mut()) else {
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
            // While it sends, quinn finds that its queue has room; nothing else may call for the event for a round trip.
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

    // What the application asks for. Calls on what has ended are ignored.

    /// Starts a handshake.
    pub fn connect(
        &mut self,
        now: Instant,
        config: ClientConfig,
        remote: SocketAddr,
        server_name: &str,
    ) -> Result<ConnectionId, ConnectError> {
        let (handle, quinn) = self.endpoint.connect(now, config, remote, server_name)?;
        Ok(self.insert(handle, quinn, now))
    }

    /// The new stream's id, or `None` while the peer's limit is reached.
    pub fn open(&mut self, id: ConnectionId, dir: Dir) -> Option<u64> {
        self.active(id)?.open(dir)
    }

    /// Queues bytes and the end of the stream; tells how many bytes left the queue at once.
    pub fn write(&mut self, id: ConnectionId, stream: u64, data: Bytes, fin: bool) -> u64 {
        self.active(id)
            .map_or(0, |connection| connection.write(stream, data, fin))
    }

    /// RESET_STREAM; where both sides know RESET_STREAM_AT, what was written of the stream's first `reliable_size`
    /// bytes is still delivered.
    pub fn reset(&mut self, id: ConnectionId, stream: u64, code: u64, reliable_size: u64) {
        if let Some(connection) = self.active(id) {
            connection.reset(stream, varint(code), reliable_size);
        }
    }

    /// STOP_SENDING.
    pub fn stop(&mut self, id: ConnectionId, stream: u64, code: u64) {
        if let Some(connection) = self.active(id) {
            connection.stop(stream, varint(code));
        }
    }

    /// Allows `bytes` more to be read.
    pub fn grant(&mut self, id: ConnectionId, stream: u64, bytes: u64) {
        let mut batch = std::mem::take(&mut self.batch);
        if let Some(connection) = self.active(id) {
            connection.grant(stream, bytes, &mut batch);
        }
        self.batch = batch;
    }

    /// The flow-control window of a connection from now on. Returns what the peer may have unread: larger than `bytes`
    /// while the promise of a larger window lasts, which cannot be taken back. 0 when the connection has ended.
    pub fn set_receive_window(&mut self, id: ConnectionId, bytes: u64) -> u64 {
        self.active(id)
            .map_or(0, |connection| connection.set_receive_window(bytes))
    }

    /// Bytes of all streams that have arrived and wait for credit.
    pub fn unread_bytes(&mut self, id: ConnectionId) -> u64 {
        self.connection(id).map_or(0, |connection| connection.unread_bytes())
    }

    /// Bytes of one stream that have arrived and wait for credit.
    pub fn unread_bytes_of(&mut self, id: ConnectionId, stream: u64) -> u64 {
        self.connection(id)
            .map_or(0, |connection| connection.unread_bytes_of(stream))
    }

    /// Order of sending: sessions in turn, a session's groups in turn, a group's streams by order, highest first.
    pub fn set_priority(&mut self, id: ConnectionId, stream: u64, session: u32, group: u32, order: i64) {
        if let Some(connection) = self.active(id) {
            let priority = Priority { session, group, order };
            connection.set_priority(stream, priority);
        }
    }

    /// Queues a datagram.
    pub fn send_datagram(&mut self, id: ConnectionId, data: Bytes) -> DatagramOutcome {
        self.active(id).map_or(DatagramOutcome::Unsupported, |connection| {
            connection.send_datagram(data)
        })
    }

    /// Largest datagram payload that can be sent now; 0 when the peer takes none.
    pub fn max_datagram_size(&mut self, id: ConnectionId) -> usize {
        self.connection(id)
            .map_or(0, |connection| connection.max_datagram_size())
    }

    /// CONNECTION_CLOSE of the application; unsent data is lost.
    pub fn close(&mut self, now: Instant, id: ConnectionId, code: u64, reason: Bytes) {
        if let Some(connection) = self.active(id) {
            connection.close(now, CloseKind::Application, code, reason);
        }
    }

    /// As [`Core::close`], for every connection.
    pub fn close_all(&mut self, now: Instant, code: u64, reason: &Bytes) {
        self.accepting = false;
        for slot in 0..self.slots.len() {
            if let Some(connection) = self.slots[slot].connection.as_mut() {
                connection.close(now, CloseKind::Application, code, reason.clone());
                self.mark(slot);
            }
        }
    }

    /// TLS exporter (RFC 8446 §7.5); `None` before the handshake has completed.
    pub fn export_keying_material(
        &mut self,
        id: ConnectionId,
        label: &[u8],
        context: &[u8],
        output: &mut [u8],
    ) -> Option<()> {
        let connection = self.connection(id)?;
        if connection.phase == Phase::Handshaking {
            return None;
        }
        connection
            .quinn
            .crypto_session()
            .export_keying_material(output, label, context)
            .ok()
    }

    /// What is known of a connection's path.
    pub fn snapshot(&mut self, id: ConnectionId) -> Option<Snapshot> {
        let quinn = &self.connection(id)?.quinn;
        Some(Snapshot {
            stats: quinn.stats(),
            remote: quinn.remote_address(),
            local_ip: quinn.local_ip(),
        })
    }

    /// Connections that are not drained, handshaking ones included.
    pub fn connection_count(&self) -> usize {
        self.statistics.connections
    }

    /// Counts.
    pub fn statistics(&self) -> Statistics {
        let connections = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        Statistics {
            streams: connections.map(|connection| connection.stream_count()).sum(),
            timers: self.timers.len(),
            ..self.statistics
        }
    }

    // Admission and bookkeeping.

    /// Accepts a client, or says what to send to it instead.
    fn admit(&mut self, now: Instant, incoming: Incoming) -> Option<Transmit> {
        let pending = self.statistics.pending_handshakes;
        let address = incoming.remote_address().ip();
        let limit = self.config.max_connections_per_address;
        let of_address = limit.map_or(0, |_| self.addresses.count(address));
        if !self.accepting
            || self.statistics.connections >= self.config.max_connections
            || pending >= self.config.max_pending_handshakes
            || limit.is_some_and(|limit| of_address >= limit)
        {
            self.statistics.refused += 1;
            return Some(self.endpoint.refuse(incoming, &mut self.packet));
        }
        let validate = match self.config.retry {
            RetryPolicy::Never => false,
            // Whoever forges an address must not use up what its owner may have: the second half is for those who answer.
            RetryPolicy::Adaptive => {
                pending > ADAPTIVE_RETRY_THRESHOLD || limit.is_some_and(|limit| of_address >= limit.div_ceil(2))
            }
            RetryPolicy::Always => true,
        };
        if validate && incoming.may_retry() && !incoming.remote_address_validated() {
            return match self.endpoint.retry(incoming, &mut self.packet) {
                Ok(transmit) => Some(transmit),
                Err(refusal) => Some(self.endpoint.refuse(refusal.into_incoming(), &mut self.packet)),
            };
        }
        let own_config = self.transport_source.as_ref().zip(self.server.as_ref());
        let own_config = own_config.map(|(source, server)| {
            let mut config = ServerConfig::clone(server);
            config.transport_config(source(incoming.orig_dst_cid()));
            Arc::new(config)
        });
        match self.endpoint.accept(incoming, now, &mut self.packet, own_config) {
            Ok((handle, quinn)) => {
                self.statistics.accepted += 1;
                self.statistics.pending_handshakes += 1;
                self.insert(handle, quinn, now);
                if limit.is_some() {
                    self.slots[handle.0].address = Some(self.addresses.add(address));
                }
                None
            }
            Err(error) => {
                self.statistics.refused += 1;
                error.response
            }
        }
    }

    fn insert(&mut self, handle: ConnectionHandle, quinn: quinn_proto::Connection, now: Instant) -> ConnectionId {
        if self.slots.len() <= handle.0 {
            self.slots.resize_with(handle.0 + 1, Slot::default);
        }
        let deadline = now + self.config.handshake_timeout.max(Duration::from_millis(1));
        let slot = &mut self.slots[handle.0];
        slot.generation = (slot.generation + 1) & (u32::MAX >> SLOT_BITS);
        let id = ConnectionId(handle.0 as u32 & SLOT_MASK | slot.generation << SLOT_BITS);
        slot.connection = Some(Box::new(Connection::new(quinn, id, self.config.clone(), deadline)));
        self.statistics.connections += 1;
        self.mark(handle.0);
        id
    }

    fn process_slot(&mut self, slot: usize) {
        let Some(connection) = self.slots[slot].connection.as_mut() else {
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
        let Some(connection) = self.slots[slot].connection.take() else {
            return;
        };
        if let Some(address) = self.slots[slot].address.take() {
            self.addresses.remove(address);
        }
        if connection.phase == Phase::Handshaking && !connection.is_client() {
            self.statistics.pending_handshakes -= 1;
        }
        self.statistics.connections -= 1;
    }

    /// Arms the connection's timer.
    fn arm(&mut self, slot: usize) {
        let Some(connection) = self.slots[slot].connection.as_mut() else {
            return;
        };
        if let Some(deadline) = connection.next_deadline()
            && connection.armed.is_none_or(|armed| deadline < armed)
        {
            connection.armed = Some(deadline);
            self.timers.arm(deadline, connection.id);
            if self.timers.len() > LEAST_TIMERS + TIMERS_PER_CONNECTION * self.statistics.connections {
                let slots = &self.slots;
                self.timers.retain(|deadline, id| {
                    let connection = slots.get(slot_of(id)).and_then(|slot| slot.connection.as_ref());
                    connection.is_some_and(|connection| connection.id == id && connection.armed == Some(deadline))
                });
            }
        }
    }

    fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.slots
            .get_mut(slot_of(id))?
            .connection
            .as_deref_mut()
            .filter(|connection| connection.id == id)
    }

    /// The connection, marked: the caller is about to change it.
    fn active(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connection(id)?;
        self.mark(slot_of(id));
        self.connection(id)
    }

    fn mark(&mut self, slot: usize) {
        if let Some(connection) = self.slots.get_mut(slot).and_then(|slot| slot.connection.as_mut())
            && !connection.to_process
        {
            connection.to_process = true;
            self.to_process.push(slot);
        }
    }
}

fn slot_of(id: ConnectionId) -> usize {
    (id.0 & SLOT_MASK) as usize
}

/// 62 bits is all that the wire carries; callers check their codes before.
fn varint(value: u64) -> VarInt {
    VarInt::from_u64(value).unwrap_or(VarInt::MAX)
}
