//! Two cores on one link, in virtual time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tswebtransport_core::quinn_proto::{ClientConfig, EndpointConfig, ServerConfig};
use tswebtransport_core::{Arrival, ConnectionId, Core, CoreConfig, TransportSettings, transport_config};

use crate::link::{Conditions, Link};
pub use crate::peer::{Peer, Received};
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
                link.transmit(now, own, transmit, contents);
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
                    link.transmit(now, own, transmit, contents);
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

/// Bytes of which any mix-up shows.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + (index >> 8) * 7) as u8).collect()
}
