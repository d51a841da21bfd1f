//! RESET_STREAM and STOP_SENDING (RFC 9000 §3).

use tswebtransport_core::quinn_proto::Dir;

use crate::events::Event;
use crate::pair::{connected, over_bad_link, pattern};

#[test]
fn a_reset_arrives_with_its_code_and_final_size() {
    let (mut pair, client, server) = connected();
    let stream = pair.client.send(client, Dir::Uni, &pattern(1000), false);
    pair.settle();
    pair.client.core.reset(client, stream, (1 << 62) - 1, 0);
    pair.settle();
    let received = pair.server.stream(server, stream);
    assert_eq!(received.reset, Some(((1 << 62) - 1, 1000)));
    assert_eq!(pair.client.count(&Event::Finished(stream)), 1);
    assert_eq!(pair.client.core.stream_count(), 0);
    assert_eq!(pair.server.core.stream_count(), 0);
}

#[test]
fn a_reset_is_acknowledged_exactly_once_over_a_bad_link() {
    for seed in 1..=10 {
        let (mut pair, client, server) = over_bad_link(seed);
        let stream = pair.client.send(client, Dir::Bi, &pattern(200_000), false);
        pair.run_until(|pair| pair.server.stream(server, stream).bytes.len() > 20_000);
        pair.client.core.reset(client, stream, 5, 0);
        pair.run_until(|pair| pair.client.count(&Event::Finished(stream)) > 0);
        pair.settle();
        assert_eq!(pair.client.count(&Event::Finished(stream)), 1, "seed {seed}");
        let received = pair.server.stream(server, stream);
        let (code, final_size) = received.reset.unwrap();
        assert_eq!(code, 5);
        assert!(final_size as usize >= received.bytes.len());
    }
}

#[test]
fn stop_sending_on_an_idle_stream_is_answered_with_a_reset_of_its_code() {
    let (mut pair, client, server) = connected();
    let stream = pair.client.send(client, Dir::Bi, b"hello", false);
    pair.settle();
    pair.server.core.stop(server, stream, 42);
    pair.settle();
    assert_eq!(pair.client.count(&Event::Stopped { stream, code: 42 }), 1);
    assert_eq!(pair.client.count(&Event::Finished(stream)), 1);
    assert_eq!(
        pair.server.stream(server, stream).reset,
        Some((42, 5)),
        "the side that stopped learns the final size"
    );
}

#[test]
fn nothing_is_delivered_after_a_stop() {
    let (mut pair, client, server) = connected();
    let stream = pair.client.send(client, Dir::Uni, &pattern(500_000), false);
    pair.run_until(|pair| !pair.server.stream(server, stream).bytes.is_empty());
    let before = pair.server.stream(server, stream).bytes.len();
    pair.server.core.stop(server, stream, 1);
    pair.settle();
    assert_eq!(pair.server.stream(server, stream).bytes.len(), before);
    assert_eq!(pair.client.count(&Event::Stopped { stream, code: 1 }), 1);
}

/// A peer that gets the reset first may dispose of the stream, and never tell of the code.
#[test]
fn stop_sending_leaves_before_a_reset_of_the_same_turn() {
    for reliable_size in [0, 5] {
        for stops_first in [true, false] {
            let (mut pair, client, server) = connected();
            let stream = pair.client.send(client, Dir::Bi, b"hello", false);
            pair.settle();
            pair.server.write(server, stream, b"answer", false);
            pair.settle();
            if stops_first {
                pair.server.core.stop(server, stream, 77);
            }
            pair.server.core.reset(server, stream, 77, reliable_size);
            if !stops_first {
                pair.server.core.stop(server, stream, 77);
            }
            pair.settle();
            let events = pair.client.of(client);
            let stopped = Event::Stopped { stream, code: 77 };
            let place = |wanted: &dyn Fn(&Event) -> bool| events.iter().position(wanted).unwrap();
            let stop = place(&|event| *event == stopped);
            let reset = place(&|event| matches!(event, Event::Reset { .. }));
            assert!(stop < reset, "{events:?}");
        }
    }
}
