//! RESET_STREAM_AT (draft-ietf-quic-reliable-stream-reset), and the final sizes of all resets.

use bytes::Bytes;
use tswebtransport_core::quinn_proto::Dir;
use tswebtransport_core::{ConnectionId, TransportSettings};

use crate::events::Event;
use crate::link::{Conditions, Random};
use crate::pair::{Pair, Received, Setup, connected, over_bad_link, pattern, with_credit};

pub fn without_reset_stream_at() -> TransportSettings {
    TransportSettings {
        reset_stream_at: false,
        ..TransportSettings::default()
    }
}

pub fn resets_sent(pair: &mut Pair, client: ConnectionId) -> (u64, u64) {
    let frames = pair.client.core.snapshot(client).unwrap().stats.frame_tx;
    (frames.reset_stream, frames.reset_stream_at)
}

pub fn assert_no_stream_is_left(pair: &Pair) {
    assert_eq!(pair.client.core.stream_count(), 0);
    assert_eq!(pair.server.core.stream_count(), 0);
}

#[test]
fn both_sides_learn_that_both_have_announced_it() {
    let (pair, client, server) = connected();
    assert!(pair.client.connected(client).unwrap().reset_stream_at);
    assert!(pair.server.connected(server).unwrap().reset_stream_at);
    let setups = [
        Setup {
            client_transport: without_reset_stream_at(),
            ..Setup::default()
        },
        Setup {
            server_transport: without_reset_stream_at(),
            ..Setup::default()
        },
    ];
    for setup in setups {
        let (pair, client, server) = setup.connected();
        assert!(!pair.client.connected(client).unwrap().reset_stream_at);
        assert!(!pair.server.connected(server).unwrap().reset_stream_at);
    }
}

#[test]
fn the_reliable_bytes_arrive_and_then_the_reset() {
    let (mut pair, client, server) = connected();
    let id = pair.client.send(client, Dir::Uni, &pattern(1000), false);
    pair.client.core.reset(client, id, 77, 10);
    pair.settle();
    let expected = Received {
        bytes: pattern(10),
        fin: false,
        reset: Some((77, 1000)),
    };
    assert_eq!(pair.server.stream(server, id), expected);
    let reset = Event::Reset {
        stream: id,
        code: 77,
        final_size: 1000,
        reliable_size: 10,
    };
    assert_eq!(pair.server.count(&reset), 1);
    assert_eq!(resets_sent(&mut pair, client), (0, 1));
    assert_eq!(pair.client.count(&Event::Finished(id)), 1);
    assert_no_stream_is_left(&pair);
}

#[test]
fn the_reliable_bytes_survive_a_bad_link() {
    for seed in 1..=20 {
        let (mut pair, client, server) = over_bad_link(seed);
        let content = pattern(50_000);
        let id = pair.client.send(client, Dir::Bi, &content, seed % 2 == 0);
        let reliable = Random::new(seed).below(50_000);
        // Some reset before anything has left, some in the middle, some when much is acknowledged.
        let before = seed * 2500;
        pair.run_until(|pair| pair.server.stream(server, id).bytes.len() as u64 >= before.min(40_000));
        pair.client.core.reset(client, id, seed, reliable);
        pair.run_until(|pair| pair.client.count(&Event::Finished(id)) > 0);
        pair.settle();
        let received = pair.server.stream(server, id);
        if let Some((code, final_size)) = received.reset {
            assert_eq!((code, final_size), (seed, 50_000), "seed {seed}");
            assert!(received.bytes.len() as u64 >= reliable, "seed {seed}");
        } else {
            assert!(received.fin, "seed {seed}: all had arrived before");
        }
        assert!(content.starts_with(&received.bytes), "seed {seed}");
        assert_eq!(pair.client.count(&Event::Finished(id)), 1, "seed {seed}");
    }
}

#[test]
fn bytes_that_still_wait_in_the_cores_queue_are_reliable_too() {
    for seed in 1..=5 {
        let (mut pair, client, server) = over_bad_link(seed);
        let content = pattern(900_000);
        let id = pair.client.core.open(client, Dir::Uni).unwrap();
        let at_once = pair.client.write(client, id, &content, true);
        assert!(at_once < 700_000);
        pair.client.core.reset(client, id, 1, 700_000);
        assert_eq!(pair.client.write(client, id, b"more", false), 0);
        pair.run_until(|pair| pair.client.count(&Event::Finished(id)) > 0);
        pair.settle();
        let received = pair.server.stream(server, id);
        assert!(received.bytes == content[..700_000]);
        assert_eq!(received.reset, Some((1, 700_000)));
        assert_eq!(pair.client.count(&Event::Finished(id)), 1);
        assert_no_stream_is_left(&pair);
    }
}

