//! Two cores on one link, in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tswebtransport_core::quinn_proto::{ClientConfig, Dir, EndpointConfig, ServerConfig, Transmit};
use tswebtransport_core::{Arrival, ConnectionId, Core, CoreConfig, SendOutcome, TransportSettings, transport_config};

use crate::events::{self, Closed, Connected, Event};
use crate::link::{Conditions, Link};
use crate::tap::Tap;
use crate::tls::tls;

/// What both sides are made from; a test changes what it is about.
pub struct Setup {
    pub seed: u64,
    pub client: CoreConfig,
    pub client_transport: TransportSettings,
    pub server: CoreConfig,
    pub server_transport: TransportSettings,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            seed: 1,
            client: CoreConfig::default(),
            client_transport: TransportSettings::default(),
            server: CoreConfig::default(),
            server_transport: TransportSettings::default(),
        }
    }
}

impl Setup {
    pub fn pair(self) -> Pair {
        Pair::new(self)
    }

    /// A pair with a connection: the client's id of it and the server's.
    pub fn connected(self) -> (Pair, ConnectionId, ConnectionId) {
        let mut pair = self.pair();
        let (client, server) = pair.connect();
        (pair, client, server)
    }
}

/// A pair with a connection and nothing special.
pub fn connected() -> (Pair, ConnectionId, ConnectionId) {
    Setup::default().connected()
}

/// A pair whose link has become bad after the handshake.
pub fn over_bad_link(seed: u64) -> (Pair, ConnectionId, ConnectionId) {
    let setup = Setup {
        seed,
        ..Setup::default()
    };
    let (mut pair, client, server) = setup.connected();
    pair.link.conditions = Conditions::BAD;
    (pair, client, server)
}

/// A pair whose server reads so many bytes of a stream, and more only when the test grants it.
pub fn with_credit(initial_credit: u64) -> (Pair, ConnectionId, ConnectionId) {
    let server = CoreConfig {
        initial_credit,
        ..CoreConfig::default()
    };
    let setup = Setup {
        server,
        ..Setup::default()
    };
    let (mut pair, client, server) = setup.connected();
    pair.server.grants = false;
    (pair, client, server)
}

/// One side, and all that its application has been told.
pub struct Peer {
    pub core: Core,
    pub address: SocketAddr,
    pub tap: Tap,
    /// Credit is given back for what is read (default), or not at all.
    pub grants: bool,
    pub events: Vec<(ConnectionId, Event)>,
    received: BTreeMap<(ConnectionId, u64), Received>,
}

/// What has come of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    pub bytes: Vec<u8>,
    pub fin: bool,
    /// Code and final size.
    pub reset: Option<(u64, u64)>,
}

pub struct Pair {
    pub client: Peer,
    pub server: Peer,
    pub link: Link,
    pub now: Instant,
    start: Instant,
    pub client_config: ClientConfig,
    /// For a server that takes the first one's place.
    pub server_config: ServerConfig,
}

impl Pair {
    fn new(setup: Setup) -> Self {
        let (client_tap, server_tap) = (Tap::default(), Tap::default());
        let (mut client_config, mut server_config) = tls(&client_tap, &server_tap);
        client_config.transport_config(Arc::new(transport_config(&setup.client_transport)));
        server_config.transport_config(Arc::new(transport_config(&setup.server_transport)));
        let now = Instant::now();
        let mut client_endpoint = EndpointConfig::default();
        client_endpoint.rng_seed(Some([setup.seed as u8; 32]));
        let mut server_endpoint = EndpointConfig::default();
        server_endpoint.rng_seed(Some([!setup.seed as u8; 32]));
        let server = Core::new(
            setup.server,
            server_endpoint,
            Some(Arc::new(server_config.clone())),
            true,
        );
        Self {
            client: Peer::new(
                Core::new(setup.client, client_endpoint, None, true),
                "[::1]:1000",
                client_tap,
            ),
            server: Peer::new(server, "[::1]:2000", server_tap),
            link: Link::new(setup.seed),
            now,
            start: now,
            client_config,
            server_config,
        }
    }

