//! Bytes, credit and limits of streams.

use tswebtransport_core::quinn_proto::Dir;
use tswebtransport_core::{ConnectionId, CoreConfig, TransportSettings};

use crate::events::Event;
use crate::pair::{Pair, Setup, connected, over_bad_link, pattern, with_credit};

#[test]
fn streams_carry_their_bytes_both_ways_over_a_bad_link() {
    for seed in 1..=10 {
        let (mut pair, client, server) = over_bad_link(seed);
        let content = pattern(300_000);
        let ours = pair.client.core.open(client, Dir::Bi).unwrap();
        let theirs = pair.server.core.open(server, Dir::Uni).unwrap();
        pair.client.write(client, ours, &content, true);
        pair.server.write(server, theirs, &content, true);
        pair.run_until(|pair| pair.server.stream(server, ours).fin && pair.client.stream(client, theirs).fin);
        pair.server.write(server, ours, &content, true);
        pair.run_until(|pair| pair.client.stream(client, ours).fin);
        assert!(pair.server.stream(server, ours).bytes == content, "seed {seed}");
        assert!(pair.client.stream(client, theirs).bytes == content, "seed {seed}");
        assert!(pair.client.stream(client, ours).bytes == content, "seed {seed}");
    }
}

#[test]
fn nothing_is_delivered_beyond_the_credit() {
    let (mut pair, client, server) = with_credit(1000);
    let stream = pair.client.send(client, Dir::Uni, &pattern(5000), true);
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
    let (mut pair, client, server) = with_credit(10);
    let stream = pair.client.send(client, Dir::Uni, &pattern(10), false);
    pair.settle();
    pair.client.write(client, stream, b"", true);
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
    let (mut pair, client, server) = setup.connected();
    pair.server.grants = false;
    let stream = pair.client.core.open(client, Dir::Uni).unwrap();
    let at_once = pair.client.write(client, stream, &pattern(200_000), true);
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
        let (mut pair, client, server) = over_bad_link(seed);
        let stream = pair.client.send(client, Dir::Uni, &pattern(20_000), true);
        pair.run_until(|pair| pair.client.count(&Event::Finished(stream)) > 0);
        assert!(pair.server.stream(server, stream).fin, "not before all has arrived");
        pair.settle();
        assert_eq!(pair.client.count(&Event::Finished(stream)), 1);
    }
}

#[test]
fn an_empty_stream_is_opened_and_finished() {
    let (mut pair, client, server) = connected();
    let stream = pair.client.send(client, Dir::Uni, b"", true);
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
    let server_transport = TransportSettings {
        max_incoming_streams: [2, 2],
        ..TransportSettings::default()
    };
    let setup = Setup {
        server_transport,
        ..Setup::default()
    };
    let (mut pair, client, _) = setup.connected();
    let first = pair.client.core.open(client, Dir::Uni).unwrap();
    assert!(pair.client.core.open(client, Dir::Uni).is_some());
    assert_eq!(pair.client.core.open(client, Dir::Uni), None);
    let available = Event::StreamsAvailable { unidirectional: true };
    pair.settle();
    assert_eq!(pair.client.count(&available), 0);
    pair.client.write(client, first, b"x", true);
    pair.settle();
    assert_eq!(pair.client.count(&available), 1);
    assert!(pair.client.core.open(client, Dir::Uni).is_some());
}

/// A pair whose server allows so many streams of each direction.
fn with_stream_limit(limit: u32) -> (Pair, ConnectionId, ConnectionId) {
    let server_transport = TransportSettings {
        max_incoming_streams: [limit, limit],
        ..TransportSettings::default()
    };
    let setup = Setup {
        server_transport,
        ..Setup::default()
    };
    setup.connected()
}

#[test]
fn the_whole_limit_is_announced_from_the_start() {
    let (mut pair, client, server) = with_stream_limit(1000);
    for dir in [Dir::Bi, Dir::Uni] {
        for _ in 0..1000 {
            pair.client.send(client, dir, b"x", false);
        }
        assert_eq!(pair.client.core.open(client, dir), None);
    }
    pair.settle();
    let is_opening = |event: &&Event| matches!(event, Event::Opened(_));
    assert_eq!(pair.server.of(server).iter().filter(is_opening).count(), 2000);
}

#[test]
fn a_place_is_free_at_once_when_its_stream_has_ended() {
    let (mut pair, client, _) = with_stream_limit(100);
    for _ in 0..98 {
        pair.client.send(client, Dir::Uni, b"stays open", false);
    }
    for _ in 0..20 {
        pair.client.send(client, Dir::Uni, b"x", true);
        pair.settle();
    }
    assert_eq!(pair.client.count(&Event::StreamsAvailable { unidirectional: true }), 0);
}
