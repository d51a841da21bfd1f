//! Certificate chains and private keys out of PEM text; what is wrong with them is told with the way out.

use rustls::Error;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SigningKey};
use x509_parser::parse_x509_certificate;
use x509_parser::x509::X509Version;

use crate::fault::Fault;

/// PEM of a certificate chain and its key.
pub(crate) struct Identity<'a> {
    pub(crate) cert: &'a str,
    pub(crate) key: &'a str,
}

/// The chain with its key, which belongs to the first certificate.
pub(crate) fn certified_key(identity: &Identity, provider: &CryptoProvider) -> Result<CertifiedKey, Fault> {
    let chain = certificates(identity.cert)?;
    if let Some(fault) = old_version(&chain) {
        return Err(fault);
    }
    let key = private_key(identity.key)?;
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|error| Fault::new("invalid-key", error))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(_)) => Err(mismatch(&certified.cert, certified.key.as_ref())),
        Err(error) => Err(Fault::new("invalid-certificate", error)),
    }
}

/// At least one.
pub(crate) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let invalid = |error: &dyn std::fmt::Display| Fault::new("invalid-certificate", error);
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(&error))?;
    if !chain.is_empty() {
        return Ok(chain);
    }
    Err(invalid(if pem.contains("PRIVATE KEY-----") {
        &"no certificate in the PEM text, but a private key: it belongs into the option key"
    } else {
        &"no certificate in the PEM text"
    }))
}

fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, Fault> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| {
        // PKCS #8 (RFC 7468 §11), and the headers of RFC 1421 §4.6.1.1 that OpenSSL's older formats have.
        let encrypted = pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || pem.contains("Proc-Type: 4,ENCRYPTED");
        let text = if encrypted {
            "the private key is encrypted, and there is no passphrase to give. Decrypt it first: \
             openssl pkey -in encrypted-key.pem -out key.pem"
                .to_owned()
        } else if pem.contains("-----BEGIN CERTIFICATE-----") {
            "no private key in the PEM text, but a certificate: it belongs into the option cert".to_owned()
        } else {
            format!("no private key in the PEM text: {error}")
        };
        Fault::new("invalid-key", text)
    })
}

/// The key is another certificate's: of the chain, or of none.
fn mismatch(chain: &[CertificateDer<'static>], key: &dyn SigningKey) -> Fault {
    let public = key.public_key();
    let belongs = |certificate: &CertificateDer<'static>| {
        let parsed = ParsedCertificate::try_from(certificate).ok();
        public.is_some() && parsed.map(|parsed| parsed.subject_public_key_info()) == public
    };
    match chain.iter().position(belongs) {
        Some(index) => Fault::new(
            "invalid-certificate",
            format!(
                "the chain is in the wrong order: the private key belongs to its certificate number {} of {}. \
                 Put that one first, and behind each certificate the one that has issued it",
                index + 1,
                chain.len()
            ),
        ),
        None => Fault::new(
            "certificate-key-mismatch",
            "the private key does not belong to the certificate",
        ),
    }
}

fn old_version(chain: &[CertificateDer<'static>]) -> Option<Fault> {
    let (_, leaf) = parse_x509_certificate(chain.first()?).ok()?;
    (leaf.version() != X509Version::V3).then(|| {
        Fault::new(
            "invalid-certificate",
            "it is of X.509 version 1, which has no names of servers (subjectAltName). Make it anew with extensions: \
             openssl x509 -req … -extfile names.txt, with the line subjectAltName=DNS:your.name in names.txt",
        )
    })
}
