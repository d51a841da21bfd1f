//! The interop cases with wtransport as the client: prints a JSON line for each.

use std::future::Future;
use std::time::Duration;

use interop_wtransport::{Failure, from_wire, pattern, read_all, to_wire};
use serde_json::{Value, json};
use wtransport::endpoint::ConnectOptions;
use wtransport::error::{ConnectingError, ConnectionError, StreamReadError, StreamWriteError};
use wtransport::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, VarInt};

const CASE_TIMEOUT: Duration = Duration::from_secs(15);

struct Peer {
    url: String,
    values: Value,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (mut url, mut input) = (String::new(), Value::Null);
    while let (Some(option), Some(value)) = (arguments.next(), arguments.next()) {
        match option.as_str() {
            "--url" => url = value,
            "--input" => input = serde_json::from_str(&value)?,
            _ => {}
        }
    }
    let peer = Peer {
        url,
        values: input["values"].clone(),
    };
    let names: Vec<&str> = input["names"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let long = "long-session";
    let others = async {
        for name in names.iter().filter(|name| **name != long) {
            report(name, run(&peer, name)).await;
        }
    };
    let waiting = async {
        if names.contains(&long) {
            report(long, run(&peer, long)).await;
        }
    };
    tokio::join!(others, waiting);
    Ok(())
}

async fn report(name: &str, case: impl Future<Output = Result<String, Failure>>) {
    let (outcome, detail) = match tokio::time::timeout(CASE_TIMEOUT, case).await {
        Ok(Ok(detail)) => ("passed", detail),
        Ok(Err(error)) => ("failed", error.to_string()),
        Err(_) => ("failed", "no result in time".to_owned()),
    };
    println!("{}", json!({ "case": name, "outcome": outcome, "detail": detail }));
}

async fn run(peer: &Peer, name: &str) -> Result<String, Failure> {
    match name {
        "bidi-echo" => expect_exchange(&peer.open("/echo").await?, b"hello", b"hello").await,
        "uni-echo" => uni_echo(&peer.open("/echo").await?).await,
        "datagram-echo" => {
            let session = peer.open("/echo").await?;
            session.send_datagram(b"ping")?;
            expect(&session.receive_datagram().await?.payload(), b"ping")
        }
        "many-streams" => many_streams(peer.open("/echo").await?).await,
        "upload" => {
            let size = peer.number("largeBytes");
            let expected = size.to_string();
            expect_exchange(&peer.open("/sink").await?, &vec![7; size as usize], expected.as_bytes()).await
        }
        "download" => {
            let size = peer.number("largeBytes");
            let answer = exchange(&peer.open("/source").await?, size.to_string().as_bytes()).await?;
            expect(&answer, &pattern(size as usize))
        }
        "push" => push(&peer.open("/push?n=2").await?).await,
        "server-close" => server_close(peer).await,
        "server-fin" => match end_of(&peer.open("/fin").await?).await {
            ConnectionError::ApplicationClosed(close) if close.code().into_inner() == 0 => Ok(String::new()),
            error => Err(error.into()),
        },
        "client-close" => {
            let session = peer.open("/echo").await?;
            exchange(&session, b"x").await?;
            let reason = peer.text("closeReason");
            session.close(to_wire(peer.number("closeCode")), reason.as_bytes());
            Ok("it closes the connection, without a capsule".to_owned())
        }
        "server-reset" => server_reset(peer).await,
        "client-reset" => {
            let session = peer.open("/echo").await?;
            let (mut send, _receive) = used_stream(&session).await?;
            send.reset(to_wire(peer.number("resetCode")))?;
            expect_exchange(&session, b"y", b"y").await
        }
        "client-stop" => {
            let session = peer.open("/echo").await?;
            let (_send, receive) = used_stream(&session).await?;
            receive.stop(to_wire(peer.number("stopCode")));
            expect_exchange(&session, b"y", b"y").await
        }
        "reject" => refused(peer, &format!("/reject?status={}", peer.number("rejectStatus"))).await,
        "not-found" => refused(peer, "/no-such-path").await,
        "headers" => headers(peer).await,
        "subprotocol" => {
            let offer = ("wt-available-protocols", "\"unknown\", \"bar\", \"foo.v1\"");
            let session = peer.open_with("/protocol", Some(offer)).await?;
            expect_exchange(&session, b"?", b"bar").await?;
            Ok("offered in a header of its own; the answer's headers are not shown".to_owned())
        }
        "drain" => {
            expect_exchange(&peer.open("/drain").await?, b"still here", b"still here").await?;
            Ok("no event for it, the session lives on".to_owned())
        }
        "goaway" => expect_exchange(&peer.open("/goaway").await?, b"still here", b"still here").await,
        "long-session" => {
            let session = peer.open("/echo").await?;
            tokio::time::sleep(Duration::from_secs(11)).await;
            expect_exchange(&session, b"still here", b"still here").await
        }
        _ => Err("no such case".into()),
    }
}

impl Peer {
    fn number(&self, name: &str) -> u32 {
        self.values[name]
            .as_u64()
            .and_then(|value| u32::try_from(value).ok())
            .unwrap_or(0)
    }

    fn text(&self, name: &str) -> &str {
        self.values[name].as_str().unwrap_or("")
    }

    async fn open(&self, path: &str) -> Result<Connection, Failure> {
        Ok(self.open_with(path, None).await?)
    }

