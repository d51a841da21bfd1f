//! What is counted, from when to when, and how it is printed.

use std::time::{Duration, Instant};

use crate::Failure;
use crate::options::Options;
use crate::process;

/// One finished measurement.
pub struct Measurement {
    pub metric: &'static str,
    pub operations: u64,
    pub bytes: u64,
    pub seconds: f64,
    /// CPU time of the server's process over the same interval, in seconds.
    pub server_cpu_seconds: Option<f64>,
    /// The same of this program: near `seconds` means that the load generator, not the server, set the rate.
    pub client_cpu_seconds: Option<f64>,
    /// Further figures of single metrics.
    pub extra: Vec<(&'static str, f64)>,
}

impl Measurement {
    pub fn to_json(&self) -> String {
        let mut text = format!(
            r#"{{"metric":"{}","operations":{},"seconds":{:.6},"bytes":{}"#,
            self.metric, self.operations, self.seconds, self.bytes
        );
        if let Some(cpu) = self.server_cpu_seconds {
            text += &format!(r#","serverCpuSeconds":{cpu:.2}"#);
        }
        if let Some(cpu) = self.client_cpu_seconds {
            text += &format!(r#","clientCpuSeconds":{cpu:.2}"#);
        }
        for (name, value) in &self.extra {
            text += &format!(r#","{name}":{value:.4}"#);
        }
        text + "}"
    }

    pub fn to_text(&self) -> String {
        let mut text = format!("{:<16}", self.metric);
        if self.operations > 0 && self.seconds > 0.0 {
            text += &format!(" {:>12.1} operations/s", self.operations as f64 / self.seconds);
        }
        if self.bytes > 0 && self.seconds > 0.0 {
            text += &format!(" {:>10.1} MB/s", self.bytes as f64 / 1e6 / self.seconds);
        }
        if let (Some(cpu), true) = (self.server_cpu_seconds, self.operations > 0) {
            text += &format!(" {:>10.2} us of server CPU each", cpu * 1e6 / self.operations as f64);
        }
        if let (Some(cpu), true) = (self.client_cpu_seconds, self.seconds > 0.0) {
            text += &format!("  client {:.0} % busy", cpu * 100.0 / self.seconds);
        }
        for (name, value) in &self.extra {
            text += &format!("  {name} {value:.2}");
        }
        text
    }
}

/// One phase of load: it ends by itself at `deadline`, and is measured from `begin` to `end`.
pub struct Phase {
    metric: &'static str,
    started: Instant,
    pub deadline: Instant,
    server_pids: Vec<u32>,
    server_cpu_at_start: Option<Duration>,
    client_cpu_at_start: Option<Duration>,
}

impl Phase {
    pub fn begin(metric: &'static str, duration: Duration, server_pids: &[u32]) -> Self {
        let server_cpu_at_start = process::cpu_time_of_all(server_pids);
        let client_cpu_at_start = process::cpu_time(std::process::id());
        let started = Instant::now();
        Self {
            metric,
            started,
            deadline: started + duration,
            server_pids: server_pids.to_vec(),
            server_cpu_at_start,
            client_cpu_at_start,
        }
    }

    pub fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    pub fn end(self, operations: u64, bytes: u64) -> Measurement {
        let seconds = self.started.elapsed().as_secs_f64();
        let server_cpu_at_end = process::cpu_time_of_all(&self.server_pids);
        let client_cpu_at_end = process::cpu_time(std::process::id());
        Measurement {
            metric: self.metric,
            operations,
            bytes,
            seconds,
            server_cpu_seconds: difference(self.server_cpu_at_start, server_cpu_at_end),
            client_cpu_seconds: difference(self.client_cpu_at_start, client_cpu_at_end),
            extra: Vec::new(),
        }
    }
}

fn difference(start: Option<Duration>, end: Option<Duration>) -> Option<f64> {
    Some(end?.saturating_sub(start?).as_secs_f64())
}

/// Runs the same load twice: a warm-up that is not counted, then the measurement.
pub async fn warmed<Load>(options: &Options, metric: &'static str, load: Load) -> Result<Measurement, Failure>
where
    Load: AsyncFn(Phase) -> Result<Measurement, Failure>,
{
    if !options.warmup.is_zero() {
        load(Phase::begin(metric, options.warmup, &[])).await?;
    }
    load(Phase::begin(metric, options.duration, &options.server_pids)).await
}
