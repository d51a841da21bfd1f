//! Sessions, as the metrics use them.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::Resumption;
use socket2::{Domain, Protocol, Socket, Type};
use wtransport::config::QuicTransportConfig;
use wtransport::endpoint::endpoint_side;
use wtransport::quinn::{IdleTimeout, VarInt};
use wtransport::tls::Sha256Digest;
use wtransport::tls::client::{ServerHashVerification, build_default_tls_config};
use wtransport::{ClientConfig, Connection, Endpoint, RecvStream, SendStream};

use crate::Failure;
use crate::options::Options;

/// Kernel buffers of the client's socket: bursts of a fast server must not be lost at the client.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

pub struct Client {
    endpoint: Endpoint<endpoint_side::Client>,
    base_url: String,
}

impl Client {
    pub fn new(options: &Options) -> Result<Self, Failure> {
        let hash = Sha256Digest::new(options.certificate_hash);
        let verification = Arc::new(ServerHashVerification::new([hash]));
        let mut tls = build_default_tls_config(Arc::new(RootCertStore::empty()), Some(verification));
        // Every session is a full handshake: servers that issue tickets would otherwise be measured doing less.
        tls.resumption = Resumption::disabled();

        let mut transport = QuicTransportConfig::default();
        transport.max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(60_000))));
        transport.keep_alive_interval(Some(Duration::from_secs(20)));
        // Large enough never to be what limits a server on loopback.
        transport.stream_receive_window(VarInt::from_u32(8 * 1024 * 1024));
        transport.send_window(8 * 1024 * 1024);

        let config = ClientConfig::builder()
            .with_bind_socket(bind()?)
            .with_custom_tls_and_transport(tls, transport)
            .build();
        Ok(Self {
            endpoint: Endpoint::client(config)?,
            base_url: options.base_url.clone(),
        })
    }

    /// Resolves when the server has accepted the session.
    pub async fn open_session(&self, path: &str) -> Result<Connection, Failure> {
        Ok(self.endpoint.connect(format!("{}{path}", self.base_url)).await?)
    }

    /// Lets the close frames of closed sessions leave before the process ends.
    pub async fn finish(self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.endpoint.wait_idle()).await;
    }
}

pub async fn open_stream(session: &Connection) -> Result<(SendStream, RecvStream), Failure> {
    Ok(session.open_bi().await?.await?)
}

pub fn close(session: &Connection) {
    session.close(wtransport::VarInt::from_u32(0x100), b""); // H3_NO_ERROR: RFC 9114 §8.1.
}

fn bind() -> Result<UdpSocket, Failure> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    Ok(socket.into())
}
