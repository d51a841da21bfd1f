//! How a client verifies a server without an authority.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, PeerIncompatible, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY};
use x509_parser::parse_x509_certificate;

/// W3C WebTransport, "custom certificate requirements": at most two weeks.
const MOST_SECONDS: i64 = 14 * 24 * 3600;

/// The signatures of a verifier that leaves them to the one in its field. There is no TLS 1.2 in QUIC (RFC 9001 §4.2).
macro_rules! signatures_of {
    ($field:tt) => {
        fn verify_tls12_signature(
            &self,
            _message: &[u8],
            _certificate: &rustls::pki_types::CertificateDer<'_>,
            _signature: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            Err(rustls::PeerIncompatible::Tls12NotOffered.into())
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &rustls::pki_types::CertificateDer<'_>,
            signature: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            self.$field
                .verify_tls13_signature(message, certificate, signature)
        }

        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            self.$field.supported_verify_schemes()
        }
    };
}
pub(crate) use signatures_of;

/// Trusts a certificate by its SHA-256 hash (W3C WebTransport, `serverCertificateHashes`).
#[derive(Debug)]
pub(crate) struct PinnedCertificates {
    hashes: Vec<Vec<u8>>,
    provider: Arc<CryptoProvider>,
}

impl PinnedCertificates {
    pub(crate) fn new(hashes: Vec<Vec<u8>>, provider: Arc<CryptoProvider>) -> Self {
        Self { hashes, provider }
    }
}

impl ServerCertVerifier for PinnedCertificates {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.hashes.contains(&crate::hash::sha256(leaf)) {
            return Err(refused("its hash is not among those that are trusted"));
        }
        let (_, certificate) = parse_x509_certificate(leaf).map_err(|_| CertificateError::BadEncoding)?;
        valid_at(&certificate, now)?;
        let validity = certificate.validity();
        let seconds = validity.not_after.timestamp() - validity.not_before.timestamp();
        let key = &certificate.public_key().algorithm;
        let is_p256 = key.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY
            && key
                .parameters
                .as_ref()
                .and_then(|curve| curve.as_oid().ok())
                .is_some_and(|curve| curve == OID_EC_P256);
        if seconds > MOST_SECONDS {
            return Err(refused("it is valid for more than 14 days"));
        }
        if !is_p256 {
            return Err(refused("its key is not ECDSA P-256"));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// RFC 5280 §4.1.2.5.
pub(crate) fn valid_at(certificate: &X509Certificate<'_>, now: UnixTime) -> Result<(), Error> {
    let validity = certificate.validity();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

/// Which of the conditions the certificate does not meet.
#[derive(Debug)]
struct Unmet(&'static str);

impl std::fmt::Display for Unmet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Unmet {}

pub(crate) fn refused(condition: &'static str) -> Error {
    CertificateError::Other(OtherError(Arc::new(Unmet(condition)))).into()
}

/// Trusts any server; for tests.
#[derive(Debug)]
pub(crate) struct AnyCertificate(PinnedCertificates);

impl AnyCertificate {
    pub(crate) fn new(provider: Arc<CryptoProvider>) -> Self {
        Self(PinnedCertificates::new(Vec::new(), provider))
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    signatures_of!(0);
}
