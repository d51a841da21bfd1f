//! Statistics in the form that JavaScript gets. Durations are milliseconds, sizes bytes.

use napi_derive::napi;
use tswebtransport_core::{PacketCounts, Snapshot, Statistics};

#[napi(object, object_from_js = false)]
pub struct EndpointStats {
    pub connections: u32,
    pub pending_handshakes: u32,
    pub handshakes_accepted: f64,
    pub handshakes_refused: f64,
    /// In the order of `HandshakeFailure`.
    pub handshake_failures: Vec<f64>,
    pub packets_sent: f64,
    pub packets_received: f64,
    pub packets_lost: f64,
    pub bytes_sent: f64,
    pub bytes_received: f64,
    pub receive_buffer_size: u32,
    pub send_buffer_size: u32,
}

impl EndpointStats {
    /// `buffers`: the sizes of the socket's receive and send buffer.
    pub(crate) fn new(statistics: &Statistics, buffers: [usize; 2]) -> Self {
        let packets = &statistics.packets;
        Self {
            connections: statistics.connections as u32,
            pending_handshakes: statistics.pending_handshakes as u32,
            handshakes_accepted: statistics.accepted as f64,
            handshakes_refused: statistics.refused as f64,
            handshake_failures: statistics.failures.counts().iter().map(|count| *count as f64).collect(),
            packets_sent: packets.packets_sent as f64,
            packets_received: packets.packets_received as f64,
            packets_lost: packets.packets_lost as f64,
            bytes_sent: packets.bytes_sent as f64,
            bytes_received: packets.bytes_received as f64,
            receive_buffer_size: buffers[0] as u32,
            send_buffer_size: buffers[1] as u32,
        }
    }
}

/// A connection's figures, in the order in which `native-connection.ts` reads them.
pub(crate) fn connection_figures(snapshot: &Snapshot) -> [f64; 9] {
    let (path, packets) = (&snapshot.stats.path, PacketCounts::of(&snapshot.stats));
    [
        path.rtt.as_secs_f64() * 1000.0,
        path.min_rtt.as_secs_f64() * 1000.0,
        path.cwnd as f64,
        path.current_mtu.into(),
        packets.packets_sent as f64,
        packets.packets_received as f64,
        packets.packets_lost as f64,
        packets.bytes_sent as f64,
        packets.bytes_received as f64,
    ]
}
