//! rustls configurations: TLS 1.3 only, AES-128-GCM first, no early data.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoClientAuth, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{CipherSuite, ClientConfig, KeyLog, RootCertStore, ServerConfig};

use crate::fault::Fault;
use crate::verification::{AnyCertificate, PinnedCertificates};

/// PEM of a certificate chain and its key.
pub(crate) struct Identity<'a> {
    pub(crate) cert: &'a str,
    pub(crate) key: &'a str,
}

/// Whose certificates a server asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientCertificates {
    None,
    Optional,
    Required,
}

/// How a client verifies the server.
pub(crate) enum Verification<'a> {
    System,
    Authorities(&'a str),
    Hashes(Vec<Vec<u8>>),
    Insecure,
}

/// The server's identities: the default one can be replaced while it runs.
#[derive(Debug)]
pub(crate) struct Identities {
    default: Arc<CertifiedKey>,
    by_name: Arc<HashMap<String, Arc<CertifiedKey>>>,
}

impl Identities {
    pub(crate) fn new(default: &Identity, sni: &[(String, Identity)]) -> Result<Self, Fault> {
        let mut by_name = HashMap::new();
        for (name, identity) in sni {
            by_name.insert(name.to_ascii_lowercase(), certified_key(identity)?);
        }
        Ok(Self {
            default: certified_key(default)?,
            by_name: Arc::new(by_name),
        })
    }

    pub(crate) fn with_default(&self, default: &Identity) -> Result<Self, Fault> {
        Ok(Self {
            default: certified_key(default)?,
            by_name: self.by_name.clone(),
        })
    }
}

impl ResolvesServerCert for Identities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello
            .server_name()
            .and_then(|name| self.by_name.get(&name.to_ascii_lowercase()));
        Some(named.unwrap_or(&self.default).clone())
    }
}

pub(crate) fn server_config(
    identities: Arc<Identities>,
    alpn: &[String],
    client_ca: Option<&str>,
    clients: ClientCertificates,
    key_log: Option<Arc<dyn KeyLog>>,
) -> Result<ServerConfig, Fault> {
    let verifier = match clients {
        ClientCertificates::None => Arc::new(NoClientAuth),
        ClientCertificates::Optional | ClientCertificates::Required => {
            let ca = client_ca.ok_or_else(|| {
                Fault::new(
                    "invalid-option",
                    "client certificates are asked for, but no authority (clientCa) is given",
                )
            })?;
            let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities(ca)?), provider());
            let builder = if clients == ClientCertificates::Optional {
                builder.allow_unauthenticated()
            } else {
                builder
            };
            builder
                .build()
                .map_err(|error| Fault::new("invalid-certificate", error))?
        }
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(internal)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(identities);
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.clone().into_bytes()).collect();
    config.ignore_client_order = true;
    if let Some(key_log) = key_log {
        config.key_log = key_log;
    }
    Ok(config)
}

pub(crate) fn client_config(
    verification: Verification,
    alpn: &[String],
    identity: Option<Identity>,
    key_log: Option<Arc<dyn KeyLog>>,
) -> Result<ClientConfig, Fault> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(internal)?;
    let builder = match verification {
        Verification::System => builder.with_root_certificates(system_roots()),
        Verification::Authorities(ca) => builder.with_root_certificates(authorities(ca)?),
        Verification::Hashes(hashes) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(PinnedCertificates::new(hashes, provider()))),
        Verification::Insecure => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(provider()))),
    };
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = parse(&identity)?;
            builder.with_client_auth_cert(chain, key).map_err(key_fault)?
        }
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.clone().into_bytes()).collect();
    if let Some(key_log) = key_log {
        config.key_log = key_log;
    }
    Ok(config)
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
        .as_ref()
        .to_vec()
}

/// aws-lc-rs with AES-128-GCM first: it costs a quarter less CPU than AES-256-GCM, which browsers put first.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    Arc::new(provider)
}

fn certified_key(identity: &Identity) -> Result<Arc<CertifiedKey>, Fault> {
    let (chain, key) = parse(identity)?;
    CertifiedKey::from_der(chain, key, &provider())
        .map(Arc::new)
        .map_err(key_fault)
}

fn parse(identity: &Identity) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Fault> {
    let chain = certificates(identity.cert)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())
        .map_err(|error| Fault::new("invalid-key", format!("no private key in the PEM text: {error}")))?;
    Ok((chain, key))
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let invalid = |error: &dyn std::fmt::Display| Fault::new("invalid-certificate", error);
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(&error))?;
    if chain.is_empty() {
        return Err(invalid(&"no certificate in the PEM text"));
    }
    Ok(chain)
}

fn authorities(pem: &str) -> Result<RootCertStore, Fault> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots
            .add(certificate)
            .map_err(|error| Fault::new("invalid-certificate", error))?;
    }
    Ok(roots)
}

/// Mozilla's authorities and those that the operating system trusts beside them.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn key_fault(error: rustls::Error) -> Fault {
    match error {
        rustls::Error::InconsistentKeys(_) => Fault::new(
            "certificate-key-mismatch",
            "the private key does not belong to the certificate",
        ),
        rustls::Error::InvalidCertificate(_) => Fault::new("invalid-certificate", error),
        _ => Fault::new("invalid-key", error),
    }
}

fn internal(error: rustls::Error) -> Fault {
    Fault::new("internal", error)
}
