//! Several workers on one port: which packets one of them leaves to another.

use std::time::Duration;

use bytes::Bytes;
use tswebtransport_core::{ConnectionId, CoreConfig, ResetKeys, RetryPolicy, Shares, Steering, endpoint_config};

use crate::events::{Event, Foreign};
use crate::pair::{Pair, Setup};

const SLOTS: u16 = 4;

/// One worker's view of the others.
struct View<'a> {
    worker: u16,
    active: &'a [u16],
    by_hash: bool,
}

/// A pair whose server is a worker among others.
fn pair(keys: &ResetKeys, view: &View) -> Pair {
    let mut pair = Setup::default().pair();
    put(&mut pair, keys, view, RetryPolicy::Never);
    pair
}

/// Puts a worker into the server's place.
fn put(pair: &mut Pair, keys: &ResetKeys, view: &View, retry: RetryPolicy) {
    let config = CoreConfig {
        retry,
        ..CoreConfig::default()
    };
    let server = pair.server_config.clone();
    pair.replace_server(config, endpoint_config(view.worker, keys), server);
    let active = Shares::even(view.active);
    let steering = Steering::new(view.worker, SLOTS, active, view.by_hash, keys.clone());
    pair.server.core.set_steering(steering);
}

fn foreign(pair: &Pair) -> Vec<Foreign> {
    let events = pair.server.events.iter().filter_map(|(connection, event)| match event {
        Event::Foreign(foreign) => {
            assert_eq!(*connection, ConnectionId(0));
            Some(foreign.clone())
        }
        _ => None,
    });
    events.collect()
}

/// Sends something on a connection, and gives the packets that the server has left to others.
fn left_to_others(pair: &mut Pair, client: ConnectionId) -> Vec<Foreign> {
    pair.client.core.send_datagram(client, Bytes::from_static(b"hello"));
    pair.run_for(Duration::from_millis(15));
    foreign(pair)
}

#[test]
fn a_worker_leaves_a_new_connection_to_the_one_whose_hash_it_is() {
    let keys = ResetKeys::random();
    let view = View {
        worker: 0,
        active: &[1],
        by_hash: true,
    };
    let mut pair = pair(&keys, &view);
    let client = pair.begin_connect();
    pair.run_for(Duration::from_millis(15));
    let left = foreign(&pair);
    assert!(!left.is_empty());
    for packet in &left {
        assert_eq!((packet.worker, packet.remote), (1, pair.client.address));
        assert_eq!(packet.packet.len(), 1200);
    }
    assert_eq!(pair.server.core.statistics().accepted, 0);

    // Worker 1 gets it handed over, and does not ask who is to take it.
    let other = View {
        worker: 1,
        active: &[2],
        by_hash: true,
    };
    put(&mut pair, &keys, &other, RetryPolicy::Never);
    for packet in left {
        pair.forward_to_server(&packet.packet, packet.remote);
    }
    pair.settle();
    assert!(pair.client.connected(client).is_some());
    assert_eq!(foreign(&pair), []);
}

#[test]
fn a_worker_takes_its_own_share_and_all_where_the_kernel_chooses() {
    let keys = ResetKeys::random();
    for (active, by_hash) in [(&[0][..], true), (&[1], false), (&[], true)] {
        let mut pair = pair(
            &keys,
            &View {
                worker: 0,
                active,
                by_hash,
            },
        );
        pair.connect();
        assert_eq!(foreign(&pair), []);
    }
}

#[test]
fn each_worker_takes_a_part_of_the_new_connections() {
    let keys = ResetKeys::random();
    let view = View {
        worker: 2,
        active: &[0, 2],
        by_hash: true,
    };
    let mut pair = pair(&keys, &view);
    for _ in 0..60 {
        pair.begin_connect();
    }
    pair.run_for(Duration::from_millis(50));
    let taken = pair.server.core.statistics().accepted;
    assert!((10..=50).contains(&taken), "{taken} of 60");
    assert!(foreign(&pair).iter().all(|packet| packet.worker == 0));
}

