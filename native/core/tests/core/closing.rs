//! How connections end.

use std::time::Duration;

use bytes::Bytes;
use tswebtransport_core::quinn_proto::Dir;
use tswebtransport_core::{CoreConfig, TransportSettings};

use crate::events::{Closed, Event};
use crate::pair::{Pair, Setup, pattern};

fn assert_all_is_freed(pair: &mut Pair) {
    pair.run_for(Duration::from_secs(120));
    for core in [&pair.client.core, &pair.server.core] {
        let statistics = core.statistics();
        let counts = (
            statistics.connections,
            statistics.pending_handshakes,
            core.stream_count(),
        );
        assert_eq!(counts, (0, 0, 0));
        assert!(!core.has_work());
    }
}

fn count_closed(pair: &Pair) -> [usize; 2] {
    [&pair.client, &pair.server].map(|peer| {
        let closed = peer
            .events
            .iter()
            .filter(|(_, event)| matches!(event, Event::Closed(_)));
        closed.count()
    })
}

#[test]
fn a_close_is_told_once_to_either_side_and_all_is_freed() {
    let mut pair = Setup::default().pair();
    let (client, server) = pair.connect();
    let stream = pair.client.core.open(client, Dir::Bi).unwrap();
    pair.client.core.write(client, stream, Bytes::from(pattern(100)), false);
    pair.settle();
    pair.client
        .core
        .close(pair.now, client, 77, Bytes::from_static(b"done"));
    pair.settle();
    let closed = |by| Closed {
        by,
        kind: 0,
        code: 77,
        reason: "done".to_owned(),
    };
    assert_eq!(pair.client.closed(client), Some(closed(0)));
    assert_eq!(pair.server.closed(server), Some(closed(1)));
    assert!(
        matches!(pair.server.of(server).last(), Some(Event::Closed(_))),
        "the last event"
    );
    assert_eq!(count_closed(&pair), [1, 1]);
    assert_all_is_freed(&mut pair);
}

/// RFC 9002 §7: CONNECTION_CLOSE is not held back by a congestion window that is full, nor by pacing.
#[test]
fn a_close_in_the_middle_of_a_transfer_reaches_the_peer_at_once() {
    let mut pair = Setup::default().pair();
    let (client, server) = pair.connect();
    let stream = pair.client.core.open(client, Dir::Uni).unwrap();
    pair.client
        .core
        .write(client, stream, Bytes::from(pattern(4_000_000)), false);
    pair.run_until(|pair| pair.server.stream(server, stream).bytes.len() > 20_000);
    pair.client.core.close(pair.now, client, 7, Bytes::new());
    pair.settle();
    let closed = pair.server.closed(server).unwrap();
    assert_eq!((closed.by, closed.kind, closed.code), (1, 0, 7));
    assert_all_is_freed(&mut pair);
}

#[test]
fn two_closes_that_cross_are_told_once_each() {
    let mut pair = Setup::default().pair();
    let (client, server) = pair.connect();
    pair.client.core.close(pair.now, client, 1, Bytes::new());
    pair.server.core.close(pair.now, server, 2, Bytes::new());
    pair.settle();
    assert_eq!(pair.client.closed(client).unwrap().code, 1);
    assert_eq!(pair.server.closed(server).unwrap().code, 2);
    assert_eq!(count_closed(&pair), [1, 1]);
    assert_all_is_freed(&mut pair);
}

#[test]
fn unread_bytes_are_delivered_before_the_close_whatever_the_credit() {
    let client_config = CoreConfig {
        initial_credit: 10,
        ..CoreConfig::default()
    };
    let mut pair = Setup {
        client: client_config,
        ..Setup::default()
    }
    .pair();
    let (client, server) = pair.connect();
    pair.client.grants = false;
    let open = pair.server.core.open(server, Dir::Uni).unwrap();
    let finished = pair.server.core.open(server, Dir::Uni).unwrap();
    pair.server
        .core
        .write(server, open, Bytes::from(pattern(30_000)), false);
    pair.server.core.write(server, finished, Bytes::from(pattern(20)), true);
    pair.settle();
    assert_eq!(pair.client.stream(client, open).bytes.len(), 10);
    pair.server.core.close(pair.now, server, 0, Bytes::new());
    pair.settle();
    assert_eq!(pair.client.stream(client, open).bytes, pattern(30_000));
    assert_eq!(pair.client.stream(client, finished).bytes, pattern(20));
    assert!(pair.client.stream(client, finished).fin);
    assert!(matches!(pair.client.of(client).last(), Some(Event::Closed(_))));
}

