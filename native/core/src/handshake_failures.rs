//! Why clients did not become connections, in counts.

use quinn_proto::{ConnectionError, TransportErrorCode};

use crate::events::{CloseBy, CloseKind};

/// Why a client's handshake failed, or why it was refused. The order is that of [`HandshakeFailures::counts`] and of
/// `handshakeFailureCauses` in `src/engine/handshake-failures.ts`.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeFailure {
    /// The client does not accept our certificate.
    CertificateRejected = 0,
    /// We do not accept the client's certificate, or it has none.
    ClientCertificate = 1,
    /// No common ALPN protocol.
    ApplicationProtocol = 2,
    /// Any other TLS alert.
    Tls = 3,
    /// It did not complete in time.
    Timeout = 4,
    /// No common QUIC version.
    Version = 5,
    /// The client gave up without an error.
    ClientGone = 6,
    /// Any other error.
    TransportError = 7,
    /// `max_connections` is reached.
    MaxConnections = 8,
    /// `max_pending_handshakes` is reached.
    MaxPendingHandshakes = 9,
    /// `max_connections_per_address` is reached.
    MaxConnectionsPerAddress = 10,
    /// The endpoint takes no clients (any more).
    Closing = 11,
}

/// How many causes there are.
const CAUSES: usize = HandshakeFailure::Closing as usize + 1;

/// How often each cause was met since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HandshakeFailures([u64; CAUSES]);

impl HandshakeFailures {
    /// One more.
    pub(crate) fn count(&mut self, cause: HandshakeFailure) {
        self.0[cause as usize] += 1;
    }

    /// Of one cause.
    pub fn of(&self, cause: HandshakeFailure) -> u64 {
        self.0[cause as usize]
    }

    /// All of them, in the order of [`HandshakeFailure`].
    pub fn counts(&self) -> &[u64] {
        &self.0
    }
}

/// RFC 9001 §4.8: a TLS alert as a QUIC error is 0x100 and the alert.
const CRYPTO_ERRORS: std::ops::RangeInclusive<u64> = 0x100..=0x1ff;

impl HandshakeFailure {
    /// The client met a limit, or an endpoint that takes nobody.
    pub(crate) fn is_refusal(self) -> bool {
        self as u8 >= Self::MaxConnections as u8
    }

    /// The cause of a handshake that ended so.
    pub(crate) fn of_close(by: CloseBy, kind: CloseKind, code: u64) -> Self {
        match (kind, by) {
            (CloseKind::IdleTimeout | CloseKind::HandshakeTimeout, _) => Self::Timeout,
            (CloseKind::VersionMismatch, _) => Self::Version,
            (CloseKind::StatelessReset, _) => Self::ClientGone,
            // Nothing but the endpoint's end closes a connection of which the application does not know.
            (CloseKind::Application, CloseBy::Local) => Self::Closing,
            (CloseKind::Application, _) => Self::ClientGone,
            (CloseKind::Transport, _) if CRYPTO_ERRORS.contains(&code) => Self::of_alert(by, (code & 0xff) as u8),
            (CloseKind::Transport, CloseBy::Peer) if is_goodbye(code) => Self::ClientGone,
            (CloseKind::Transport | CloseKind::Failed, _) => Self::TransportError,
        }
    }

    /// The cause of a client whose first packet could not be accepted.
    pub(crate) fn of_error(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::VersionMismatch => Self::Version,
            ConnectionError::TransportError(error) => {
                Self::of_close(CloseBy::Local, CloseKind::Transport, error.code.into())
            }
            _ => Self::TransportError,
        }
    }

    /// RFC 8446 §6.2.
    fn of_alert(by: CloseBy, alert: u8) -> Self {
        match (alert, by) {
            // bad_certificate … certificate_unknown; unknown_ca
            (42..=46 | 48, CloseBy::Peer) => Self::CertificateRejected,
            // certificate_required as well
            (42..=46 | 48 | 116, CloseBy::Local) => Self::ClientCertificate,
            (120, _) => Self::ApplicationProtocol,
            _ => Self::Tls,
        }
    }
}

/// RFC 9000 §20.1: NO_ERROR, and APPLICATION_ERROR, which stands for any code of an application before the handshake's end.
fn is_goodbye(code: u64) -> bool {
    code == u64::from(TransportErrorCode::NO_ERROR) || code == u64::from(TransportErrorCode::APPLICATION_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_named_by_its_sender() {
        let of = |by, alert: u64| HandshakeFailure::of_close(by, CloseKind::Transport, 0x100 + alert);
        for alert in [42, 43, 44, 45, 46, 48] {
            assert_eq!(of(CloseBy::Peer, alert), HandshakeFailure::CertificateRejected);
            assert_eq!(of(CloseBy::Local, alert), HandshakeFailure::ClientCertificate);
        }
        assert_eq!(of(CloseBy::Local, 116), HandshakeFailure::ClientCertificate);
        assert_eq!(of(CloseBy::Peer, 120), HandshakeFailure::ApplicationProtocol);
        assert_eq!(of(CloseBy::Local, 120), HandshakeFailure::ApplicationProtocol);
        assert_eq!(of(CloseBy::Peer, 47), HandshakeFailure::Tls);
        assert_eq!(of(CloseBy::Peer, 255), HandshakeFailure::Tls);
    }

    #[test]
    fn what_is_no_alert_is_named_by_its_kind() {
        let of = |by, kind, code| HandshakeFailure::of_close(by, kind, code);
        use CloseBy::{Local, Peer, Transport};
        assert_eq!(of(Peer, CloseKind::Transport, 0), HandshakeFailure::ClientGone);
        assert_eq!(of(Peer, CloseKind::Transport, 0x0c), HandshakeFailure::ClientGone);
        assert_eq!(of(Peer, CloseKind::Transport, 0x0a), HandshakeFailure::TransportError);
        assert_eq!(of(Local, CloseKind::Transport, 0), HandshakeFailure::TransportError);
        assert_eq!(of(Transport, CloseKind::IdleTimeout, 0), HandshakeFailure::Timeout);
        assert_eq!(of(Transport, CloseKind::VersionMismatch, 0), HandshakeFailure::Version);
        assert_eq!(of(Local, CloseKind::Application, 7), HandshakeFailure::Closing);
        assert_eq!(of(Local, CloseKind::Failed, 2), HandshakeFailure::TransportError);
    }
}
