//! The metrics: what each does is said in `benchmarks/README.md`.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::task::{JoinSet, LocalSet};
use wtransport::{Connection, RecvStream};

use crate::Failure;
use crate::client::{Client, close, open_stream};
use crate::measure::{Measurement, Phase, warmed};
use crate::options::Options;

const ECHO_BYTES: usize = 64;
static UPLOAD_CHUNK: [u8; 65_536] = [0x5a; 65_536];
/// One request of the download: requests follow each other on streams of one session.
const DOWNLOAD_BYTES: u64 = 16 * 1024 * 1024;
const PARALLEL: usize = 32;
const SESSIONS_AT_ONCE: usize = 8;
const DATAGRAM_WINDOW: u32 = 32;
/// A datagram without an answer for this long counts as lost and another takes its place in the window.
const DATAGRAM_PATIENCE: Duration = Duration::from_millis(50);
const IDLE_SESSIONS: usize = 1000;
/// Sessions opened at once while the idle ones are made: gentle enough for any server.
const IDLE_OPENERS: usize = 8;
const FIRST_ECHO_SESSIONS: usize = 20;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    Upload,
    Download,
    Echo,
    NewStream,
    Parallel32,
    Sessions32,
    Datagrams,
    SessionsSerial,
    Sessions8,
    FirstEcho,
    Idle1000,
}

impl Metric {
    /// All that need nobody at standard input.
    pub const TIMED: [Self; 10] = [
        Self::Upload,
        Self::Download,
        Self::Echo,
        Self::NewStream,
        Self::Parallel32,
        Self::Sessions32,
        Self::Datagrams,
        Self::SessionsSerial,
        Self::Sessions8,
        Self::FirstEcho,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Echo => "echo",
            Self::NewStream => "new-stream",
            Self::Parallel32 => "parallel32",
            Self::Sessions32 => "sessions32",
            Self::Datagrams => "datagrams",
            Self::SessionsSerial => "sessions-serial",
            Self::Sessions8 => "sessions-8",
            Self::FirstEcho => "first-echo",
            Self::Idle1000 => "idle-1000",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::TIMED
            .into_iter()
            .chain([Self::Idle1000])
            .find(|metric| metric.name() == name)
    }

    pub fn waits_for_stdin(self) -> bool {
        self == Self::Idle1000
    }
}

pub async fn run(metric: Metric, options: &Options) -> Result<Measurement, Failure> {
    let client = Rc::new(Client::new(options)?);
    // Tasks of one thread: what they count needs no atomics.
    let measurement = LocalSet::new()
        .run_until(async {
            match metric {
                Metric::Upload => upload(&client, options).await,
                Metric::Download => download(&client, options).await,
                Metric::Echo => echo(&client, options).await,
                Metric::NewStream => new_streams(&client, options, metric.name(), 1).await,
                Metric::Parallel32 => new_streams(&client, options, metric.name(), PARALLEL).await,
                Metric::Sessions32 => sessions_echoing(&client, options).await,
                Metric::Datagrams => datagrams(&client, options).await,
                Metric::SessionsSerial => sessions(&client, options, metric.name(), 1).await,
                Metric::Sessions8 => sessions(&client, options, metric.name(), SESSIONS_AT_ONCE * options.times).await,
                Metric::FirstEcho => first_echo(&client, options).await,
                Metric::Idle1000 => idle_sessions(&client, options).await,
            }
        })
        .await?;
    if let Ok(client) = Rc::try_unwrap(client) {
        client.finish().await;
    }
    Ok(measurement)
}

async fn upload(client: &Client, options: &Options) -> Result<Measurement, Failure> {
    let session = client.open_session("/sink").await?;
    let measurement = warmed(options, Metric::Upload.name(), async |phase| {
        let (mut send, receive) = open_stream(&session).await?;
        let mut sent = 0;
        while !phase.is_over() {
            send.quic_stream_mut().write_all(&UPLOAD_CHUNK).await?;
            sent += UPLOAD_CHUNK.len() as u64;
        }
        send.quic_stream_mut().finish()?;
        // Until the server has read everything, not until it left our buffer.
        let counted = String::from_utf8(read_to_end(receive, 32).await?)?;
        if counted.trim() != sent.to_string() {
            return Err(format!("{sent} bytes were sent, the server counted {counted:?}").into());
        }
        Ok(phase.end(sent / UPLOAD_CHUNK.len() as u64, sent))
    })
    .await?;
    close(&session);
    Ok(measurement)
}

