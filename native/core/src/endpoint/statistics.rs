//! What an endpoint counts, and what it knows of a connection's path.

use std::net::{IpAddr, SocketAddr};

use crate::handshake_failures::{HandshakeFailure, HandshakeFailures};
use crate::ids::ConnectionId;

use super::Core;

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
    /// Handshakes refused since the start: `failures` of the causes from `MaxConnections` on.
    pub refused: u64,
    /// Handshakes that failed, and those refused, since the start.
    pub failures: HandshakeFailures,
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

    /// Counts.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            streams: self
                .connections
                .iter()
                .map(|connection| connection.stream_count())
                .sum(),
            timers: self.timers.len(),
            ..self.statistics
        }
    }
}
