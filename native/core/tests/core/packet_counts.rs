//! Packets of all connections together, and surveys of many connections.

use std::time::Duration;

use bytes::Bytes;
use tswebtransport_core::quinn_proto::Dir;
use tswebtransport_core::{ConnectionId, Core, PacketCounts};

use crate::pair::{Setup, connected, pattern};

/// What quinn-proto has counted of the connection.
fn counts_of(core: &mut Core, connection: ConnectionId) -> PacketCounts {
    let stats = core.snapshot(connection).unwrap().stats;
    PacketCounts {
        packets_sent: stats.path.sent_packets,
        packets_received: stats.udp_rx.datagrams,
        packets_lost: stats.path.lost_packets,
        bytes_sent: stats.udp_tx.bytes,
        bytes_received: stats.udp_rx.bytes,
    }
}

#[test]
fn each_packet_is_counted_once_however_often_a_connection_is_surveyed() {
    let (mut pair, client, server) = connected();
    let core = &mut pair.server.core;
    assert_eq!(core.statistics().packets, PacketCounts::default());
    for _ in 0..3 {
        core.survey(0, &mut [0.0]);
        let counted = counts_of(core, server);
        assert_eq!(core.statistics().packets, counted);
    }
    pair.client.send(client, Dir::Uni, &pattern(50_000), true);
    pair.settle();
    let core = &mut pair.server.core;
    core.survey(0, &mut [0.0]);
    let counted = counts_of(core, server);
    assert!(counted.bytes_received > 50_000);
    assert_eq!(core.statistics().packets, counted);
}

#[test]
fn packets_that_no_survey_has_seen_are_counted_when_the_connection_is_freed() {
    let (mut pair, client, server) = connected();
    pair.client.send(client, Dir::Uni, &pattern(50_000), true);
    pair.settle();
    let before = counts_of(&mut pair.server.core, server);
    let sent_before = counts_of(&mut pair.client.core, client);
    pair.client.core.close(pair.now, client, 0, Bytes::new());
    pair.run_for(Duration::from_secs(120));
    assert!(pair.server.core.snapshot(server).is_none());
    let (sent, received) = (pair.client.core.statistics(), pair.server.core.statistics());
    let close = sent.packets.bytes_sent - sent_before.bytes_sent;
    assert!(close > 0);
    assert_eq!(received.packets.bytes_received - before.bytes_received, close);
    assert_eq!(received.packets.packets_sent, before.packets_sent);
}

#[test]
fn an_endpoint_that_ends_counts_the_connections_that_it_still_has() {
    let (mut pair, _, server) = connected();
    let core = &mut pair.server.core;
    let counted = counts_of(core, server);
    assert_eq!(core.last_statistics().packets, counted);
    assert_eq!(core.statistics().packets, counted);
}

#[test]
fn a_survey_gives_the_round_trips_of_established_connections_in_any_number_of_pieces() {
    let mut pair = Setup::default().pair();
    let servers: Vec<_> = (0..5).map(|_| pair.connect().1).collect();
    let begun = pair.begin_connect();
    assert!(pair.client.core.snapshot(begun).is_some());
    let expected: Vec<_> = servers
        .iter()
        .map(|server| {
            let snapshot = pair.server.core.snapshot(*server).unwrap();
            snapshot.stats.path.rtt.as_secs_f64() * 1000.0
        })
        .collect();
    assert!(expected.iter().all(|round_trip| *round_trip > 0.0));
    for size in 1..8 {
        let mut found = Vec::new();
        let (mut first, mut slots) = (0, 1);
        while first < slots {
            let mut piece = vec![0.0; size];
            slots = pair.server.core.survey(first, &mut piece);
            found.extend(piece);
            first += size;
        }
        assert_eq!(slots, 5);
        found.retain(|round_trip| !round_trip.is_nan());
        assert_eq!(found, expected);
    }
    // The client's sixth handshake has only begun.
    let mut piece = [0.0; 8];
    assert_eq!(pair.client.core.survey(0, &mut piece), 6);
    let known = piece.iter().filter(|round_trip| !round_trip.is_nan());
    assert_eq!(known.count(), 5);
}