#[test]
fn a_worker_takes_its_share_of_the_new_connections() {
    let keys = ResetKeys::random();
    let view = View {
        worker: 2,
        active: &[0, 2],
        by_hash: true,
    };
    let mut pair = pair(&keys, &view);
    pair.server
        .core
        .set_active_workers(Shares::of_parts(&[0, 2], &[1, 65_535]).unwrap());
    for _ in 0..20 {
        pair.begin_connect();
    }
    pair.run_for(Duration::from_millis(50));
    assert_eq!(pair.server.core.statistics().accepted, 20);
    pair.server
        .core
        .set_active_workers(Shares::of_parts(&[0, 2], &[65_535, 1]).unwrap());
    for _ in 0..20 {
        pair.begin_connect();
    }
    pair.run_for(Duration::from_millis(50));
    assert_eq!(pair.server.core.statistics().accepted, 20);
    assert!(foreign(&pair).iter().all(|packet| packet.worker == 0));
}

#[test]
fn a_handshake_stays_with_its_worker_when_another_becomes_active() {
    let keys = ResetKeys::random();
    let view = View {
        worker: 0,
        active: &[0],
        by_hash: true,
    };
    let mut pair = pair(&keys, &view);
    let client = pair.begin_connect();
    pair.run_for(Duration::from_millis(12));
    assert_eq!(pair.server.core.statistics().pending_handshakes, 1);
    pair.server.core.set_active_workers(Shares::even(&[1]));
    pair.server.core.stop_accepting(true);
    pair.settle();
    assert!(pair.client.connected(client).is_some());
    assert_eq!(foreign(&pair), []);

    let late = pair.begin_connect();
    pair.run_for(Duration::from_millis(15));
    assert!(foreign(&pair).iter().all(|packet| packet.worker == 1) && !foreign(&pair).is_empty());
    assert_eq!(pair.client.closed(late), None, "not refused");
    assert_eq!(pair.server.core.statistics().refused, 0);
}

#[test]
fn a_repeated_first_packet_stays_with_its_connection_when_another_worker_becomes_active() {
    let keys = ResetKeys::random();
    let view = View {
        worker: 0,
        active: &[0],
        by_hash: true,
    };
    let mut pair = pair(&keys, &view);
    pair.link.conditions.duplication = 100;
    let client = pair.begin_connect();
    pair.run_for(Duration::from_millis(12));
    pair.server.core.set_active_workers(Shares::even(&[1]));
    pair.settle();
    assert!(pair.client.connected(client).is_some());
    assert_eq!(foreign(&pair), []);
}

#[test]
fn a_worker_that_leaves_silently_ignores_new_connections_when_nobody_else_is_active() {
    let keys = ResetKeys::random();
    for active in [&[][..], &[0]] {
        let view = View {
            worker: 0,
            active,
            by_hash: false,
        };
        let mut pair = pair(&keys, &view);
        pair.server.core.stop_accepting(true);
        let client = pair.begin_connect();
        pair.run_for(Duration::from_millis(500));
        assert_eq!(foreign(&pair), []);
        assert_eq!(pair.client.closed(client), None);
        let statistics = pair.server.core.statistics();
        assert_eq!((statistics.accepted, statistics.refused), (0, 0));
        // The client's first packet comes again, and its next worker takes it.
        put(&mut pair, &keys, &view, RetryPolicy::Never);
        pair.run_until(|pair| pair.client.connected(client).is_some());
    }
}

#[test]
fn a_server_without_steering_can_leave_silently_too() {
    let mut pair = Setup::default().pair();
    pair.server.core.stop_accepting(true);
    let client = pair.begin_connect();
    pair.run_for(Duration::from_millis(500));
    assert_eq!(pair.client.closed(client), None);
    assert_eq!(pair.server.core.statistics().refused, 0);
    pair.server.core.stop_accepting(false);
    pair.run_until(|pair| pair.client.closed(client).is_some());
}

/// A client that comes back from the Retry of worker 0, which leaves in between.
fn after_retry_of_a_leaving_worker() -> (Pair, ResetKeys, ConnectionId) {
    let keys = ResetKeys::random();
    let view = View {
        worker: 0,
        active: &[0, 1],
        by_hash: false,
    };
    let mut pair = Setup::default().pair();
    put(&mut pair, &keys, &view, RetryPolicy::Always);
    let client = pair.begin_connect();
    pair.run_for(Duration::from_millis(12));
    pair.server.core.stop_accepting(true);
    (pair, keys, client)
}

