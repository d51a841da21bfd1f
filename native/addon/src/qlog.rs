//! One qlog file per connection, in the JSON text sequences that qvis opens.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tswebtransport_core::quinn_proto::{
    ClientConfig, ConnectionId, ConnectionIdGenerator, QlogConfig, QlogStream, RandomConnectionIdGenerator, Side,
    TransportConfig,
};
use tswebtransport_core::{TransportSettings, transport_config};

use crate::fault::Fault;

/// RFC 9000 §7.2 asks for 8 at least.
const FIRST_CONNECTION_ID_LENGTH: usize = 8;

pub(crate) struct Qlog {
    directory: PathBuf,
    settings: TransportSettings,
}

impl Qlog {
    /// Fails when no file can be created in the directory.
    pub(crate) fn new(directory: String, settings: TransportSettings) -> Result<Self, Fault> {
        let directory = PathBuf::from(directory);
        let probe = directory.join(format!(".qlog-{}", std::process::id()));
        File::create(&probe)
            .and_then(|_| fs::remove_file(&probe))
            .map_err(|error| {
                let directory = directory.display();
                Fault::new(
                    "invalid-option",
                    format!("qlogDirectory must be a directory that can be written to: current value is \"{directory}\" ({error})"),
                )
            })?;
        Ok(Self { directory, settings })
    }

    /// The configuration of one connection, named after the connection id that its client chose first.
    pub(crate) fn transport(&self, connection: &ConnectionId, side: Side) -> Arc<TransportConfig> {
        let mut config = transport_config(&self.settings);
        let path = self.directory.join(format!("{connection}_{}.sqlog", name_of(side)));
        config.qlog_stream(stream(&path, side));
        Arc::new(config)
    }

    /// Chooses the client's first connection id, because the file is named after it.
    pub(crate) fn trace_client(&self, config: &mut ClientConfig) {
        let connection = RandomConnectionIdGenerator::new(FIRST_CONNECTION_ID_LENGTH).generate_cid();
        config.transport_config(self.transport(&connection, Side::Client));
        config.initial_dst_cid_provider(Arc::new(move || connection));
    }
}

/// If the file cannot be created, for example on a full disk, the connection goes on without a log.
fn stream(path: &Path, side: Side) -> Option<QlogStream> {
    let file = File::create(path).ok()?;
    let mut config = QlogConfig::default();
    config
        .writer(Box::new(BufWriter::new(file)))
        .side(Some(side))
        .title(Some(format!("tswebtransport {}", name_of(side))));
    config.into_stream()
}

fn name_of(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}
