//! Who is let in.

use std::time::Duration;

use bytes::Bytes;
use tswebtransport_core::{Arrival, CoreConfig, HandshakeFailure};

use crate::pair::{Pair, Setup};

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
    assert_eq!(failures(&pair, HandshakeFailure::MaxConnections), 1);
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
    assert_eq!(failures(&pair, HandshakeFailure::MaxConnectionsPerAddress), 1);
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
    assert_eq!(failures(&pair, HandshakeFailure::MaxPendingHandshakes), 2);
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
    assert_eq!(failures(&pair, HandshakeFailure::Closing), 1);
    pair.server
        .core
        .send_datagram(server, Bytes::from_static(b"still here"));
    pair.settle();
    assert_eq!(pair.client.datagrams(), [b"still here"]);
    assert_eq!(pair.client.closed(client), None);
}

#[test]
fn a_packet_of_an_unknown_version_is_answered_and_counted() {
    let mut pair = Setup::default().pair();
    let mut packet = vec![0; 1200];
    packet[..7].copy_from_slice(&[0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 0, 0]);
    let from = pair.client.address;
    let mut answers = 0;
    let data = bytes::BytesMut::from(packet.as_slice());
    pair.server
        .core
        .receive(pair.now, Arrival::Socket, from, None, None, data, &mut |_, _| {
            answers += 1
        });
    assert_eq!(answers, 1);
    assert_eq!(failures(&pair, HandshakeFailure::Version), 1);
    assert_eq!(pair.server.core.statistics().refused, 0);
}

#[test]
fn a_handshake_that_the_server_ends_is_counted_once_as_closing() {
    let mut pair = Setup::default().pair();
    pair.begin_connect();
    pair.run_until(|pair| pair.server.core.statistics().pending_handshakes == 1);
    pair.server.core.close_all(pair.now, 0, &Bytes::new());
    pair.settle();
    let statistics = pair.server.core.statistics();
    assert_eq!(statistics.pending_handshakes, 0);
    assert_eq!(failures(&pair, HandshakeFailure::Closing), 1);
    assert_eq!(statistics.failures.counts().iter().sum::<u64>(), 1);
}

fn failures(pair: &Pair, cause: HandshakeFailure) -> u64 {
    pair.server.core.statistics().failures.of(cause)
}
