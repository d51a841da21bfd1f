//! The calls on a connection of the endpoint, and on its streams.

use std::time::Instant;

use bytes::Bytes;
use napi::Env;
use napi::bindgen_prelude::{BigInt, Object};
use napi_derive::napi;
use tswebtransport_core::quinn_proto::Dir;
use tswebtransport_core::{ConnectionId, Snapshot};

use crate::javascript::{ByteArgument, NumbersArgument, array_buffer};
use crate::stats::connection_figures;

use super::NativeEndpoint;

/// Largest output of the TLS exporter that is asked for.
const MOST_KEYING_MATERIAL: u32 = 4096;

#[napi]
impl NativeEndpoint {
    /// The stream's id, or -1 while the peer's limit is reached.
    #[napi]
    pub fn open(&self, connection: u32, unidirectional: bool) -> f64 {
        let direction = if unidirectional { Dir::Uni } else { Dir::Bi };
        self.inner.with(-1.0, |driver| {
            driver
                .core
                .open(ConnectionId(connection), direction)
                .map_or(-1.0, |stream| stream as f64)
        })
    }

    #[napi]
    pub fn write(&self, connection: u32, stream: f64, data: ByteArgument, fin: bool) -> napi::Result<f64> {
        let data = ByteArgument::copied([data])?;
        Ok(self.inner.with(0.0, |driver| {
            driver.core.write(ConnectionId(connection), stream as u64, data, fin) as f64
        }))
    }

    #[napi]
    pub fn reset(&self, connection: u32, stream: f64, code: BigInt, reliable_size: f64) {
        let (connection, code) = (ConnectionId(connection), code.get_u64().1);
        self.inner.with((), |driver| {
            driver.core.reset(connection, stream as u64, code, reliable_size as u64)
        });
    }

    /// Returns whether records wait, in which there may be data of the stream.
    #[napi]
    pub fn stop(&self, connection: u32, stream: f64, code: BigInt) -> bool {
        let code = code.get_u64().1;
        self.inner.with(false, |driver| {
            driver.core.stop(ConnectionId(connection), stream as u64, code);
            !driver.events().is_empty()
        })
    }

    #[napi]
    pub fn grant(&self, connection: u32, stream: f64, bytes: f64) {
        self.inner.with((), |driver| {
            driver.core.grant(ConnectionId(connection), stream as u64, bytes as u64)
        });
    }

    #[napi]
    pub fn set_receive_window(&self, connection: u32, bytes: f64) -> f64 {
        self.inner.with(0.0, |driver| {
            driver.core.set_receive_window(ConnectionId(connection), bytes as u64) as f64
        })
    }

    #[napi]
    pub fn unread_bytes(&self, connection: u32) -> f64 {
        self.inner
            .with(0.0, |driver| driver.core.unread_bytes(ConnectionId(connection)) as f64)
    }

    #[napi]
    pub fn unread_bytes_of(&self, connection: u32, stream: f64) -> f64 {
        self.inner.with(0.0, |driver| {
            driver.core.unread_bytes_of(ConnectionId(connection), stream as u64) as f64
        })
    }

    #[napi]
    pub fn set_priority(&self, connection: u32, stream: f64, session: u32, group: u32, order: f64) {
        let (connection, stream, order) = (ConnectionId(connection), stream as u64, order as i64);
        self.inner.with((), |driver| {
            driver.core.set_priority(connection, stream, session, group, order)
        });
    }

    /// 0 queued, 1 blocked, 2 too large, 3 unsupported.
    #[napi]
    pub fn send_datagram(&self, connection: u32, header: ByteArgument, payload: ByteArgument) -> napi::Result<u32> {
        let data = ByteArgument::copied([header, payload])?;
        Ok(self.inner.with(3, |driver| {
            driver.core.send_datagram(ConnectionId(connection), data) as u32
        }))
    }

    #[napi]
    pub fn max_datagram_size(&self, connection: u32) -> u32 {
        self.inner.with(0, |driver| {
            driver.core.max_datagram_size(ConnectionId(connection)) as u32
        })
    }

    #[napi]
    pub fn close(&self, connection: u32, code: BigInt, reason: String) {
        let (code, reason) = (code.get_u64().1, Bytes::from(reason));
        self.inner.with((), |driver| {
            driver
                .core
                .close(Instant::now(), ConnectionId(connection), code, reason)
        });
    }

    #[napi]
    pub fn export_keying_material<'env>(
        &self,
        env: &'env Env,
        connection: u32,
        label: String,
        context: &[u8],
        length: u32,
    ) -> napi::Result<Option<Object<'env>>> {
        let mut output = vec![0; length.min(MOST_KEYING_MATERIAL) as usize];
        let exported = self.inner.with(None, |driver| {
            driver
                .core
                .export_keying_material(ConnectionId(connection), label.as_bytes(), context, &mut output)
        });
        exported.map(|()| array_buffer(env, &[Bytes::from(output)])).transpose()
    }

    #[napi]
    pub fn connection_figures(&self, connection: u32, mut figures: NumbersArgument) -> napi::Result<()> {
        let Some(snapshot) = self.snapshot(connection) else {
            return Ok(());
        };
        figures.fill(|numbers| {
            for (number, figure) in numbers.iter_mut().zip(connection_figures(&snapshot)) {
                *number = figure;
            }
        })
    }

    #[napi]
    pub fn local_ip(&self, connection: u32) -> Option<String> {
        let ip = self.snapshot(connection)?.local_ip?;
        Some(ip.to_canonical().to_string())
    }
}

impl NativeEndpoint {
    fn snapshot(&self, connection: u32) -> Option<Snapshot> {
        self.inner
            .with(None, |driver| driver.core.snapshot(ConnectionId(connection)))
    }
}
