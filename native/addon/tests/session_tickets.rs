//! What clients keep of a session outlives an exchange of the certificate. The addon itself cannot be tested here (see
//! Cargo.toml), its files about TLS can: they know nothing of Node.
#![allow(dead_code, missing_docs)]

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ServerConfig, ServerConnection};

#[path = "../src/authorities.rs"]
mod authorities;
#[path = "../src/hash.rs"]
mod hash;
#[path = "../src/identity.rs"]
mod identity;
#[path = "../src/self_signed.rs"]
mod self_signed;
#[path = "../src/tls.rs"]
mod tls;
#[path = "../src/verification.rs"]
mod verification;

mod fault {
    #[derive(Debug)]
    pub(crate) struct Fault {
        pub(crate) code: &'static str,
        pub(crate) message: String,
    }

    impl Fault {
        pub(crate) fn new(code: &'static str, message: impl std::fmt::Display) -> Self {
            let message = message.to_string();
            Self { code, message }
        }
    }
}

use identity::Identity;
use self_signed::{Generated, generate};
use tls::{ClientCertificates, Identities, Verification};

fn fresh() -> Generated {
    generate(&["localhost".to_owned()], 1).unwrap()
}

fn identity(certificate: &Generated) -> Identity<'_> {
    Identity {
        cert: &certificate.cert,
        key: &certificate.key,
    }
}

fn server(identities: Identities) -> Arc<ServerConfig> {
    server_that_asks(Arc::new(identities), None, ClientCertificates::None)
}

fn server_that_asks(identities: Arc<Identities>, ca: Option<&str>, clients: ClientCertificates) -> Arc<ServerConfig> {
    Arc::new(tls::server_config(identities, &[], ca, clients, None).unwrap())
}

/// Both ends' bytes to and fro until neither has any; the handshake's kind and the certificate that the client has seen.
fn shake_hands(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> (HandshakeKind, Vec<u8>) {
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(client.clone(), name).unwrap();
    let mut server = ServerConnection::new(server.clone()).unwrap();
    while client.wants_write() || server.wants_write() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets().unwrap();
        bytes.clear();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets().unwrap();
    }
    let leaf = client.peer_certificates().unwrap()[0].to_vec();
    (client.handshake_kind().unwrap(), leaf)
}

#[test]
fn a_session_is_resumed_after_the_certificate_was_exchanged() {
    let (old, new) = (fresh(), fresh());
    let identities = Identities::new(&identity(&old), &[]).unwrap();
    let exchanged = identities.with(&identity(&new), None).unwrap();
    let (before, after) = (server(identities), server(exchanged));
    let client = || Arc::new(tls::client_config(Verification::Insecure, &[], None, None).unwrap());

    let returning = client();
    let (kind, old_leaf) = shake_hands(&before, &returning);
    assert_eq!(kind, HandshakeKind::Full);
    assert_eq!(shake_hands(&after, &returning).0, HandshakeKind::Resumed);

    let (kind, new_leaf) = shake_hands(&after, &client());
    assert_eq!(kind, HandshakeKind::Full);
    assert_ne!(new_leaf, old_leaf);
}

#[test]
fn a_ticket_is_of_no_use_at_another_server() {
    let certificate = fresh();
    let one = server(Identities::new(&identity(&certificate), &[]).unwrap());
    let other = server(Identities::new(&identity(&certificate), &[]).unwrap());
    let client = Arc::new(tls::client_config(Verification::Insecure, &[], None, None).unwrap());
    shake_hands(&one, &client);
    assert_eq!(shake_hands(&other, &client).0, HandshakeKind::Full);
}

#[test]
fn a_server_that_asks_for_client_certificates_resumes_nothing() {
    let certificate = fresh();
    let identities = Arc::new(Identities::new(&identity(&certificate), &[]).unwrap());
    let anonymous = server_that_asks(identities.clone(), None, ClientCertificates::None);
    let asking = server_that_asks(identities, Some(&certificate.cert), ClientCertificates::Optional);
    let client = Arc::new(tls::client_config(Verification::Insecure, &[], None, None).unwrap());

    assert_eq!(shake_hands(&asking, &client).0, HandshakeKind::Full);
    assert_eq!(shake_hands(&asking, &client).0, HandshakeKind::Full);
    // Nor by a ticket that was sealed with the same key.
    shake_hands(&anonymous, &client);
    assert_eq!(shake_hands(&asking, &client).0, HandshakeKind::Full);
    assert_eq!(shake_hands(&anonymous, &client).0, HandshakeKind::Resumed);
}
