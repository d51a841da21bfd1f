//! The load generator: one WebTransport client program that measures any server which serves `/echo`, `/sink` and
//! `/source` (see `benchmarks/README.md`). It runs on one thread, so that on a machine of two cores the server has the other.

mod certificate;
mod client;
mod measure;
mod metrics;
mod options;
mod process;

use std::process::ExitCode;
use std::time::Duration;

use options::{Command, Options};

/// What any part of this program fails with: there is nobody to handle it but the reader of the message.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let command = match options::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(message) => {
            eprintln!("load: {message}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let result = match command {
        Command::Help => {
            println!("{}", options::USAGE);
            Ok(())
        }
        Command::MakeCertificate { directory, hostnames } => certificate::make(&directory, &hostnames),
        Command::Measure(options) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::from)
            .and_then(|runtime| runtime.block_on(measure_all(&options))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("load: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn measure_all(options: &Options) -> Result<(), Failure> {
    for metric in &options.metrics {
        // A server that hangs must not hang the benchmark: warm-up, measurement and set-up together are bounded.
        let limit = options.warmup + options.duration * 4 + Duration::from_secs(30);
        let limit = if metric.waits_for_stdin() {
            Duration::from_secs(600)
        } else {
            limit
        };
        let measurement = tokio::time::timeout(limit, metrics::run(*metric, options))
            .await
            .map_err(|_| format!("{}: no result within {limit:?}", metric.name()))?
            .map_err(|failure| format!("{}: {failure}", metric.name()))?;
        println!(
            "{}",
            if options.json {
                measurement.to_json()
            } else {
                measurement.to_text()
            }
        );
    }
    Ok(())
}
