//! A connection's beginning and its end, as they are reported.

use std::net::SocketAddr;

use quinn_proto::crypto::rustls::HandshakeData;
use quinn_proto::{ConnectionError, TransportErrorCode};
use rustls::pki_types::CertificateDer;

use crate::events::{CloseBy, CloseKind, Closed, Connected, Event, EventBatch};
use crate::handshake_failures::HandshakeFailure;
use crate::send_scheduler::SendScheduler;

use super::{Connection, LocalClose, Phase};

impl Connection {
    pub(super) fn report_connected(&mut self, events: &mut EventBatch) {
        let session = self.quinn.crypto_session();
        let handshake = session
            .handshake_data()
            .and_then(|data| data.downcast::<HandshakeData>().ok());
        let certificates = session
            .peer_identity()
            .and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok())
            .unwrap_or_default();
        let (alpn, server_name) = match handshake {
            Some(data) => (data.protocol.unwrap_or_default(), data.server_name.unwrap_or_default()),
            None => Default::default(),
        };
        let host = match self.remote {
            SocketAddr::V6(address) if address.scope_id() != 0 => format!("{}%{}", address.ip(), address.scope_id()),
            address => address.ip().to_string(),
        };
        let connected = Connected {
            is_client: self.is_client(),
            handshake_duration: self.last_heard.saturating_duration_since(self.began),
            reset_stream_at: self.quinn.supports_reset_stream_at(),
            // What the peer takes, whether or not datagrams are switched off here.
            max_datagram_size: self.quinn.datagrams().max_size().unwrap_or(0) as u64,
            port: self.remote.port(),
            host: &host,
            server_name: &server_name,
            alpn: &alpn,
            certificates: &certificates,
        };
        events.push(self.id, Event::Connected(connected));
    }

    pub(super) fn report_lost(&mut self, reason: &ConnectionError, events: &mut EventBatch) {
        let refused = TransportErrorCode::CONNECTION_REFUSED;
        let (by, kind, code, text) = match reason {
            ConnectionError::ApplicationClosed(close) => (
                CloseBy::Peer,
                CloseKind::Application,
                close.error_code.into_inner(),
                lossy(&close.reason),
            ),
            ConnectionError::ConnectionClosed(close) => (
                CloseBy::Peer,
                CloseKind::Transport,
                close.error_code.into(),
                lossy(&close.reason),
            ),
            ConnectionError::TransportError(error) => (
                CloseBy::Local,
                CloseKind::Transport,
                error.code.into(),
                error.reason.clone(),
            ),
            ConnectionError::Reset => (CloseBy::Transport, CloseKind::StatelessReset, 0, String::new()),
            ConnectionError::TimedOut if self.phase == Phase::Handshaking => {
                (CloseBy::Transport, CloseKind::HandshakeTimeout, 0, String::new())
            }
            ConnectionError::TimedOut => (CloseBy::Transport, CloseKind::IdleTimeout, 0, String::new()),
            ConnectionError::VersionMismatch => (CloseBy::Transport, CloseKind::VersionMismatch, 0, reason.to_string()),
            ConnectionError::CidsExhausted => (CloseBy::Local, CloseKind::Failed, refused.into(), reason.to_string()),
            ConnectionError::LocallyClosed => return,
        };
        // RFC 9000 §10.2 lets an endpoint drop what it has not delivered; the contract does not.
        let mut unread: Vec<u64> = self
            .streams
            .iter()
            .filter(|(_, stream)| stream.receive.as_ref().is_some_and(|receive| receive.unread))
            .map(|(stream, _)| *stream)
            .collect();
        unread.sort_unstable();
        for stream in unread {
            self.read(stream, true, events);
        }
        self.report_closed(by, kind, code, text.as_bytes(), events);
    }

    pub(super) fn report_local_close(&mut self, events: &mut EventBatch) {
        if let Some(LocalClose { kind, code, reason }) = self.local_close.take() {
            let by = if kind == CloseKind::HandshakeTimeout {
                CloseBy::Transport
            } else {
                CloseBy::Local
            };
            self.report_closed(by, kind, code, &reason, events);
        }
    }

    pub(super) fn report_closed(
        &mut self,
        by: CloseBy,
        kind: CloseKind,
        code: u64,
        reason: &[u8],
        events: &mut EventBatch,
    ) {
        if self.phase == Phase::Closed {
            return;
        }
        self.handshake_deadline = None;
        if self.phase == Phase::Handshaking && !self.is_client() {
            self.handshake_failure = Some(HandshakeFailure::of_close(by, kind, code));
        }
        // A server's application never heard of a connection whose handshake failed.
        if self.phase == Phase::Established || self.is_client() {
            let closed = Closed { by, kind, code, reason };
            events.push(self.id, Event::Closed(closed));
        }
        self.phase = Phase::Closed;
        self.streams.clear();
        self.scheduler = SendScheduler::default();
        self.resetting.clear();
        self.accepted.clear();
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