#[test]
fn a_client_that_comes_back_from_a_retry_of_a_leaving_worker_is_handed_on() {
    let (mut pair, _, client) = after_retry_of_a_leaving_worker();
    pair.run_for(Duration::from_millis(20));
    let left = foreign(&pair);
    assert!(left.iter().all(|packet| packet.worker == 1) && !left.is_empty());
    assert_eq!(pair.client.closed(client), None);
    // Also when another worker has sent it here, by the connection ID. Anything else could go round in a circle.
    pair.server.events.clear();
    pair.forward_to_server(&left[0].packet, left[0].remote);
    pair.run_for(Duration::from_millis(5));
    assert_eq!(foreign(&pair)[..1], left[..1]);
    pair.server.events.clear();
    let fresh = pair.begin_connect();
    pair.run_for(Duration::from_millis(12));
    let of_fresh = foreign(&pair).pop().expect("a first packet is handed on");
    pair.server.events.clear();
    pair.link.cut = true;
    pair.forward_to_server(&of_fresh.packet, of_fresh.remote);
    pair.run_for(Duration::from_millis(5));
    assert_eq!(foreign(&pair), []);
    assert_eq!(pair.client.closed(fresh), None);
}

#[test]
fn a_client_that_comes_back_from_the_retry_of_another_worker_is_left_to_that_one() {
    let (mut pair, keys, _) = after_retry_of_a_leaving_worker();
    let view = View {
        worker: 1,
        active: &[1],
        by_hash: false,
    };
    put(&mut pair, &keys, &view, RetryPolicy::Always);
    pair.run_for(Duration::from_millis(25));
    let left = foreign(&pair);
    assert!(left.iter().all(|packet| packet.worker == 0) && !left.is_empty());
}

#[test]
fn packets_of_anothers_connection_are_left_to_it() {
    let keys = ResetKeys::random();
    let view = |worker| View {
        worker,
        active: &[1, 2],
        by_hash: false,
    };
    let mut pair = pair(&keys, &view(1));
    let (client, _) = pair.connect();
    put(&mut pair, &keys, &view(2), RetryPolicy::Never);
    let left = left_to_others(&mut pair, client);
    assert!(left.iter().all(|packet| packet.worker == 1) && !left.is_empty());
    assert_eq!(pair.client.closed(client), None);
    // Nobody has the connection any more: the packet comes back, and is answered.
    pair.forward_to_server(&left[0].packet, left[0].remote);
    assert!(pair.server.core.events().is_empty(), "it is not handed out again");
    pair.run_for(Duration::from_millis(15));
    assert_eq!(
        pair.client.closed(client).map(|closed| closed.kind),
        Some(4),
        "stateless reset"
    );
}

#[test]
fn connection_ids_of_keys_that_are_long_gone_still_lead_to_their_worker() {
    let keys = ResetKeys::random();
    let view = |worker| View {
        worker,
        active: &[1, 2],
        by_hash: false,
    };
    let mut pair = pair(&keys, &view(1));
    let (client, _) = pair.connect();
    keys.replace(&[1; 32]);
    keys.replace(&[2; 32]);
    put(&mut pair, &keys, &view(2), RetryPolicy::Never);
    assert_eq!(left_to_others(&mut pair, client)[0].worker, 1);
}

#[test]
fn a_connection_id_beyond_the_slots_is_nobodys() {
    let keys = ResetKeys::random();
    let mut pair = Setup::default().pair();
    let server = pair.server_config.clone();
    pair.replace_server(CoreConfig::default(), endpoint_config(SLOTS, &keys), server);
    let (client, _) = pair.connect();
    let view = View {
        worker: 0,
        active: &[0],
        by_hash: false,
    };
    put(&mut pair, &keys, &view, RetryPolicy::Never);
    assert_eq!(left_to_others(&mut pair, client), []);
    pair.settle();
    assert!(pair.client.closed(client).is_some(), "stateless reset");
}

#[test]
fn bad_packets_are_ignored_wherever_they_come_from() {
    let keys = ResetKeys::random();
    let view = View {
        worker: 0,
        active: &[1],
        by_hash: true,
    };
    let mut pair = pair(&keys, &view);
    let address = pair.client.address;
    let mut seed = 7_u32;
    for length in (0..1300).step_by(3) {
        let packet: Vec<u8> = (0..length)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 24) as u8
            })
            .collect();
        pair.forward_to_server(&packet, address);
        pair.link.send(pair.now, address, pair.server.address, None, &packet);
    }
    pair.run_for(Duration::from_millis(15));
    assert_eq!(pair.server.core.statistics().accepted, 0);
    assert!(
        foreign(&pair)
            .iter()
            .all(|packet| packet.worker < SLOTS && packet.worker != 0)
    );
    pair.server.core.set_active_workers(Shares::even(&[0]));
    pair.connect();
}