async fn download(client: &Client, options: &Options) -> Result<Measurement, Failure> {
    let session = client.open_session("/source").await?;
    let measurement = warmed(options, Metric::Download.name(), async |phase| {
        let mut received = 0;
        while !phase.is_over() {
            let (mut send, mut receive) = open_stream(&session).await?;
            send.quic_stream_mut()
                .write_all(DOWNLOAD_BYTES.to_string().as_bytes())
                .await?;
            send.quic_stream_mut().finish()?;
            let mut length = 0;
            while let Some(chunk) = receive.quic_stream_mut().read_chunk(usize::MAX, true).await? {
                length += chunk.bytes.len() as u64;
            }
            if length != DOWNLOAD_BYTES {
                return Err(format!("{DOWNLOAD_BYTES} bytes were asked for, {length} came").into());
            }
            received += length;
        }
        Ok(phase.end(received / UPLOAD_CHUNK.len() as u64, received))
    })
    .await?;
    close(&session);
    Ok(measurement)
}

async fn echo(client: &Client, options: &Options) -> Result<Measurement, Failure> {
    let session = client.open_session("/echo").await?;
    let measurement = warmed(options, Metric::Echo.name(), async |phase| {
        let operations = Rc::new(Cell::new(0));
        echo_on_one_stream(&session, phase.deadline, &operations).await?;
        Ok(phase.end(operations.get(), operations.get() * ECHO_BYTES as u64))
    })
    .await?;
    close(&session);
    Ok(measurement)
}

async fn new_streams(
    client: &Client,
    options: &Options,
    name: &'static str,
    parallel: usize,
) -> Result<Measurement, Failure> {
    let session = client.open_session("/echo").await?;
    let measurement = warmed(options, name, async |phase| {
        let operations = Rc::new(Cell::new(0));
        let deadline = phase.deadline;
        in_parallel(parallel, |_| {
            let (session, operations) = (session.clone(), Rc::clone(&operations));
            async move {
                while Instant::now() < deadline {
                    echo_on_new_stream(&session, operations.get()).await?;
                    operations.set(operations.get() + 1);
                }
                Ok(())
            }
        })
        .await?;
        Ok(phase.end(operations.get(), operations.get() * ECHO_BYTES as u64))
    })
    .await?;
    close(&session);
    Ok(measurement)
}

async fn sessions_echoing(client: &Client, options: &Options) -> Result<Measurement, Failure> {
    let at_once = PARALLEL * options.times;
    let mut sessions = Vec::with_capacity(at_once);
    for _ in 0..at_once {
        sessions.push(client.open_session("/echo").await?);
    }
    let measurement = warmed(options, Metric::Sessions32.name(), async |phase| {
        let operations = Rc::new(Cell::new(0));
        let deadline = phase.deadline;
        in_parallel(at_once, |index| {
            let (session, operations) = (sessions[index].clone(), Rc::clone(&operations));
            async move { echo_on_one_stream(&session, deadline, &operations).await }
        })
        .await?;
        Ok(phase.end(operations.get(), operations.get() * ECHO_BYTES as u64))
    })
    .await?;
    sessions.iter().for_each(close);
    Ok(measurement)
}

async fn datagrams(client: &Client, options: &Options) -> Result<Measurement, Failure> {
    let session = client.open_session("/echo").await?;
    // Datagrams before the server's handler listens may be lost; a stream's echo tells that it does.
    echo_on_new_stream(&session, 0).await?;
    let measurement = warmed(options, Metric::Datagrams.name(), async |phase| {
        let (mut answered, mut lost, mut outstanding) = (0_u64, 0_u64, 0_u32);
        while !phase.is_over() {
            while outstanding < DATAGRAM_WINDOW {
                session.send_datagram([0x5a; ECHO_BYTES])?;
                outstanding += 1;
            }
            match tokio::time::timeout(DATAGRAM_PATIENCE, session.receive_datagram()).await {
                Ok(datagram) => {
                    if datagram?.payload().len() != ECHO_BYTES {
                        return Err("a datagram's echo has another length".into());
                    }
                    answered += 1;
                    // Answers that come after they were given up count as answers.
                    outstanding = outstanding.saturating_sub(1);
                }
                Err(_) => {
                    lost += u64::from(outstanding);
                    outstanding = 0;
                }
            }
        }
        let mut measurement = phase.end(answered, answered * ECHO_BYTES as u64);
        measurement.extra.push(("lost", lost as f64));
        Ok(measurement)
    })
    .await?;
    if measurement.operations == 0 {
        return Err("no datagram was echoed".into());
    }
    close(&session);
    Ok(measurement)
}

async fn sessions(
    client: &Rc<Client>,
    options: &Options,
    name: &'static str,
    parallel: usize,
) -> Result<Measurement, Failure> {
    warmed(options, name, async |phase| {
        let operations = Rc::new(Cell::new(0));
        let deadline = phase.deadline;
        in_parallel(parallel, |_| {
            let (client, operations) = (Rc::clone(client), Rc::clone(&operations));
            async move {
                while Instant::now() < deadline {
                    close(&client.open_session("/echo").await?);
                    operations.set(operations.get() + 1);
                }
                Ok(())
            }
        })
        .await?;
        Ok(phase.end(operations.get(), 0))
    })
    .await
}

