//! Bytes, credit and limits of streams.

use bytes::Bytes;
use tswebtransport_core::quinn_proto::Dir;
use tswebtransport_core::{CoreConfig, TransportSettings};

use crate::events::Event;
use crate::link::Conditions;
use crate::pair::{Setup, pattern};

#[test]
fn streams_carry_their_bytes_both_ways_over_a_bad_link() {
    for seed in 1..=10 {
        let mut pair = Setup {
            seed,
            ..Setup::default()
        }
        .pair();
        let (client, server) = pair.connect();
        pair.link.conditions = Conditions::BAD;
        let content = pattern(300_000);
        let ours = pair.client.core.open(client, Dir::Bi).unwrap();
        let theirs = pair.server.core.open(server, Dir::Uni).unwrap();
        pair.client.core.write(client, ours, Bytes::from(content.clone()), true);
        pair.server
            .core
            .write(server, theirs, Bytes::from(content.clone()), true);
        pair.run_until(|pair| pair.server.stream(server, ours).fin && pair.client.stream(client, theirs).fin);
        pair.server.core.write(server, ours, Bytes::from(content.clone()), true);
        pair.run_until(|pair| pair.client.stream(client, ours).fin);
        assert!(pair.server.stream(server, ours).bytes == content, "seed {seed}");
        assert!(pair.client.stream(client, theirs).bytes == content, "seed {seed}");
        assert!(pair.client.stream(client, ours).bytes == content, "seed {seed}");
    }
}

#[test]
fn nothing_is_delivered_beyond_the_credit() {
    let server = CoreConfig {
        initial_credit: 1000,
        ..CoreConfig::default()
    };
    let mut pair = Setup {
        server,
        ..Setup::default()
    }
    .pair();
    let (client, server) = pair.connect();
    pair.server.grants = false;
    let stream = pair.client.core.open(client, Dir::Uni).unwrap();
    pair.client.core.write(client, stream, Bytes::from(pattern(5000)), true);
    pair.settle();
    assert_eq!(pair.server.stream(server, stream).bytes.len(), 1000);
    pair.server.core.grant(server, stream, 1);
    pair.settle();
    assert_eq!(pair.server.stream(server, stream).bytes.len(), 1001);
    assert!(!pair.server.stream(server, stream).fin);
    pair.server.core.grant(server, stream, 3999);
    pair.settle();
    assert_eq!(pair.server.stream(server, stream).bytes, pattern(5000));
    assert!(pair.server.stream(server, stream).fin, "the end needs no credit");
}

#[test]
fn a_fin_is_found_without_credit() {
    let server = CoreConfig {
        initial_credit: 10,
        ..CoreConfig::default()
    };
    let mut pair = Setup {
        server,
        ..Setup::default()
    }
    .pair();
    let (client, server) = pair.connect();
    pair.server.grants = false;
    let stream = pair.client.core.open(client, Dir::Uni).unwrap();
    pair.client.core.write(client, stream, Bytes::from(pattern(10)), false);
    pair.settle();
    pair.client.core.write(client, stream, Bytes::new(), true);
    pair.settle();
    assert!(pair.server.stream(server, stream).fin);
}

#[test]
fn a_peer_that_is_not_read_stops_at_the_streams_window() {
    let server = CoreConfig {
        initial_credit: 1000,
        ..CoreConfig::default()
    };
    let server_transport = TransportSettings {
        stream_receive_window: 50_000,
        ..TransportSettings::default()
    };
    let setup = Setup {
        server,
        server_transport,
        ..Setup::default()
    };
    let mut pair = setup.pair();
    let (client, server) = pair.connect();
    pair.server.grants = false;
    let stream = pair.client.core.open(client, Dir::Uni).unwrap();
    let at_once = pair
        .client
        .core
        .write(client, stream, Bytes::from(pattern(200_000)), true);
    pair.settle();
    let later: u64 = pair.client.of(client).iter().map(accepted).sum();
    assert!(
        at_once + later >= 50_000 && at_once + later < 52_000,
        "{at_once} + {later}"
    );
    pair.server.core.grant(server, stream, 1_000_000);
    pair.server.grants = true;
    pair.run_until(|pair| pair.server.stream(server, stream).fin);
    let later: u64 = pair.client.of(client).iter().map(accepted).sum();
    assert_eq!(at_once + later, 200_000, "every byte is reported once as accepted");
}

fn accepted(event: &Event) -> u64 {
    match event {
        Event::Accepted { bytes, .. } => *bytes,
        _ => 0,
    }
}

#[test]
fn a_finished_stream_is_told_exactly_once() {
    for seed in 1..=10 {
        let mut pair = Setup {
            seed,
            ..Setup::default()
        }
        .pair();
        let (client, server) = pair.connect();
        pair.link.conditions = Conditions::BAD;
        let stream = pair.client.core.open(client, Dir::Uni).unwrap();
        pair.client
            .core
            .write(client, stream, Bytes::from(pattern(20_000)), true);
        pair.run_until(|pair| pair.client.count(&Event::Finished(stream)) > 0);
        assert!(pair.server.stream(server, stream).fin, "not before all has arrived");
        pair.settle();
        assert_eq!(pair.client.count(&Event::Finished(stream)), 1);
    }
}

#[test]
fn an_empty_stream_is_opened_and_finished() {
    let mut pair = Setup::default().pair();
    let (client, server) = pair.connect();
    let stream = pair.client.core.open(client, Dir::Uni).unwrap();
    pair.client.core.write(client, stream, Bytes::new(), true);
    pair.settle();
    let events = pair.server.of(server);
    let opened = events.iter().position(|event| *event == Event::Opened(stream)).unwrap();
    let data = Event::Data {
        stream,
        bytes: Vec::new(),
        fin: true,
    };
    assert_eq!(events[opened + 1], data);
}

#[test]
fn open_gives_none_at_the_peers_limit_and_streams_available_follows() {
    let server = CoreConfig {
        max_incoming_streams: [2, 2],
        ..CoreConfig::default()
    };
    let server_transport = TransportSettings {
        max_incoming_streams: [2, 2],
        ..TransportSettings::default()
    };
    let setup = Setup {
        server,
        server_transport,
        ..Setup::default()
    };
    let mut pair = setup.pair();
    let (client, _) = pair.connect();
    let first = pair.client.core.open(client, Dir::Uni).unwrap();
    assert!(pair.client.core.open(client, Dir::Uni).is_some());
    assert_eq!(pair.client.core.open(client, Dir::Uni), None);
    let available = Event::StreamsAvailable { unidirectional: true };
    pair.settle();
    assert_eq!(pair.client.count(&available), 0);
    pair.client.core.write(client, first, Bytes::from_static(b"x"), true);
    pair.settle();
    assert_eq!(pair.client.count(&available), 1);
    assert!(pair.client.core.open(client, Dir::Uni).is_some());
}

#[test]
fn the_limit_rises_to_the_configured_one_as_streams_are_used() {
    let mut pair = Setup::default().pair();
    let (client, _) = pair.connect();
    let mut open = 0;
    while let Some(stream) = pair.client.core.open(client, Dir::Bi) {
        open += 1;
        pair.client.core.write(client, stream, Bytes::from_static(b"x"), false);
    }
    assert_eq!(open, 64, "announced at first");
    pair.settle();
    while let Some(stream) = pair.client.core.open(client, Dir::Bi) {
        open += 1;
        pair.client.core.write(client, stream, Bytes::from_static(b"x"), false);
    }
    pair.settle();
    assert_eq!(open, 128, "configured");
    assert_eq!(pair.client.core.open(client, Dir::Bi), None);
}
