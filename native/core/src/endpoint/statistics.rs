//! What an endpoint counts, and what it knows of a connection's path.

use std::net::{IpAddr, SocketAddr};

use crate::handshake_failures::{HandshakeFailure, HandshakeFailures};
use crate::ids::ConnectionId;
use crate::packet_counts::PacketCounts;

use super::Core;

/// Counts of an endpoint.
#[derive(Debug, Clone, Copy, Default)]
pub struct Statistics {
    /// Connections that are not drained, handshaking ones included.
    pub connections: usize,
    /// Handshakes that clients have begun and not completed.
    pub pending_handshakes: usize,
    /// Deadlines that are held, stale ones included.
    pub timers: usize,
    /// Handshakes accepted since the start.
    pub accepted: u64,
    /// Handshakes refused since the start: `failures` of the causes from `MaxConnections` on.
    pub refused: u64,
    /// Handshakes that failed, and those refused, since the start.
    pub failures: HandshakeFailures,
    /// Packets of all connections since the start: of each as of the last [`Core::survey`], or of its end.
    pub packets: PacketCounts,
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

impl Statistics {
    /// A client has not become a connection.
    pub(super) fn failed(&mut self, cause: HandshakeFailure) {
        self.failures.count(cause);
        if cause.is_refusal() {
            self.refused += 1;
        }
    }
}

impl Core {
    /// What is known of a connection's path.
    pub fn snapshot(&mut self, id: ConnectionId) -> Option<Snapshot> {
        let quinn = &self.connections.get(id)?.quinn;
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

    /// Counts: they cost the same for any number of connections.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            timers: self.timers.len(),
            ..self.statistics
        }
    }

    /// Streams of all connections. Looks at each connection.
    pub fn stream_count(&self) -> usize {
        self.connections
            .iter()
            .map(|connection| connection.stream_count())
            .sum()
    }

    /// Counts the packets of the connections in the slots from `first` on, one for each place of `round_trips`, which
    /// gets the connection's smoothed round-trip time in milliseconds, or NaN where no established one is. Returns how
    /// many slots there are. Many connections are looked at in several calls, so that none takes long.
    pub fn survey(&mut self, first: usize, round_trips: &mut [f64]) -> usize {
        for (index, round_trip) in round_trips.iter_mut().enumerate() {
            *round_trip = match self.connections.at(first + index) {
                Some(connection) => {
                    connection.count_packets(&mut self.statistics.packets);
                    connection.round_trip()
                }
                None => f64::NAN,
            };
        }
        self.connections.len()
    }

    /// The last [`Core::statistics`] of an endpoint that ends: with the packets of the connections that it still has.
    pub fn last_statistics(&mut self) -> Statistics {
        for slot in 0..self.connections.len() {
            if let Some(connection) = self.connections.at(slot) {
                connection.count_packets(&mut self.statistics.packets);
            }
        }
        self.statistics()
    }
}