/// The time from nothing to the first echo of a session, handshake included. Without a warm-up: of a server that has
/// just started, `firstMs` is the cold one.
async fn first_echo(client: &Client, options: &Options) -> Result<Measurement, Failure> {
    let phase = Phase::begin(Metric::FirstEcho.name(), options.duration, &options.server_pids);
    let mut milliseconds = Vec::with_capacity(FIRST_ECHO_SESSIONS);
    while milliseconds.is_empty() || (milliseconds.len() < FIRST_ECHO_SESSIONS && !phase.is_over()) {
        let started = Instant::now();
        let session = client.open_session("/echo").await?;
        echo_on_new_stream(&session, 0).await?;
        milliseconds.push(started.elapsed().as_secs_f64() * 1e3);
        close(&session);
    }
    let mut measurement = phase.end(milliseconds.len() as u64, 0);
    measurement.extra.push(("firstMs", milliseconds[0]));
    milliseconds.sort_by(f64::total_cmp);
    measurement
        .extra
        .push(("medianMs", milliseconds[milliseconds.len() / 2]));
    Ok(measurement)
}

async fn idle_sessions(client: &Rc<Client>, options: &Options) -> Result<Measurement, Failure> {
    // What a server allocates once, at its first sessions, is not memory of idle ones.
    for _ in 0..IDLE_OPENERS {
        let session = client.open_session("/echo").await?;
        echo_on_new_stream(&session, 0).await?;
        close(&session);
    }
    wait_for_line(r#"{"ready":0}"#).await?;

    let phase = Phase::begin(Metric::Idle1000.name(), options.duration, &options.server_pids);
    let sessions = Rc::new(RefCell::new(Vec::with_capacity(IDLE_SESSIONS)));
    in_parallel(IDLE_OPENERS, |_| {
        let (client, sessions) = (Rc::clone(client), Rc::clone(&sessions));
        async move {
            for _ in 0..IDLE_SESSIONS / IDLE_OPENERS {
                let session = client.open_session("/echo").await?;
                sessions.borrow_mut().push(session);
            }
            Ok(())
        }
    })
    .await?;
    let measurement = phase.end(sessions.borrow().len() as u64, 0);
    wait_for_line(&format!(r#"{{"ready":{}}}"#, sessions.borrow().len())).await?;

    // Every one of them still lives.
    for session in sessions.take() {
        echo_on_new_stream(&session, 0).await?;
        close(&session);
    }
    Ok(measurement)
}

/// Says that a state is reached and holds it until the caller answers with a line or closes standard input.
async fn wait_for_line(announcement: &str) -> Result<(), Failure> {
    println!("{announcement}");
    let mut byte = [0];
    let mut input = tokio::io::stdin();
    while input.read(&mut byte).await? == 1 && byte[0] != b'\n' {}
    Ok(())
}

async fn echo_on_one_stream(session: &Connection, deadline: Instant, operations: &Cell<u64>) -> Result<(), Failure> {
    let (mut send, mut receive) = open_stream(session).await?;
    let mut payload = [0; ECHO_BYTES];
    let mut answer = [0; ECHO_BYTES];
    while Instant::now() < deadline {
        payload[..8].copy_from_slice(&operations.get().to_be_bytes());
        send.quic_stream_mut().write_all(&payload).await?;
        receive.quic_stream_mut().read_exact(&mut answer).await?;
        if answer != payload {
            return Err("an echo differs from what was sent".into());
        }
        operations.set(operations.get() + 1);
    }
    send.quic_stream_mut().finish()?;
    if !read_to_end(receive, 1).await?.is_empty() {
        return Err("bytes after the last echo".into());
    }
    Ok(())
}

async fn echo_on_new_stream(session: &Connection, sequence: u64) -> Result<(), Failure> {
    let (mut send, receive) = open_stream(session).await?;
    let mut payload = [0; ECHO_BYTES];
    payload[..8].copy_from_slice(&sequence.to_be_bytes());
    send.quic_stream_mut().write_all(&payload).await?;
    send.quic_stream_mut().finish()?;
    if read_to_end(receive, ECHO_BYTES).await? != payload {
        return Err("an echo differs from what was sent".into());
    }
    Ok(())
}

async fn read_to_end(mut receive: RecvStream, limit: usize) -> Result<Vec<u8>, Failure> {
    Ok(receive.quic_stream_mut().read_to_end(limit).await?)
}

/// Runs `count` tasks at once and waits for all; the first failure ends them.
async fn in_parallel<Task, Work>(count: usize, task: Task) -> Result<(), Failure>
where
    Task: Fn(usize) -> Work,
    Work: Future<Output = Result<(), Failure>> + 'static,
{
    let mut tasks = JoinSet::new();
    for index in 0..count {
        tasks.spawn_local(task(index));
    }
    while let Some(result) = tasks.join_next().await {
        result??;
    }
    Ok(())
}
