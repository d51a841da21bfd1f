//! The paths of the peer application that a peer's server has, with wtransport.

use std::collections::HashMap;
use std::net::SocketAddr;

use interop_wtransport::{Failure, from_wire, pattern, read_all, to_wire};
use wtransport::endpoint::IncomingSession;
use wtransport::error::{ConnectionError, StreamReadError, StreamWriteError};
use wtransport::{Connection, Endpoint, Identity, RecvStream, SendStream, ServerConfig};

const CHUNK_BYTES: usize = 65_536;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let (mut certificate, mut key) = (String::new(), String::new());
    let mut arguments = std::env::args().skip(1);
    while let (Some(option), Some(value)) = (arguments.next(), arguments.next()) {
        match option.as_str() {
            "--cert" => certificate = value,
            "--key" => key = value,
            _ => return Err(format!("unknown option {option}").into()),
        }
    }
    let config = ServerConfig::builder()
        .with_bind_address(SocketAddr::from(([127, 0, 0, 1], 0)))
        .with_identity(Identity::load_pemfiles(certificate, key).await?)
        .build();
    let server = Endpoint::server(config)?;
    println!("listening {}", server.local_addr()?);
    loop {
        tokio::spawn(serve_session(server.accept().await));
    }
}

async fn serve_session(incoming: IncomingSession) -> Result<(), Failure> {
    let request = incoming.await?;
    let target = request.path().to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query: HashMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    if !["/echo", "/sink", "/source", "/push", "/reset"].contains(&path) {
        if path == "/reject" {
            request.forbidden().await;
        } else {
            request.not_found().await;
        }
        return Ok(());
    }
    let session = request.accept().await?;
    match path {
        "/push" => {
            push(
                session,
                query.get("n").and_then(|count| count.parse().ok()).unwrap_or(1),
            )
            .await
        }
        "/reset" => {
            reset(
                session,
                query.get("code").and_then(|code| code.parse().ok()).unwrap_or(0),
            )
            .await
        }
        _ => serve_streams(session, path).await,
    }
}

/// `closed()` would tell of the connection, which wtransport itself closes; accepting tells of the session.
fn tell_end(path: &str, error: &ConnectionError) {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            let reason = String::from_utf8_lossy(close.reason()).into_owned();
            println!("session_close {path} {} {reason}", close.code());
        }
        error => println!("session_lost {path} {error}"),
    }
}

async fn serve_streams(session: Connection, path: &str) -> Result<(), Failure> {
    if path == "/echo" {
        tokio::spawn(echo_datagrams(session.clone()));
        tokio::spawn(echo_unidirectional(session.clone()));
    }
    loop {
        let (send, receive) = session.accept_bi().await.inspect_err(|error| tell_end(path, error))?;
        match path {
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

async fn echo_unidirectional(session: Connection) -> Result<(), Failure> {
    loop {
        let data = read_all(&mut session.accept_uni().await?).await?;
        let mut stream = session.open_uni().await?.await?;
        stream.write_all(&data).await?;
        stream.finish().await?;
    }
}

async fn echo(mut send: SendStream, mut receive: RecvStream) -> Result<(), Failure> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        tokio::select! {
            stopped = send.stopped() => {
                if let StreamWriteError::Stopped(code) = stopped {
                    println!("stop_sending {}", from_wire(code).map_or("?".to_owned(), |code| code.to_string()));
                }
                return Ok(());
            }
            read = receive.read(&mut buffer) => match read {
                Ok(Some(length)) => send.write_all(&buffer[..length]).await?,
                Ok(None) => return Ok(send.finish().await?),
                Err(StreamReadError::Reset(code)) => {
                    println!("stream_reset {}", from_wire(code).map_or("?".to_owned(), |code| code.to_string()));
                    send.reset(to_wire(0))?;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            },
        }
    }
}

async fn sink(mut send: SendStream, mut receive: RecvStream) -> Result<(), Failure> {
    let total = read_all(&mut receive).await?.len();
    send.write_all(total.to_string().as_bytes()).await?;
    Ok(send.finish().await?)
}

async fn source(mut send: SendStream, mut receive: RecvStream) -> Result<(), Failure> {
    let request = read_all(&mut receive).await?;
    let mut remaining: usize = std::str::from_utf8(&request)?.trim().parse()?;
    let chunk = pattern(CHUNK_BYTES);
    while remaining > 0 {
        let length = remaining.min(CHUNK_BYTES);
        send.write_all(&chunk[..length]).await?;
        remaining -= length;
    }
    Ok(send.finish().await?)
}

async fn push(session: Connection, count: usize) -> Result<(), Failure> {
    for index in 0..count {
        let (mut send, _receive) = session.open_bi().await?.await?;
        send.write_all(format!("server-bidi-{index}").as_bytes()).await?;
        send.finish().await?;
        let mut send = session.open_uni().await?.await?;
        send.write_all(format!("server-uni-{index}").as_bytes()).await?;
        send.finish().await?;
        session.send_datagram(format!("server-datagram-{index}"))?;
    }
    session.closed().await;
    Ok(())
}

async fn reset(session: Connection, code: u32) -> Result<(), Failure> {
    loop {
        let (mut send, mut receive) = session.accept_bi().await?;
        receive.read(&mut [0]).await?;
        send.reset(to_wire(code))?;
        receive.stop(to_wire(code));
    }
}