#[test]
fn a_silent_peer_is_given_up_after_the_idle_timeout() {
    let transport = TransportSettings {
        max_idle_timeout: Duration::from_secs(10),
        keep_alive_interval: Duration::ZERO,
        ..TransportSettings::default()
    };
    let setup = Setup {
        client_transport: transport.clone(),
        server_transport: transport,
        ..Setup::default()
    };
    let mut pair = setup.pair();
    let (client, server) = pair.connect();
    pair.settle();
    pair.link.cut = true;
    pair.run_for(Duration::from_secs(11));
    for closed in [pair.client.closed(client), pair.server.closed(server)] {
        let closed = closed.unwrap();
        assert_eq!(
            (closed.by, closed.kind, closed.code),
            (2, 2, 0),
            "by the transport: idle timeout"
        );
    }
    assert_all_is_freed(&mut pair);
}

#[test]
fn keep_alives_hold_an_idle_connection() {
    let transport = TransportSettings {
        max_idle_timeout: Duration::from_secs(10),
        keep_alive_interval: Duration::from_secs(4),
        ..TransportSettings::default()
    };
    let setup = Setup {
        client_transport: transport.clone(),
        server_transport: transport,
        ..Setup::default()
    };
    let mut pair = setup.pair();
    let (client, _) = pair.connect();
    pair.run_for(Duration::from_secs(300));
    assert_eq!(pair.client.closed(client), None);
}

#[test]
fn a_stale_connection_id_meets_nobody() {
    let mut pair = Setup::default().pair();
    let (client, server) = pair.connect();
    let stream = pair.client.core.open(client, Dir::Uni).unwrap();
    pair.client.core.close(pair.now, client, 0, Bytes::new());
    assert_all_is_freed(&mut pair);
    let (later_client, later_server) = pair.connect();
    assert_ne!(
        (client, server),
        (later_client, later_server),
        "the slot is used again, the id is not"
    );
    let before = pair.server.events.len();
    pair.client.core.write(client, stream, Bytes::from_static(b"x"), true);
    pair.client.core.reset(client, stream, 1, 0);
    pair.client.core.stop(client, stream, 1);
    pair.client.core.grant(client, stream, 1);
    pair.client.core.close(pair.now, client, 9, Bytes::new());
    assert_eq!(pair.client.core.open(client, Dir::Uni), None);
    pair.settle();
    assert_eq!(pair.server.events.len(), before);
    assert_eq!(pair.client.closed(later_client), None);
}

#[test]
fn closing_all_closes_every_connection_and_accepts_none() {
    let mut pair = Setup::default().pair();
    let connections: Vec<_> = (0..5).map(|_| pair.connect()).collect();
    pair.server.core.close_all(pair.now, 5, &Bytes::from_static(b"bye"));
    pair.settle();
    for (client, server) in connections {
        assert_eq!(pair.client.closed(client).unwrap().code, 5);
        assert_eq!(pair.server.closed(server).unwrap().by, 0);
    }
    let refused = pair.begin_connect();
    pair.settle();
    assert!(pair.client.closed(refused).is_some());
    assert_all_is_freed(&mut pair);
}

#[test]
fn the_peers_new_address_is_told_and_used() {
    let mut pair = Setup::default().pair();
    let (client, server) = pair.connect();
    pair.settle();
    pair.client.address = "[::1]:1001".parse().unwrap();
    let stream = pair.client.core.open(client, Dir::Bi).unwrap();
    pair.client
        .core
        .write(client, stream, Bytes::from_static(b"from elsewhere"), true);
    pair.settle();
    let changed = Event::AddressChanged("[::1]:1001".to_owned());
    assert_eq!(pair.server.count(&changed), 1);
    pair.server
        .core
        .write(server, stream, Bytes::from_static(b"answer"), true);
    pair.settle();
    assert_eq!(pair.client.stream(client, stream).bytes, b"answer");
}

#[test]
fn a_peers_new_address_that_comes_with_the_end_of_a_loss_timer_changes_nothing_else() {
    let mut pair = Setup::default().pair();
    let (client, server) = pair.connect();
    pair.settle();
    // What the server sends is lost, so its loss timer runs.
    pair.link.conditions.loss = 100;
    let content = pattern(3000);
    let stream = pair.server.send(server, Dir::Uni, &content, true);
    pair.server.turn(pair.now, &mut pair.link);
    pair.link.conditions.loss = 0;
    pair.client.address = "[::1]:1001".parse().unwrap();
    let upward = pair.client.send(client, Dir::Uni, b"from elsewhere", true);
    pair.client.turn(pair.now, &mut pair.link);
    // The packet is handled late, in the turn in which the timer ends. The new path has nothing in flight yet.
    let due = pair.server.core.next_deadline().unwrap();
    pair.now = due.max(pair.link.next_arrival().unwrap());
    pair.settle();
    assert_eq!(pair.server.stream(server, upward).bytes, b"from elsewhere");
    assert_eq!(pair.client.stream(client, stream).bytes, content);
    assert_eq!(pair.server.count(&Event::AddressChanged("[::1]:1001".to_owned())), 1);
}
