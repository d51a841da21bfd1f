//! What the application asks of an endpoint. Calls on a connection that has ended are ignored.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use quinn_proto::{ClientConfig, ConnectError, Dir, VarInt};

use crate::connection::{Connection, DatagramOutcome, Phase};
use crate::events::CloseKind;
use crate::ids::ConnectionId;
use crate::send_scheduler::Priority;

use super::Core;

impl Core {
    /// Starts a handshake.
    pub fn connect(
        &mut self,
        now: Instant,
        config: ClientConfig,
        remote: SocketAddr,
        server_name: &str,
    ) -> Result<ConnectionId, ConnectError> {
        let (handle, quinn) = self.endpoint.connect(now, config, remote, server_name)?;
        Ok(self.insert(handle, quinn, now))
    }

    /// The new stream's id, or `None` while the peer's limit is reached.
    pub fn open(&mut self, id: ConnectionId, dir: Dir) -> Option<u64> {
        self.active(id)?.open(dir)
    }

    /// Queues bytes and the end of the stream; tells how many bytes left the queue at once.
    pub fn write(&mut self, id: ConnectionId, stream: u64, data: Bytes, fin: bool) -> u64 {
        self.active(id)
            .map_or(0, |connection| connection.write(stream, data, fin))
    }

    /// RESET_STREAM; where both sides know RESET_STREAM_AT, what was written of the stream's first `reliable_size`
    /// bytes is still delivered.
    pub fn reset(&mut self, id: ConnectionId, stream: u64, code: u64, reliable_size: u64) {
        if let Some(connection) = self.active(id) {
            connection.reset(stream, varint(code), reliable_size);
        }
    }

    /// STOP_SENDING.
    pub fn stop(&mut self, id: ConnectionId, stream: u64, code: u64) {
        if let Some(connection) = self.active(id) {
            connection.stop(stream, varint(code));
        }
    }

    /// Allows `bytes` more to be read.
    pub fn grant(&mut self, id: ConnectionId, stream: u64, bytes: u64) {
        let mut batch = std::mem::take(&mut self.batch);
        if let Some(connection) = self.active(id) {
            connection.grant(stream, bytes, &mut batch);
        }
        self.batch = batch;
    }

    /// The flow-control window of a connection from now on. Returns what the peer may have unread: larger than `bytes`
    /// while the promise of a larger window lasts, which cannot be taken back. 0 when the connection has ended.
    pub fn set_receive_window(&mut self, id: ConnectionId, bytes: u64) -> u64 {
        self.active(id)
            .map_or(0, |connection| connection.set_receive_window(bytes))
    }

    /// Bytes of all streams that have arrived and wait for credit.
    pub fn unread_bytes(&mut self, id: ConnectionId) -> u64 {
        self.connections
            .get(id)
            .map_or(0, |connection| connection.unread_bytes())
    }

    /// Bytes of one stream that have arrived and wait for credit.
    pub fn unread_bytes_of(&mut self, id: ConnectionId, stream: u64) -> u64 {
        self.connections
            .get(id)
            .map_or(0, |connection| connection.unread_bytes_of(stream))
    }

    /// Order of sending: sessions in turn, a session's groups in turn, a group's streams by order, highest first.
    pub fn set_priority(&mut self, id: ConnectionId, stream: u64, session: u32, group: u32, order: i64) {
        if let Some(connection) = self.active(id) {
            let priority = Priority { session, group, order };
            connection.set_priority(stream, priority);
        }
    }

    /// Queues a datagram.
    pub fn send_datagram(&mut self, id: ConnectionId, data: Bytes) -> DatagramOutcome {
        self.active(id).map_or(DatagramOutcome::Unsupported, |connection| {
            connection.send_datagram(data)
        })
    }

    /// Largest datagram payload that can be sent now; 0 when the peer takes none.
    pub fn max_datagram_size(&mut self, id: ConnectionId) -> usize {
        self.connections
            .get(id)
            .map_or(0, |connection| connection.max_datagram_size())
    }

    /// CONNECTION_CLOSE of the application; unsent data is lost.
    pub fn close(&mut self, now: Instant, id: ConnectionId, code: u64, reason: Bytes) {
        if let Some(connection) = self.active(id) {
            connection.close(now, CloseKind::Application, code, reason);
        }
    }

    /// As [`Core::close`], for every connection.
    pub fn close_all(&mut self, now: Instant, code: u64, reason: &Bytes) {
        self.stop_accepting(false);
        for slot in 0..self.connections.len() {
            if let Some(connection) = self.connections.at(slot) {
                connection.close(now, CloseKind::Application, code, reason.clone());
                self.mark(slot);
            }
        }
    }

    /// TLS exporter (RFC 8446 §7.5); `None` before the handshake has completed.
    pub fn export_keying_material(
        &mut self,
        id: ConnectionId,
        label: &[u8],
        context: &[u8],
        output: &mut [u8],
    ) -> Option<()> {
        let connection = self.connections.get(id)?;
        if connection.phase == Phase::Handshaking {
            return None;
        }
        connection
            .quinn
            .crypto_session()
            .export_keying_material(output, label, context)
            .ok()
    }

    /// The connection, marked: the caller is about to change it.
    fn active(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.get(id)?;
        self.mark(id.slot());
        self.connections.get(id)
    }
}

/// 62 bits is all that the wire carries; callers check their codes before.
fn varint(value: u64) -> VarInt {
    VarInt::from_u64(value).unwrap_or(VarInt::MAX)
}
