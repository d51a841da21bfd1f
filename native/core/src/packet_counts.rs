//! Packets of connections: quinn-proto counts them for each connection, monitors want them of all.

/// Counts of packets, and of bytes in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PacketCounts {
    /// QUIC packets.
    pub packets_sent: u64,
    /// UDP datagrams.
    pub packets_received: u64,
    /// QUIC packets that were declared lost.
    pub packets_lost: u64,
    /// Bytes of UDP payloads.
    pub bytes_sent: u64,
    /// Bytes of UDP payloads.
    pub bytes_received: u64,
}

impl PacketCounts {
    /// What a connection has counted so far.
    pub fn of(stats: &quinn_proto::ConnectionStats) -> Self {
        Self {
            packets_sent: stats.path.sent_packets,
            packets_received: stats.udp_rx.datagrams,
            packets_lost: stats.path.lost_packets,
            bytes_sent: stats.udp_tx.bytes,
            bytes_received: stats.udp_rx.bytes,
        }
    }

    /// Adds what `now` is more than `before`: counts of a connection never fall.
    pub(crate) fn add_growth(&mut self, before: &Self, now: &Self) {
        self.packets_sent += now.packets_sent - before.packets_sent;
        self.packets_received += now.packets_received - before.packets_received;
        self.packets_lost += now.packets_lost - before.packets_lost;
        self.bytes_sent += now.bytes_sent - before.bytes_sent;
        self.bytes_received += now.bytes_received - before.bytes_received;
    }
}
