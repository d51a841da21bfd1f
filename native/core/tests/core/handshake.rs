//! How connections begin.

use std::time::Duration;

use bytes::Bytes;
use tswebtransport_core::{CoreConfig, HandshakeFailure, RetryPolicy};

use crate::events::Event;
use crate::link::Conditions;
use crate::pair::{Setup, pattern};

#[test]
fn both_sides_learn_of_a_completed_handshake() {
    let mut pair = Setup::default().pair();
    let (client, server) = pair.connect();
    let told = pair.client.connected(client).unwrap();
    assert!(told.client);
    assert_eq!(told.remote.to_string(), "[::1]:2000");
    assert_eq!(told.alpn, "test");
    assert!(told.max_datagram_size > 1000);
    assert_eq!(told.duration, Duration::from_millis(20), "one round trip");
    let told = pair.server.connected(server).unwrap();
    assert!(!told.client);
    assert_eq!(told.remote.to_string(), "[::1]:1000");
    assert_eq!(told.server_name, "localhost");
    assert_eq!(told.duration, Duration::from_millis(20), "one round trip");
}

#[test]
fn a_servers_preambles_travel_in_its_first_flight() {
    let preambles = vec![Bytes::from_static(b"control"), Bytes::from_static(b"encoder")];
    let server = CoreConfig {
        preambles,
        ..CoreConfig::default()
    };
    let mut pair = Setup {
        server,
        ..Setup::default()
    }
    .pair();
    let client = pair.begin_connect();
    pair.run_until(|pair| !pair.client.stream(client, 7).bytes.is_empty());
    assert_eq!(pair.elapsed(), Duration::from_millis(20), "one round trip");
    assert_eq!(pair.client.stream(client, 3).bytes, b"control");
    assert_eq!(pair.client.stream(client, 7).bytes, b"encoder");
    assert!(
        matches!(pair.client.of(client)[0], Event::Connected(_)),
        "the handshake is told first"
    );
}

#[test]
fn a_clients_preambles_come_first_on_its_first_streams() {
    let client = CoreConfig {
        preambles: vec![Bytes::from_static(b"control")],
        ..CoreConfig::default()
    };
    let mut pair = Setup {
        client,
        ..Setup::default()
    }
    .pair();
    let (client, server) = pair.connect();
    let stream = pair
        .client
        .core
        .open(client, tswebtransport_core::quinn_proto::Dir::Uni);
    assert_eq!(stream, Some(6), "2 is the preamble's");
    pair.settle();
    assert_eq!(pair.server.stream(server, 2).bytes, b"control");
}

#[test]
fn a_handshake_survives_a_bad_link() {
    for seed in 1..=20 {
        let mut pair = Setup {
            seed,
            ..Setup::default()
        }
        .pair();
        pair.link.conditions = Conditions::BAD;
        let (client, server) = pair.connect();
        assert!(pair.client.connected(client).is_some() && pair.server.connected(server).is_some());
    }
}

#[test]
fn a_retry_costs_a_round_trip_and_is_followed_by_the_connection() {
    let server = CoreConfig {
        retry: RetryPolicy::Always,
        ..CoreConfig::default()
    };
    let mut pair = Setup {
        server,
        ..Setup::default()
    }
    .pair();
    let client = pair.begin_connect();
    pair.run_until(|pair| pair.client.connected(client).is_some());
    assert_eq!(pair.elapsed(), Duration::from_millis(40), "two round trips");
    pair.settle();
    assert_eq!(pair.server.core.statistics().accepted, 1);
}

#[test]
fn a_handshake_that_nobody_answers_times_out() {
    let client = CoreConfig {
        handshake_timeout: Duration::from_secs(3),
        ..CoreConfig::default()
    };
    let mut pair = Setup {
        client,
        ..Setup::default()
    }
    .pair();
    pair.link.cut = true;
    let client = pair.begin_connect();
    pair.run_until(|pair| pair.client.closed(client).is_some());
    assert_eq!(pair.elapsed(), Duration::from_secs(3));
    let closed = pair.client.closed(client).unwrap();
    assert_eq!((closed.by, closed.kind), (2, 3), "by the transport: handshake timeout");
    pair.run_for(Duration::from_secs(60));
    assert_eq!(pair.client.core.statistics().connections, 0);
}

#[test]
fn a_server_forgets_a_client_that_falls_silent_in_the_handshake() {
    let server = CoreConfig {
        handshake_timeout: Duration::from_secs(3),
        ..CoreConfig::default()
    };
    let mut pair = Setup {
        server,
        ..Setup::default()
    }
    .pair();
    pair.begin_connect();
    pair.run_until(|pair| pair.server.core.statistics().pending_handshakes == 1);
    pair.link.cut = true;
    pair.run_for(Duration::from_secs(20));
    let statistics = pair.server.core.statistics();
    assert_eq!((statistics.pending_handshakes, statistics.connections), (0, 0));
    assert_eq!(statistics.failures.of(HandshakeFailure::Timeout), 1);
    assert!(pair.server.events.is_empty(), "its application never heard of it");
}

#[test]
fn both_sides_export_the_same_keying_material() {
    let mut pair = Setup::default().pair();
    let (client, server) = pair.connect();
    let export = |core: &mut tswebtransport_core::Core, id, context: &[u8]| {
        let mut output = [0; 32];
        core.export_keying_material(id, b"EXPORTER-test", context, &mut output)
            .map(|()| output)
    };
    let ours = export(&mut pair.client.core, client, b"context");
    assert!(ours.is_some());
    assert_eq!(ours, export(&mut pair.server.core, server, b"context"));
    assert_ne!(ours, export(&mut pair.server.core, server, &pattern(5)));
}