    /// Puts another server in the place of the present one, which is gone without a word.
    pub fn replace_server(&mut self, config: CoreConfig, endpoint: EndpointConfig, server: ServerConfig) {
        self.server.core = Core::new(config, endpoint, Some(Arc::new(server)), true);
        self.server.events.clear();
    }

    /// Hands the server a packet that another worker has received.
    pub fn forward_to_server(&mut self, packet: &[u8], from: SocketAddr) {
        let (now, link, own) = (self.now, &mut self.link, self.server.address);
        let data = BytesMut::from(packet);
        self.server.core.receive(
            now,
            Arrival::Forwarded,
            from,
            None,
            None,
            data,
            &mut |transmit, contents| {
                transmit_to(link, now, own, transmit, contents);
            },
        );
    }

    /// Starts a handshake.
    pub fn begin_connect(&mut self) -> ConnectionId {
        let address = self.server.address;
        let config = self.client_config.clone();
        self.client
            .core
            .connect(self.now, config, address, "localhost")
            .expect("the client configuration is good")
    }

    /// A connection that both sides know: the client's id and the server's.
    pub fn connect(&mut self) -> (ConnectionId, ConnectionId) {
        let known = self.server.connections().len();
        let client = self.begin_connect();
        self.run_until(|pair| pair.server.connections().len() > known && pair.client.connected(client).is_some());
        (client, self.server.connections()[known])
    }

    /// Moves the clock to what comes next and handles it. False: nothing will ever come.
    pub fn step(&mut self) -> bool {
        if !self.has_work() {
            match self.next_due() {
                Some(next) => self.now = self.now.max(next),
                None => return false,
            }
        }
        for packet in self.link.arrived(self.now) {
            let peer = match packet.to {
                to if to == self.client.address => &mut self.client,
                to if to == self.server.address => &mut self.server,
                _ => continue,
            };
            let (now, link, own) = (self.now, &mut self.link, peer.address);
            let data = BytesMut::from(packet.bytes.as_slice());
            peer.core.receive(
                now,
                Arrival::Socket,
                packet.from,
                None,
                packet.ecn,
                data,
                &mut |transmit, contents| {
                    transmit_to(link, now, own, transmit, contents);
                },
            );
        }
        for peer in [&mut self.client, &mut self.server] {
            peer.turn(self.now, &mut self.link);
        }
        true
    }

    fn has_work(&self) -> bool {
        self.client.core.has_work() || self.server.core.has_work()
    }

    fn next_due(&self) -> Option<Instant> {
        let due = [
            self.link.next_arrival(),
            self.client.core.next_deadline(),
            self.server.core.next_deadline(),
        ];
        due.into_iter().flatten().min()
    }

    /// Runs until `done`, and fails when that takes more than an hour of the virtual clock.
    pub fn run_until(&mut self, mut done: impl FnMut(&mut Self) -> bool) {
        let end = self.now + Duration::from_secs(3600);
        while !done(self) {
            assert!(self.now < end && self.step(), "what the test waits for never comes");
        }
    }

    /// Runs for a time, or until both sides are idle for good.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.has_work() || self.next_due().is_some_and(|due| due <= end) {
            self.step();
        }
        self.now = end;
    }

    /// Half a second: enough for everything on a good link, too little for keep-alives and idle timeouts.
    pub fn settle(&mut self) {
        self.run_for(Duration::from_millis(500));
    }

    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Puts frames of the test's into a packet from the client (in place of a datagram's) and delivers it.
    pub fn inject_from_client(&mut self, client: ConnectionId, frames: &[u8]) {
        self.client.tap.inject(frames);
        self.client
            .core
            .send_datagram(client, Bytes::from(vec![0; frames.len() + 32]));
        self.run_until(|pair| pair.client.tap.has_injected_all());
        self.settle();
    }
}

impl Peer {
    fn new(core: Core, address: &str, tap: Tap) -> Self {
        Self {
            core,
            address: address.parse().unwrap(),
            tap,
            grants: true,
            events: Vec::new(),
            received: BTreeMap::new(),
        }
    }

