//! The benchmark server on the `wtransport` crate, written as its examples are, with its default configuration, but on
//! one thread: with the load generator beside it on two cores, that is its faster setting in nearly every metric.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use wtransport::endpoint::IncomingSession;
use wtransport::{Connection, Endpoint, Identity, RecvStream, SendStream, ServerConfig};

type Failure = Box<dyn Error + Send + Sync>;

const CHUNK_BYTES: usize = 65_536;
/// Small, because every new stream has one.
const ECHO_CHUNK_BYTES: usize = 4096;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let (mut port, mut certificate, mut key) = (0_u16, String::new(), String::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--port" => port = value.parse()?,
            "--cert" => certificate = value,
            "--key" => key = value,
            _ => return Err(format!("unknown option {option}").into()),
        }
    }
    let config = ServerConfig::builder()
        .with_bind_address(SocketAddr::from(([127, 0, 0, 1], port)))
        .with_identity(Identity::load_pemfiles(certificate, key).await?)
        // The default is no time-out at all; the idle sessions of the benchmark send a packet every 20 s.
        .max_idle_timeout(Some(Duration::from_secs(60)))?
        .build();
    let server = Endpoint::server(config)?;
    println!("listening {}", server.local_addr()?);
    loop {
        tokio::spawn(serve_session(server.accept().await));
    }
}

async fn serve_session(incoming: IncomingSession) -> Result<(), Failure> {
    let request = incoming.await?;
    let path = request.path().to_owned();
    if !["/echo", "/sink", "/source"].contains(&path.as_str()) {
        request.not_found().await;
        return Ok(());
    }
    let session = request.accept().await?;
    if path == "/echo" {
        tokio::spawn(echo_datagrams(session.clone()));
    }
    loop {
        let (send, receive) = session.accept_bi().await?;
        match path.as_str() {
            "/echo" => tokio::spawn(echo(send, receive)),
            "/sink" => tokio::spawn(sink(send, receive)),
            _ => tokio::spawn(source(send, receive)),
        };
    }
}

async fn echo_datagrams(session: Connection) -> Result<(), Failure> {
    loop {
        session.send_datagram(session.receive_datagram().await?.payload())?;
    }
}

async fn echo(mut send: SendStream, mut receive: RecvStream) -> Result<(), Failure> {
    let mut buffer = [0; ECHO_CHUNK_BYTES];
    while let Some(length) = receive.read(&mut buffer).await? {
        send.write_all(&buffer[..length]).await?;
    }
    Ok(send.finish().await?)
}

async fn sink(mut send: SendStream, mut receive: RecvStream) -> Result<(), Failure> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut total = 0_u64;
    while let Some(length) = receive.read(&mut buffer).await? {
        total += length as u64;
    }
    send.write_all(total.to_string().as_bytes()).await?;
    Ok(send.finish().await?)
}

async fn source(mut send: SendStream, mut receive: RecvStream) -> Result<(), Failure> {
    let mut request = Vec::new();
    let mut buffer = [0; 32];
    while let Some(length) = receive.read(&mut buffer).await? {
        request.extend_from_slice(&buffer[..length]);
    }
    let mut remaining: usize = std::str::from_utf8(&request)?.trim().parse()?;
    let chunk: Vec<u8> = (0..CHUNK_BYTES).map(|index| index as u8).collect();
    while remaining > 0 {
        let length = remaining.min(CHUNK_BYTES);
        send.write_all(&chunk[..length]).await?;
        remaining -= length;
    }
    Ok(send.finish().await?)
}
