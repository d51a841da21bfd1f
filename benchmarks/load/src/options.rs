//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::metrics::Metric;

pub const USAGE: &str = "\
Usage:
  load --url https://127.0.0.1:PORT/ --cert-hash HEX [options]
  load make-cert DIR [--hostname localhost,127.0.0.1]

Options:
  --metric NAMES     comma-separated, or `all` (default: all but idle-1000)
  --seconds N        how long each metric is measured (default 2)
  --warmup N         seconds of the same load before that, not counted (default 0.3)
  --server-pid PID   reports the CPU time that this process used meanwhile (Linux); may be repeated: their sum
  --times N          N times as many sessions at once in sessions32 and sessions-8 (1 to 16, default 1)
  --json             one JSON object per measurement instead of text

Metrics:
  upload download echo new-stream parallel32 sessions32 datagrams sessions-serial sessions-8 first-echo idle-1000

`idle-1000` prints {\"ready\":N} when its sessions are open and holds them until a line or the end of standard input.
`make-cert` writes cert.pem and key.pem (ECDSA P-256, valid for 13 days) and prints the certificate's SHA-256 in hex.";

pub enum Command {
    Help,
    MakeCertificate { directory: PathBuf, hostnames: Vec<String> },
    Measure(Options),
}

pub struct Options {
    /// Without a trailing slash.
    pub base_url: String,
    pub certificate_hash: [u8; 32],
    pub metrics: Vec<Metric>,
    pub duration: Duration,
    pub warmup: Duration,
    /// Of every process that is the server.
    pub server_pids: Vec<u32>,
    /// How many times the usual number of sessions are open at once.
    pub times: usize,
    pub json: bool,
}

pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut arguments = arguments.peekable();
    match arguments.peek().map(String::as_str) {
        Some("make-cert") => {
            arguments.next();
            parse_make_certificate(arguments)
        }
        Some("--help" | "-h") => Ok(Command::Help),
        _ => parse_measure(arguments),
    }
}

fn parse_make_certificate(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut directory = None;
    let mut hostnames = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--hostname" => {
                hostnames = value(&mut arguments, "--hostname")?
                    .split(',')
                    .map(str::to_owned)
                    .collect()
            }
            option if option.starts_with('-') => return Err(format!("unknown option {option}")),
            _ => directory = Some(PathBuf::from(argument)),
        }
    }
    let directory = directory.ok_or("make-cert needs a directory")?;
    Ok(Command::MakeCertificate { directory, hostnames })
}

fn parse_measure(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut base_url = None;
    let mut certificate_hash = None;
    let mut metrics = Metric::TIMED.to_vec();
    let mut duration = Duration::from_secs(2);
    let mut warmup = Duration::from_millis(300);
    let mut server_pids = Vec::new();
    let mut times = 1;
    let mut json = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--url" => base_url = Some(value(&mut arguments, "--url")?.trim_end_matches('/').to_owned()),
            "--cert-hash" => certificate_hash = Some(parse_hash(&value(&mut arguments, "--cert-hash")?)?),
            "--metric" => metrics = parse_metrics(&value(&mut arguments, "--metric")?)?,
            "--seconds" => duration = parse_seconds(&value(&mut arguments, "--seconds")?)?,
            "--warmup" => warmup = parse_seconds(&value(&mut arguments, "--warmup")?)?,
            "--server-pid" => {
                let text = value(&mut arguments, "--server-pid")?;
                server_pids.push(
                    text.parse()
                        .map_err(|_| format!("--server-pid: not a process id: {text}"))?,
                );
            }
            "--times" => {
                let text = value(&mut arguments, "--times")?;
                times = text
                    .parse()
                    .ok()
                    .filter(|times| (1..=16).contains(times))
                    .ok_or_else(|| format!("--times: not a number from 1 to 16: {text}"))?;
            }
            "--json" => json = true,
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(Command::Measure(Options {
        base_url: base_url.ok_or("--url is missing")?,
        certificate_hash: certificate_hash.ok_or("--cert-hash is missing")?,
        metrics,
        duration,
        warmup,
        server_pids,
        times,
        json,
    }))
}

fn value(arguments: &mut impl Iterator<Item = String>, option: &str) -> Result<String, String> {
    arguments.next().ok_or_else(|| format!("{option} needs a value"))
}

fn parse_metrics(names: &str) -> Result<Vec<Metric>, String> {
    if names == "all" {
        return Ok(Metric::TIMED.to_vec());
    }
    names
        .split(',')
        .map(|name| Metric::from_name(name).ok_or_else(|| format!("unknown metric {name}")))
        .collect()
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("not a number of seconds between 0 and 600: {text}")),
    }
}

fn parse_hash(text: &str) -> Result<[u8; 32], String> {
    let digits: String = text.chars().filter(|character| *character != ':').collect();
    if digits.len() != 64 || !digits.is_ascii() {
        return Err("--cert-hash: a SHA-256 in hex has 64 digits".to_owned());
    }
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[index * 2..index * 2 + 2], 16).map_err(|_| "--cert-hash: not hex")?;
    }
    Ok(hash)
}