#[test]
fn more_than_was_written_means_all_that_was_written() {
    let (mut pair, client, server) = connected();
    let id = pair.client.send(client, Dir::Uni, &pattern(100), false);
    pair.client.core.reset(client, id, 3, u64::MAX);
    pair.settle();
    let received = pair.server.stream(server, id);
    assert_eq!((received.bytes, received.reset), (pattern(100), Some((3, 100))));
    assert_no_stream_is_left(&pair);
}

#[test]
fn a_peer_that_has_not_announced_it_gets_a_plain_reset() {
    let setup = Setup {
        server_transport: without_reset_stream_at(),
        ..Setup::default()
    };
    let (mut pair, client, server) = setup.connected();
    let id = pair.client.send(client, Dir::Uni, &pattern(1000), false);
    pair.client.core.reset(client, id, 77, 10);
    pair.settle();
    assert_eq!(pair.server.stream(server, id).reset, Some((77, 1000)));
    assert_eq!(resets_sent(&mut pair, client), (1, 0));
}

#[test]
fn our_own_second_reset_lowers_the_reliable_size_and_keeps_the_code() {
    for seed in 1..=10 {
        let (mut pair, client, server) = over_bad_link(seed);
        let id = pair.client.send(client, Dir::Uni, &pattern(50_000), false);
        pair.run_until(|pair| pair.server.stream(server, id).bytes.len() as u64 >= seed * 1000);
        pair.client.core.reset(client, id, 1, 40_000);
        pair.step();
        pair.client.core.reset(client, id, 2, 30_000);
        pair.client.core.reset(client, id, 3, 45_000);
        pair.run_until(|pair| pair.client.count(&Event::Finished(id)) > 0);
        pair.settle();
        let received = pair.server.stream(server, id);
        assert_eq!(received.reset, Some((1, 50_000)), "seed {seed}");
        assert!(received.bytes.len() >= 30_000 && pattern(50_000).starts_with(&received.bytes));
        assert_eq!(pair.client.count(&Event::Finished(id)), 1);
        assert_no_stream_is_left(&pair);
    }
}

#[test]
fn reliable_bytes_wait_for_credit_and_the_reset_for_them() {
    let (mut pair, client, server) = with_credit(10);
    let id = pair.client.send(client, Dir::Uni, &pattern(1000), false);
    pair.client.core.reset(client, id, 1, 500);
    pair.settle();
    assert_eq!(pair.server.stream(server, id).bytes.len(), 10);
    assert_eq!(pair.server.stream(server, id).reset, None);
    pair.server.core.grant(server, id, 490);
    pair.settle();
    let received = pair.server.stream(server, id);
    assert_eq!((received.bytes, received.reset), (pattern(500), Some((1, 1000))));
}

#[test]
fn unread_reliable_bytes_and_their_reset_are_delivered_before_the_close() {
    let (mut pair, client, server) = with_credit(10);
    let id = pair.client.send(client, Dir::Uni, &pattern(1000), false);
    pair.client.core.reset(client, id, 1, 500);
    pair.settle();
    pair.client.core.close(pair.now, client, 0, Bytes::new());
    pair.settle();
    let received = pair.server.stream(server, id);
    assert_eq!((received.bytes, received.reset), (pattern(500), Some((1, 1000))));
    assert!(matches!(pair.server.of(server).last(), Some(Event::Closed(_))));
}

#[test]
fn no_flow_control_credit_is_lost_with_streams_that_are_reset_and_stopped() {
    let transport = TransportSettings {
        receive_window: 60_000,
        stream_receive_window: 20_000,
        ..TransportSettings::default()
    };
    for seed in 1..=5 {
        let setup = Setup {
            seed,
            server_transport: transport.clone(),
            ..Setup::default()
        };
        let (mut pair, client, server) = setup.connected();
        pair.link.conditions = Conditions::BAD;
        let mut random = Random::new(seed);
        for _ in 0..60 {
            let id = pair
                .client
                .send(client, Dir::Uni, &pattern(15_000), random.below(2) == 0);
            for _ in 0..random.below(30) {
                pair.step();
            }
            pair.client.core.reset(client, id, 1, random.below(16_000));
            for _ in 0..random.below(10) {
                pair.step();
            }
            if random.below(3) == 0 {
                pair.server.core.stop(server, id, 2);
            }
            if random.below(3) == 0 {
                pair.client.core.reset(client, id, 1, random.below(8_000));
            }
            pair.run_until(|pair| pair.client.count(&Event::Finished(id)) > 0);
        }
        let id = pair.client.send(client, Dir::Uni, &pattern(300_000), true);
        pair.run_until(|pair| pair.server.stream(server, id).fin);
        assert!(pair.server.stream(server, id).bytes == pattern(300_000));
        pair.settle();
        assert_no_stream_is_left(&pair);
        assert_eq!(pair.client.closed(client), None);
    }
}
