//! Who is let in.

use std::time::Duration;

use bytes::Bytes;
use tswebtransport_core::CoreConfig;

use crate::pair::Setup;

#[test]
fn clients_above_the_maximum_are_refused() {
    let server = CoreConfig {
        max_connections: 2,
        ..CoreConfig::default()
    };
    let mut pair = Setup {
        server,
        ..Setup::default()
    }
    .pair();
    let (first, _) = pair.connect();
    pair.connect();
    let refused = pair.begin_connect();
    pair.settle();
    let closed = pair.client.closed(refused).unwrap();
    assert_eq!(
        (closed.by, closed.kind, closed.code),
        (1, 1, 2),
        "RFC 9000 §20.1: CONNECTION_REFUSED"
    );
    assert_eq!(pair.server.core.statistics().refused, 1);
    pair.client.core.close(pair.now, first, 0, Bytes::new());
    pair.run_for(Duration::from_secs(10));
    pair.connect();
}

#[test]
fn clients_of_an_address_above_its_maximum_are_refused_until_one_has_gone() {
    let server = CoreConfig {
        max_connections_per_address: Some(3),
        ..CoreConfig::default()
    };
    let mut pair = Setup {
        server,
        ..Setup::default()
    }
    .pair();
    let (first, _) = pair.connect();
    // With a Retry: half of what the address may have is in use.
    pair.connect();
    pair.connect();
    let refused = pair.begin_connect();
    pair.settle();
    assert_eq!(pair.client.closed(refused).unwrap().code, 2);
    assert_eq!(pair.server.core.statistics().refused, 1);
    pair.client.core.close(pair.now, first, 0, Bytes::new());
    pair.run_for(Duration::from_secs(10));
    pair.connect();
}

#[test]
fn clients_above_the_pending_handshakes_are_refused() {
    let server = CoreConfig {
        max_pending_handshakes: 3,
        ..CoreConfig::default()
    };
    let mut pair = Setup {
        server,
        ..Setup::default()
    }
    .pair();
    let clients: Vec<_> = (0..5).map(|_| pair.begin_connect()).collect();
    pair.settle();
    let connected = clients
        .iter()
        .filter(|client| pair.client.connected(**client).is_some());
    assert_eq!(connected.count(), 3);
    assert_eq!(pair.server.core.statistics().refused, 2);
    assert_eq!(pair.server.core.statistics().pending_handshakes, 0);
}

#[test]
fn a_server_that_stops_accepting_keeps_what_it_has() {
    let mut pair = Setup::default().pair();
    let (client, server) = pair.connect();
    pair.server.core.stop_accepting(false);
    let refused = pair.begin_connect();
    pair.settle();
    assert!(pair.client.closed(refused).is_some());
    pair.server
        .core
        .send_datagram(server, Bytes::from_static(b"still here"));
    pair.settle();
    assert_eq!(pair.client.datagrams(), [b"still here"]);
    assert_eq!(pair.client.closed(client), None);
}
