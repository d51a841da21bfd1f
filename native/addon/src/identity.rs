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
        .map_err(|error| unusable_key(&error))?;
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
    } else if pem.contains("-----BEGIN CERTIFICATE REQUEST-----") {
        &"no certificate in the PEM text, but a request for one. Give what the authority has answered with"
    } else if is_der(pem) {
        &"no certificate in the PEM text, but binary data. DER becomes PEM by: openssl x509 -inform der \
          -in certificate.der -out cert.pem; PKCS #12 by: openssl pkcs12 -nodes -in file.p12 -out both.pem"
    } else {
        &"no certificate in the PEM text. It begins with -----BEGIN CERTIFICATE-----"
    }))
}

/// A SEQUENCE (X.690 §8.9) of what is no text, so that its length has become a replacement character at the latest.
fn is_der(text: &str) -> bool {
    text.starts_with('0') && text.contains(['\u{fffd}', '\0'])
}

/// Of a kind that TLS 1.3 does not sign with here.
fn unusable_key(error: &Error) -> Fault {
    let text = format!(
        "the private key cannot be used ({error}): it must be ECDSA (P-256, P-384 or P-521), RSA of 2048 bits or more, \
         or Ed25519. Make one by: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem, and have \
         a certificate issued for it"
    );
    Fault::new("invalid-key", text)
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
        } else if is_der(pem) {
            "no private key in the PEM text, but binary data. DER becomes PEM by: \
             openssl pkey -inform der -in key.der -out key.pem"
                .to_owned()
        } else {
            format!("no private key in the PEM text ({error}). It begins with -----BEGIN PRIVATE KEY-----")
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
