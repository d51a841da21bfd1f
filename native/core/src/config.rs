//! What the application chooses, and its translation to quinn-proto.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn_proto::congestion::{BbrConfig, CubicConfig, NewRenoConfig};
use quinn_proto::{IdleTimeout, TransportConfig, VarInt};

/// When a client's address is validated with a Retry packet (RFC 9000 §8.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryPolicy {
    /// Never.
    Never,
    /// Once more than [`ADAPTIVE_RETRY_THRESHOLD`] handshakes are pending.
    Adaptive,
    /// For every connection.
    Always,
}

/// Pending handshakes above which [`RetryPolicy::Adaptive`] asks for address validation.
pub const ADAPTIVE_RETRY_THRESHOLD: usize = 200;

/// Bounds of the send window: what quinn buffers unacknowledged, of all streams of a connection together.
pub(crate) const LEAST_SEND_WINDOW: u64 = 128 * 1024;
pub(crate) const MOST_SEND_WINDOW: u64 = 4 * 1024 * 1024;

/// Limits and behaviour of one endpoint.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    /// Connections, handshaking ones included; further clients are refused.
    pub max_connections: usize,
    /// Connections of clients of one address group (IPv6 by /64), handshaking ones included; further
    /// clients are refused.
    pub max_connections_per_address: Option<usize>,
    /// Handshakes that clients have begun and not completed; further clients are refused.
    pub max_pending_handshakes: usize,
    /// Address validation.
    pub retry: RetryPolicy,
    /// From the first packet to the completed handshake.
    pub handshake_timeout: Duration,
    /// Read credit that every stream starts with, bytes.
    pub initial_credit: u64,
    /// Written on unidirectional streams of their own as soon as keys exist.
    pub preambles: Vec<Bytes>,
    /// Whether datagrams are sent at all: [`TransportSettings::max_datagram_frame_size`] of zero switches off both
    /// directions.
    pub datagrams: bool,
}

impl Default for CoreConfig {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_connections_per_address: None,
            max_pending_handshakes: 1_000,
            retry: RetryPolicy::Adaptive,
            handshake_timeout: Duration::from_secs(10),
            initial_credit: 64 * 1024,
            preambles: Vec::new(),
            datagrams: true,
        }
    }
}

/// The congestion controllers that quinn-proto offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CongestionControl {
    /// RFC 9438.
    Cubic,
    /// RFC 9002 §7.
    NewReno,
    /// Experimental.
    Bbr,
}

/// The transport's options. A duration of zero disables what it times.
#[derive(Debug, Clone)]
pub struct TransportSettings {
    /// RFC 9000 §10.1.
    pub max_idle_timeout: Duration,
    /// Interval of PING frames.
    pub keep_alive_interval: Duration,
    /// Flow-control window of a stream, bytes.
    pub stream_receive_window: u32,
    /// Flow-control window of the connection, bytes.
    pub receive_window: u32,
    /// Largest DATAGRAM frame that is accepted; zero switches datagrams off.
    pub max_datagram_frame_size: u16,
    /// Bytes of received datagrams that wait for the application.
    pub datagram_receive_buffer_size: usize,
    /// Bytes of datagrams that wait to be sent.
    pub datagram_send_buffer_size: usize,
    /// Congestion controller.
    pub congestion_control: CongestionControl,
    /// Announce RESET_STREAM_AT, and use it where the peer announces it, too.
    pub reset_stream_at: bool,
    /// Streams that the peer may have open at a time, bidirectional and unidirectional. The numbers are announced from
    /// the start; only open streams take memory.
    pub max_incoming_streams: [u32; 2],
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            max_idle_timeout: Duration::from_secs(60),
            keep_alive_interval: Duration::from_secs(25),
            stream_receive_window: 1024 * 1024,
            receive_window: 8 * 1024 * 1024,
            max_datagram_frame_size: u16::MAX,
            datagram_receive_buffer_size: 1024 * 1024,
            datagram_send_buffer_size: 1024 * 1024,
            congestion_control: CongestionControl::Cubic,
            reset_stream_at: true,
            max_incoming_streams: [128, 128],
        }
    }
}

/// quinn-proto's form of the settings.
pub fn transport_config(settings: &TransportSettings) -> TransportConfig {
    let mut config = TransportConfig::default();
    let [bidirectional, unidirectional] = settings.max_incoming_streams.map(VarInt::from_u32);
    config
        .max_concurrent_bidi_streams(bidirectional)
        .max_concurrent_uni_streams(unidirectional)
        .stream_receive_window(settings.stream_receive_window.into())
        .receive_window(settings.receive_window.into())
        .send_window(LEAST_SEND_WINDOW)
        .max_idle_timeout(non_zero(settings.max_idle_timeout).and_then(|idle| IdleTimeout::try_from(idle).ok()))
        .keep_alive_interval(non_zero(settings.keep_alive_interval))
        .datagram_receive_buffer_size(
            (settings.max_datagram_frame_size > 0).then_some(settings.datagram_receive_buffer_size),
        )
        .max_datagram_frame_size(settings.max_datagram_frame_size)
        .datagram_send_buffer_size(settings.datagram_send_buffer_size)
        .reset_stream_at(settings.reset_stream_at);
    match settings.congestion_control {
        CongestionControl::Cubic => config.congestion_controller_factory(Arc::new(CubicConfig::default())),
        CongestionControl::NewReno => config.congestion_controller_factory(Arc::new(NewRenoConfig::default())),
        CongestionControl::Bbr => config.congestion_controller_factory(Arc::new(BbrConfig::default())),
    };
    config
}

fn non_zero(duration: Duration) -> Option<Duration> {
    (!duration.is_zero()).then_some(duration)
}
