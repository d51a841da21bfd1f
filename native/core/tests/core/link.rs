//! The link between two endpoints.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tswebtransport_core::quinn_proto::{EcnCodepoint, Transmit};

/// How the link treats packets. Chances are in percent.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// One way.
    pub latency: Duration,
    /// Up to as much more for each packet: packets overtake each other.
    pub jitter: Duration,
    pub loss: u64,
    pub duplication: u64,
}

impl Conditions {
    pub const GOOD: Self = Self {
        latency: Duration::from_millis(10),
        jitter: Duration::ZERO,
        loss: 0,
        duplication: 0,
    };

    pub const BAD: Self = Self {
        latency: Duration::from_millis(10),
        jitter: Duration::from_millis(15),
        loss: 10,
        duplication: 5,
    };
}

pub struct Packet {
    pub arrival: Instant,
    sequence: u64,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub ecn: Option<EcnCodepoint>,
    pub bytes: Vec<u8>,
}

pub struct Link {
    pub conditions: Conditions,
    /// Everything that enters the link is lost.
    pub cut: bool,
    packets: Vec<Packet>,
    random: Random,
    sent: u64,
}

impl Link {
    pub fn new(seed: u64) -> Self {
        Self {
            conditions: Conditions::GOOD,
            cut: false,
            packets: Vec::new(),
            random: Random::new(seed),
            sent: 0,
        }
    }

    /// Sends what an endpoint wants to be sent, each segment as a packet.
    pub fn transmit(&mut self, now: Instant, from: SocketAddr, transmit: &Transmit, contents: &[u8]) {
        let segment = transmit.segment_size.unwrap_or(contents.len()).max(1);
        for datagram in contents.chunks(segment) {
            self.send(now, from, transmit.destination, transmit.ecn, datagram);
        }
    }

    pub fn send(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, ecn: Option<EcnCodepoint>, bytes: &[u8]) {
        if self.cut || self.random.below(100) < self.conditions.loss {
            return;
        }
        let copies = 1 + u64::from(self.random.below(100) < self.conditions.duplication);
        for _ in 0..copies {
            let jitter = self.random.below(self.conditions.jitter.as_micros() as u64 + 1);
            self.sent += 1;
            self.packets.push(Packet {
                arrival: now + self.conditions.latency + Duration::from_micros(jitter),
                sequence: self.sent,
                from,
                to,
                ecn,
                bytes: bytes.to_vec(),
            });
        }
    }

    /// What is on its way from `former` comes from `present`.
    pub fn change_source(&mut self, former: SocketAddr, present: SocketAddr) {
        let packets = self.packets.iter_mut();
        for packet in packets.filter(|packet| packet.from == former) {
            packet.from = present;
        }
    }

    pub fn next_arrival(&self) -> Option<Instant> {
        self.packets.iter().map(|packet| packet.arrival).min()
    }

    /// What has arrived, first come, first served.
    pub fn arrived(&mut self, now: Instant) -> Vec<Packet> {
        let mut arrived: Vec<_> = self.packets.extract_if(.., |packet| packet.arrival <= now).collect();
        arrived.sort_by_key(|packet| (packet.arrival, packet.sequence));
        arrived
    }
}

/// xorshift64*: the same numbers for the same seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % limit
    }
}
