//! rustls configurations: TLS 1.3 only, AES-128-GCM first, no early data.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{ClientHello, NoClientAuth, NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{CipherSuite, ClientConfig, KeyLog, ServerConfig};

use crate::authorities::Authorities;
use crate::fault::Fault;
use crate::identity::{Identity, certified_key};
use crate::verification::{AnyCertificate, PinnedCertificates};

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

/// What a server proves itself with. It is exchanged as a whole while the server runs.
#[derive(Debug)]
pub(crate) struct Identities {
    default: Arc<CertifiedKey>,
    /// By lower-case name; "*.example.com" is for one label in place of the asterisk.
    by_name: HashMap<String, Arc<CertifiedKey>>,
    /// Stays the same: what clients have been given before an exchange resumes their sessions after it.
    tickets: Arc<dyn ProducesTickets>,
}

impl Identities {
    pub(crate) fn new(default: &Identity, sni: &[(String, Identity)]) -> Result<Self, Fault> {
        let mut by_name = HashMap::new();
        for (name, identity) in sni {
            by_name.insert(name.to_ascii_lowercase(), named(name, identity)?);
        }
        Ok(Self {
            default: Arc::new(certified_key(default, &provider())?),
            by_name,
            tickets: Ticketer::new().map_err(internal)?,
        })
    }

    /// With another identity for the name, or (without a name) as the default.
    pub(crate) fn with(&self, identity: &Identity, name: Option<&str>) -> Result<Self, Fault> {
        let mut exchanged = Self {
            default: self.default.clone(),
            by_name: self.by_name.clone(),
            tickets: self.tickets.clone(),
        };
        match name {
            None => exchanged.default = Arc::new(certified_key(identity, &provider())?),
            Some(name) => {
                exchanged
                    .by_name
                    .insert(name.to_ascii_lowercase(), named(name, identity)?);
            }
        }
        Ok(exchanged)
    }

    /// RFC 9525 §6.3: the asterisk is the whole leftmost label, and stands for one.
    fn of_name(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        self.by_name.get(&name).or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.by_name.get(&format!("*.{parent}"))
        })
    }
}

fn named(name: &str, identity: &Identity) -> Result<Arc<CertifiedKey>, Fault> {
    certified_key(identity, &provider())
        .map(Arc::new)
        .map_err(|fault| Fault::new(fault.code, format!("sni \"{name}\": {}", fault.message)))
}

impl ResolvesServerCert for Identities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.of_name(name));
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
            Authorities::from_pem(ca)?.client_verifier(provider(), clients == ClientCertificates::Optional)?
        }
    };
    let tickets = identities.tickets.clone();
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(internal)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(identities);
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.clone().into_bytes()).collect();
    config.ignore_client_order = true;
    if clients == ClientCertificates::None {
        config.ticketer = tickets;
    } else {
        // A resumed session takes the client's certificate, or that it had none, from the ticket: rustls asks neither
        // whether it is still valid nor whether this server's authorities and rules are the same. So there is none.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
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
    let verifier: Arc<dyn ServerCertVerifier> = match verification {
        Verification::System => Authorities::of_the_system().server_verifier(provider())?,
        Verification::Authorities(ca) => Authorities::from_pem(ca)?.server_verifier(provider())?,
        Verification::Hashes(hashes) => Arc::new(PinnedCertificates::new(hashes, provider())),
        Verification::Insecure => Arc::new(AnyCertificate::new(provider())),
    };
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let certified = certified_key(&identity, &provider())?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
        }
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.clone().into_bytes()).collect();
    if let Some(key_log) = key_log {
        config.key_log = key_log;
    }
    Ok(config)
}

/// aws-lc-rs with AES-128-GCM first: it costs a quarter less CPU than AES-256-GCM, which browsers put first.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    Arc::new(provider)
}

fn internal(error: rustls::Error) -> Fault {
    Fault::new("internal", error)
}
