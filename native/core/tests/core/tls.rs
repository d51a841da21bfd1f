//! TLS for both sides: one certificate, no verification of anything else.

use std::sync::{Arc, LazyLock};

use tswebtransport_core::quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use tswebtransport_core::quinn_proto::{ClientConfig, ServerConfig};

use crate::tap::{Tap, Tapped};

const ALPN: &[u8] = b"test";

/// One certificate for all tests of the process.
static IDENTITY: LazyLock<(rustls::pki_types::CertificateDer<'static>, Vec<u8>)> = LazyLock::new(|| {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().der().clone(), key.serialize_der())
});

pub fn tls(client_tap: &Tap, server_tap: &Tap) -> (ClientConfig, ServerConfig) {
    let (client, server) = rustls_configs();
    let client = Tapped {
        config: Arc::new(QuicClientConfig::try_from(client).unwrap()),
        tap: client_tap.clone(),
    };
    let server = Tapped {
        config: Arc::new(QuicServerConfig::try_from(server).unwrap()),
        tap: server_tap.clone(),
    };
    (
        ClientConfig::new(Arc::new(client)),
        ServerConfig::with_crypto(Arc::new(server)),
    )
}

/// What the QUIC configurations are made from.
pub fn rustls_configs() -> (rustls::ClientConfig, rustls::ServerConfig) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let (certificate, key) = &*IDENTITY;
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.clone()).unwrap();
    let mut server = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    server.alpn_protocols = vec![ALPN.to_vec()];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let mut client = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![ALPN.to_vec()];
    (client, server)
}