    /// Opens a stream and writes to it.
    pub fn send(&mut self, connection: ConnectionId, dir: Dir, content: &[u8], fin: bool) -> u64 {
        let stream = self.core.open(connection, dir).expect("the peer allows a stream");
        self.write(connection, stream, content, fin);
        stream
    }

    /// How many bytes left the queue at once.
    pub fn write(&mut self, connection: ConnectionId, stream: u64, content: &[u8], fin: bool) -> u64 {
        self.core
            .write(connection, stream, Bytes::copy_from_slice(content), fin)
    }

    fn turn(&mut self, now: Instant, link: &mut Link) {
        self.core.expire(now);
        self.core.process();
        while !self.core.events().is_empty() {
            for (connection, event) in events::take(self.core.events()) {
                self.note(ConnectionId(connection), event);
            }
            self.core.process();
        }
        let own = self.address;
        self.core.transmit(now, 4, &mut |transmit, contents| {
            transmit_to(link, now, own, transmit, contents);
            SendOutcome::Sent
        });
    }

    fn note(&mut self, connection: ConnectionId, event: Event) {
        match &event {
            Event::Data { stream, bytes, fin } => {
                let received = self.received.entry((connection, *stream)).or_default();
                assert!(
                    !received.fin && received.reset.is_none(),
                    "data after the end of stream {stream}"
                );
                received.bytes.extend_from_slice(bytes);
                received.fin = *fin;
                if self.grants && !fin {
                    self.core.grant(connection, *stream, bytes.len() as u64);
                }
            }
            Event::Reset {
                stream,
                code,
                final_size,
                reliable_size,
            } => {
                let received = self.received.entry((connection, *stream)).or_default();
                assert!(!received.fin && received.reset.is_none(), "stream {stream} ends twice");
                assert!(
                    received.bytes.len() as u64 >= *reliable_size,
                    "stream {stream} lacks reliable bytes"
                );
                received.reset = Some((*code, *final_size));
            }
            _ => {}
        }
        self.events.push((connection, event));
    }

    /// Everything that one connection has been told.
    pub fn of(&self, connection: ConnectionId) -> Vec<Event> {
        let events = self.events.iter().filter(|(id, _)| *id == connection);
        events.map(|(_, event)| event.clone()).collect()
    }

    /// Connections whose handshake has completed, in order.
    pub fn connections(&self) -> Vec<ConnectionId> {
        let connected = self
            .events
            .iter()
            .filter(|(_, event)| matches!(event, Event::Connected(_)));
        connected.map(|(id, _)| *id).collect()
    }

    pub fn connected(&self, connection: ConnectionId) -> Option<Connected> {
        self.of(connection).into_iter().find_map(|event| match event {
            Event::Connected(connected) => Some(connected),
            _ => None,
        })
    }

    pub fn closed(&self, connection: ConnectionId) -> Option<Closed> {
        self.of(connection).into_iter().find_map(|event| match event {
            Event::Closed(closed) => Some(closed),
            _ => None,
        })
    }

    /// What has come of a stream so far.
    pub fn stream(&self, connection: ConnectionId, stream: u64) -> Received {
        self.received.get(&(connection, stream)).cloned().unwrap_or_default()
    }

    /// How often an event has come.
    pub fn count(&self, event: &Event) -> usize {
        self.events.iter().filter(|(_, other)| other == event).count()
    }

    pub fn datagrams(&self) -> Vec<Vec<u8>> {
        let datagrams = self.events.iter().filter_map(|(_, event)| match event {
            Event::Datagram(bytes) => Some(bytes.clone()),
            _ => None,
        });
        datagrams.collect()
    }
}

/// Bytes of which any mix-up shows.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + (index >> 8) * 7) as u8).collect()
}

fn transmit_to(link: &mut Link, now: Instant, from: SocketAddr, transmit: &Transmit, contents: &[u8]) {
    let segment = transmit.segment_size.unwrap_or(contents.len()).max(1);
    for datagram in contents.chunks(segment) {
        link.send(now, from, transmit.destination, transmit.ecn, datagram);
    }
}
