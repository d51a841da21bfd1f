//! How a certificate is verified by the authorities that are trusted.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DistinguishedName, Error, RootCertStore};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ExtendedKeyUsage;
use x509_parser::parse_x509_certificate;

use crate::fault::Fault;
use crate::identity::certificates;
use crate::verification::{refused, signatures_of, valid_at};

/// The certificates that the application has given, and what may be verified by them.
#[derive(Debug)]
pub(crate) struct Authorities {
    given: Vec<CertificateDer<'static>>,
    roots: Arc<RootCertStore>,
}

impl Authorities {
    pub(crate) fn from_pem(pem: &str) -> Result<Self, Fault> {
        let invalid = |error: &dyn std::fmt::Display| {
            Fault::new("invalid-certificate", format!("an authority's certificate: {error}"))
        };
        let given = certificates(pem).map_err(|fault| invalid(&fault.message))?;
        let mut roots = RootCertStore::empty();
        for certificate in &given {
            roots.add(certificate.clone()).map_err(|error| invalid(&error))?;
        }
        let roots = Arc::new(roots);
        Ok(Self { given, roots })
    }

    /// Mozilla's authorities and those that the operating system trusts beside them.
    pub(crate) fn of_the_system() -> Self {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self {
            given: Vec::new(),
            roots: Arc::new(roots),
        }
    }

    pub(crate) fn server_verifier(self, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Fault> {
        let chains = WebPkiServerVerifier::builder_with_provider(self.roots.clone(), provider)
            .build()
            .map_err(|error| Fault::new("invalid-certificate", error))?;
        Ok(Arc::new(ServersOf {
            authorities: self,
            chains,
        }))
    }

    /// `optional`: clients without a certificate are accepted, too.
    pub(crate) fn client_verifier(
        self,
        provider: Arc<CryptoProvider>,
        optional: bool,
    ) -> Result<Arc<dyn ClientCertVerifier>, Fault> {
        let builder = WebPkiClientVerifier::builder_with_provider(self.roots.clone(), provider);
        let builder = if optional {
            builder.allow_unauthenticated()
        } else {
            builder
        };
        let chains = builder
            .build()
            .map_err(|error| Fault::new("invalid-certificate", error))?;
        Ok(Arc::new(ClientsOf {
            authorities: self,
            chains,
        }))
    }

    /// Whether the peer's certificate is its own authority and was given: `openssl req -x509` makes such ones. webpki
    /// refuses an authority's certificate as a peer's (RFC 5280 does not ask for that), OpenSSL takes it.
    fn trust_directly(
        &self,
        leaf: &CertificateDer<'_>,
        now: UnixTime,
        is_for: impl Fn(&ExtendedKeyUsage<'_>) -> bool,
    ) -> Result<bool, Error> {
        let (rest, certificate) = parse_x509_certificate(leaf).map_err(|_| CertificateError::BadEncoding)?;
        if !rest.is_empty() {
            return Err(CertificateError::BadEncoding.into());
        }
        if !certificate.is_ca() {
            return Ok(false);
        }
        if certificate.subject().as_raw() != certificate.issuer().as_raw() {
            return Err(refused("it is an authority's certificate that another one has issued"));
        }
        // Byte for byte: nobody else can make it, and its signature by itself would say nothing more.
        if !self.given.iter().any(|given| given.as_ref() == leaf.as_ref()) {
            return Err(refused(
                "it is an authority's own certificate, and not among those that are trusted",
            ));
        }
        valid_at(&certificate, now)?;
        check_usage(&certificate, is_for)?;
        Ok(true)
    }
}

/// RFC 5280 §4.2.1.12, and RFC 8446 §4.4.2.2: a key signs handshakes only where its usage, if there is one, has digitalSignature.
fn check_usage(certificate: &X509Certificate<'_>, is_for: impl Fn(&ExtendedKeyUsage<'_>) -> bool) -> Result<(), Error> {
    let extended = certificate
        .extended_key_usage()
        .map_err(|_| CertificateError::BadEncoding)?;
    if extended.is_some_and(|usage| !is_for(usage.value)) {
        return Err(CertificateError::InvalidPurpose.into());
    }
    let usage = certificate.key_usage().map_err(|_| CertificateError::BadEncoding)?;
    if usage.is_some_and(|usage| !usage.value.digital_signature()) {
        return Err(refused("its key usage does not allow digital signatures"));
    }
    Ok(())
}

#[derive(Debug)]
struct ServersOf {
    authorities: Authorities,
    chains: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for ServersOf {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.authorities.trust_directly(leaf, now, |usage| usage.server_auth)? {
            return self.chains.verify_server_cert(leaf, chain, name, ocsp, now);
        }
        // Parsing refuses critical extensions that are not known (RFC 5280 §4.2).
        verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    signatures_of!(chains);
}

#[derive(Debug)]
struct ClientsOf {
    authorities: Authorities,
    chains: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for ClientsOf {
    fn client_auth_mandatory(&self) -> bool {
        self.chains.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chains.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if !self.authorities.trust_directly(leaf, now, |usage| usage.client_auth)? {
            return self.chains.verify_client_cert(leaf, chain, now);
        }
        ParsedCertificate::try_from(leaf)?;
        Ok(ClientCertVerified::assertion())
    }

    signatures_of!(chains);
}
