//! A QUIC client that keeps TLS tickets, for tests of servers that share their keys: `resuming_client PORT`.
//!
//! It answers each line of its standard input, when the handshake has ended, with a line of JSON: the worker id in the
//! server's connection ID, whether the session was resumed, and how many tickets are left. `collect` connects without a
//! ticket and keeps those that it gets; `resume` uses up the oldest ticket and keeps none. The server is not verified.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{ErrorKind, stdin};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, NamedGroup, SignatureScheme};
use tswebtransport_core::quinn_proto::crypto::rustls::QuicClientConfig;
use tswebtransport_core::quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, DatagramEvent, Endpoint, EndpointConfig, Event, VarInt,
};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Between two looks at the time while no packet comes.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// Where the length of the destination connection ID stands in a long header; the source ID follows it in the same way.
const DESTINATION_LENGTH: usize = 5;

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> Fallible<()> {
    let port = std::env::args().nth(1).ok_or("usage: resuming_client PORT")?.parse()?;
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let tickets = Arc::new(TicketJar::default());
    let verifier = Arc::new(AnyServer::new());
    let mut tls = rustls::ClientConfig::builder_with_provider(verifier.provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    tls.resumption = Resumption::store(tickets.clone());
    let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    for line in stdin().lines() {
        let resumes = match line?.as_str() {
            "collect" => false,
            "resume" => true,
            other => return Err(format!("unknown command {other}").into()),
        };
        if resumes && tickets.count() == 0 {
            return Err("there is no ticket to resume with".into());
        }
        tickets.resumes.store(resumes, Ordering::Relaxed);
        verifier.was_asked.store(false, Ordering::Relaxed);
        let before = tickets.count();
        let is_done = || resumes || tickets.count() > before;
        let worker = Attempt::begin(config.clone(), server)?.run(&is_done)?;
        // Only a full handshake has a certificate (RFC 8446 §2.2).
        let resumed = !verifier.was_asked.load(Ordering::Relaxed);
        let left = tickets.count();
        println!(r#"{{"worker":{worker},"resumed":{resumed},"tickets":{left}}}"#);
    }
    Ok(())
}

/// One connection.
struct Attempt {
    socket: UdpSocket,
    endpoint: Endpoint,
    connection: Connection,
    handle: ConnectionHandle,
    worker: Option<u16>,
}

impl Attempt {
    fn begin(config: ClientConfig, server: SocketAddr) -> Fallible<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut endpoint = Endpoint::new(Arc::new(EndpointConfig::default()), None, false, None);
        let (handle, connection) = endpoint.connect(Instant::now(), config, server, "localhost")?;
        Ok(Self {
            socket,
            endpoint,
            connection,
            handle,
            worker: None,
        })
    }

    /// Connects, waits until it `is_done`, and closes. The worker that has answered.
    fn run(mut self, is_done: &dyn Fn() -> bool) -> Fallible<u16> {
        let end = Instant::now() + TIMEOUT;
        let mut is_connected = false;
        loop {
            self.send()?;
            while let Some(event) = self.connection.poll() {
                match event {
                    Event::Connected => is_connected = true,
                    Event::ConnectionLost { reason } => return Err(reason.into()),
                    _ => {}
                }
            }
            if is_connected && is_done() {
                break;
            }
            if Instant::now() > end {
                return Err("no connection within the time".into());
            }
            self.receive()?;
        }
        self.connection
            .close(Instant::now(), VarInt::from_u32(0x100), Default::default());
        self.send()?;
        self.worker.ok_or_else(|| "the server has no worker id".into())
    }

    fn send(&mut self) -> Fallible<()> {
        let mut packet = Vec::new();
        while let Some(transmit) = self.connection.poll_transmit(Instant::now(), 1, &mut packet) {
            self.socket.send_to(&packet[..transmit.size], transmit.destination)?;
            packet.clear();
        }
        while let Some(event) = self.connection.poll_endpoint_events() {
            if let Some(event) = self.endpoint.handle_event(self.handle, event) {
                self.connection.handle_event(event);
            }
        }
        Ok(())
    }

    /// Waits for a packet, or until a timer of the connection is due.
    fn receive(&mut self) -> Fallible<()> {
        let due = self.connection.poll_timeout();
        let wait = due.map_or(LONGEST_WAIT, |due| due.saturating_duration_since(Instant::now()));
        self.socket
            .set_read_timeout(Some(wait.clamp(Duration::from_millis(1), LONGEST_WAIT)))?;
        let mut buffer = [0; 2048];
        match self.socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                let packet = &buffer[..length];
                self.worker = self.worker.or_else(|| worker_of(packet));
                let mut response = Vec::new();
                let event = self
                    .endpoint
                    .handle(Instant::now(), from, None, None, packet.into(), &mut response);
                if let Some(DatagramEvent::ConnectionEvent(_, event)) = event {
                    self.connection.handle_event(event);
                }
            }
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {}
            Err(error) => return Err(error.into()),
        }
        let now = Instant::now();
        if self.connection.poll_timeout().is_some_and(|due| due <= now) {
            self.connection.handle_timeout(now);
        }
        Ok(())
    }
}

/// The first two bytes of the source connection ID of a packet with a long header.
fn worker_of(packet: &[u8]) -> Option<u16> {
    let is_long = packet.first()? & 0x80 != 0;
    let source = DESTINATION_LENGTH + 1 + usize::from(*packet.get(DESTINATION_LENGTH)?);
    let id = packet.get(source + 1..source + 3)?;
    is_long.then(|| u16::from_be_bytes([id[0], id[1]]))
}

/// Tickets in the order in which they came.
#[derive(Debug, Default)]
struct TicketJar {
    tickets: Mutex<VecDeque<Tls13ClientSessionValue>>,
    /// Takes a ticket out for the next handshake, and puts none in.
    resumes: AtomicBool,
}

impl TicketJar {
    fn count(&self) -> usize {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl ClientSessionStore for TicketJar {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        if !self.resumes.load(Ordering::Relaxed) {
            let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
            tickets.push_back(ticket);
        }
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        if !self.resumes.load(Ordering::Relaxed) {
            return None;
        }
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.pop_front()
    }
}

/// Accepts every certificate, and remembers that it was asked.
#[derive(Debug)]
struct AnyServer {
    provider: Arc<CryptoProvider>,
    was_asked: AtomicBool,
}

impl AnyServer {
    fn new() -> Self {
        Self {
            provider: Arc::new(aws_lc_rs::default_provider()),
            was_asked: AtomicBool::new(false),
        }
    }
}

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.was_asked.store(true, Ordering::Relaxed);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