    async fn open_with(&self, path: &str, header: Option<(&str, &str)>) -> Result<Connection, ConnectingError> {
        let config = ClientConfig::builder()
            .with_bind_default()
            .with_no_cert_validation()
            .build();
        let endpoint = Endpoint::client(config).map_err(ConnectingError::DnsLookup)?;
        let mut options = ConnectOptions::builder(format!("{}{path}", self.url));
        if let Some((name, value)) = header {
            options = options.add_header(name, value);
        }
        endpoint.connect(options.build()).await
    }
}

async fn uni_echo(session: &Connection) -> Result<String, Failure> {
    let mut stream = session.open_uni().await?.await?;
    stream.write_all(b"one way").await?;
    stream.finish().await?;
    expect(&read_all(&mut session.accept_uni().await?).await?, b"one way")
}

async fn many_streams(session: Connection) -> Result<String, Failure> {
    let mut tasks = Vec::new();
    for index in 0..50 {
        let session = session.clone();
        tasks.push(tokio::spawn(async move {
            let text = format!("stream {index}");
            expect_exchange(&session, text.as_bytes(), text.as_bytes()).await
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(String::new())
}

async fn push(session: &Connection) -> Result<String, Failure> {
    let mut seen = Vec::new();
    for index in 0..2 {
        let (mut send, mut receive) = session.accept_bi().await?;
        seen.push(read_all(&mut receive).await?);
        send.write_all(format!("reply {index}").as_bytes()).await?;
        send.finish().await?;
        seen.push(read_all(&mut session.accept_uni().await?).await?);
        seen.push(session.receive_datagram().await?.payload().to_vec());
    }
    seen.sort();
    let expected = "server-bidi-0 server-bidi-1 server-datagram-0 server-datagram-1 server-uni-0 server-uni-1";
    expect(&seen.join(&b' '), expected.as_bytes())
}

async fn server_close(peer: &Peer) -> Result<String, Failure> {
    let (code, reason) = (peer.number("serverCloseCode"), peer.text("serverCloseReason"));
    let path = format!("/close?code={code}&reason={}", reason.replace(' ', "%20"));
    match end_of(&peer.open(&path).await?).await {
        ConnectionError::ApplicationClosed(close)
            if close.code() == VarInt::from_u32(code) && close.reason() == reason.as_bytes() =>
        {
            Ok(String::new())
        }
        error => Err(error.into()),
    }
}

async fn server_reset(peer: &Peer) -> Result<String, Failure> {
    let code = peer.number("serverResetCode");
    let session = peer.open(&format!("/reset?code={code}")).await?;
    let (mut send, mut receive) = session.open_bi().await?.await?;
    send.write_all(b"x").await?;
    let read = receive.read(&mut [0]).await;
    let stopped = send.stopped().await;
    match (&read, &stopped) {
        (Err(StreamReadError::Reset(reset)), StreamWriteError::Stopped(stop))
            if from_wire(*reset) == Some(code) && from_wire(*stop) == Some(code) =>
        {
            Ok(String::new())
        }
        _ => Err(format!("read: {read:?}, stopped: {stopped:?}").into()),
    }
}

async fn refused(peer: &Peer, path: &str) -> Result<String, Failure> {
    match peer.open_with(path, None).await {
        Err(ConnectingError::SessionRejected) => Ok("the status is not shown".to_owned()),
        Err(error) => Err(error.into()),
        Ok(_) => Err("it should have been refused".into()),
    }
}

async fn headers(peer: &Peer) -> Result<String, Failure> {
    let session = peer.open_with("/headers?a=1", Some(("x-test", "1"))).await?;
    let headers: Value = serde_json::from_slice(&exchange(&session, b"?").await?)?;
    let seen = format!("{} {} {}", headers[":method"], headers[":path"], headers["x-test"]);
    expect(seen.as_bytes(), br#""CONNECT" "/headers?a=1" "1""#)?;
    Ok(headers[":protocol"].as_str().unwrap_or("").to_owned())
}

/// `closed()` tells of the connection, which wtransport itself closes; accepting tells of the session.
async fn end_of(session: &Connection) -> ConnectionError {
    loop {
        if let Err(error) = session.accept_uni().await {
            return error;
        }
    }
}

async fn used_stream(session: &Connection) -> Result<(SendStream, RecvStream), Failure> {
    let (mut send, mut receive) = session.open_bi().await?.await?;
    send.write_all(b"x").await?;
    receive.read(&mut [0]).await?;
    Ok((send, receive))
}

async fn exchange(session: &Connection, data: &[u8]) -> Result<Vec<u8>, Failure> {
    let (mut send, mut receive) = session.open_bi().await?.await?;
    let write = async {
        send.write_all(data).await?;
        Ok::<(), Failure>(send.finish().await?)
    };
    let (written, answer) = tokio::join!(write, read_all(&mut receive));
    written?;
    answer
}

async fn expect_exchange(session: &Connection, data: &[u8], expected: &[u8]) -> Result<String, Failure> {
    expect(&exchange(session, data).await?, expected)
}

fn expect(actual: &[u8], expected: &[u8]) -> Result<String, Failure> {
    if actual == expected {
        return Ok(String::new());
    }
    let shown = String::from_utf8_lossy(&actual[..actual.len().min(80)]).into_owned();
    Err(format!("{} bytes that differ from what was expected: {shown}", actual.len()).into())
}
