//! STOP_SENDING, and resets that cross it.

use std::time::Duration;

use tswebtransport_core::quinn_proto::Dir;
use tswebtransport_core::{CoreConfig, TransportSettings};

use crate::events::Event;
use crate::link::Conditions;
use crate::pair::{Setup, connected, pattern, with_credit};
use crate::reliable_resets::{assert_no_stream_is_left, resets_sent};

#[test]
fn stop_sending_takes_back_what_was_reliable() {
    let server = CoreConfig {
        initial_credit: 1000,
        ..CoreConfig::default()
    };
    let server_transport = TransportSettings {
        stream_receive_window: 20_000,
        ..TransportSettings::default()
    };
    // Either all reliable bytes are in QUIC's buffer, or most of them wait for flow control before it.
    for reliable in [15_000, 200_000] {
        let setup = Setup {
            server: server.clone(),
            server_transport: server_transport.clone(),
            ..Setup::default()
        };
        let (mut pair, client, server) = setup.connected();
        pair.server.grants = false;
        let id = pair.client.send(client, Dir::Uni, &pattern(300_000), false);
        pair.link.cut = true;
        pair.run_for(Duration::from_millis(1));
        pair.client.core.reset(client, id, 9, reliable);
        pair.run_for(Duration::from_millis(1));
        pair.link.cut = false;
        pair.run_until(|pair| !pair.server.stream(server, id).bytes.is_empty());
        pair.server.core.stop(server, id, 4);
        pair.run_for(Duration::from_secs(5));
        assert_eq!(pair.client.count(&Event::Finished(id)), 1);
        let (code, _) = pair.server.stream(server, id).reset.unwrap();
        assert_eq!(code, 9, "the application's own reset came first");
        assert_eq!(pair.client.count(&Event::Stopped { stream: id, code: 4 }), 0);
        assert_no_stream_is_left(&pair);
    }
}

#[test]
fn a_stop_and_a_reset_that_cross_end_the_stream_once_on_either_side() {
    for seed in 1..=20 {
        let (mut pair, client, server) = Setup {
            seed,
            ..Setup::default()
        }
        .connected();
        let id = pair.client.send(client, Dir::Uni, &pattern(30_000), false);
        pair.settle();
        pair.link.conditions = Conditions::BAD;
        pair.client.write(client, id, &pattern(30_000), false);
        pair.client.core.reset(client, id, 1, 40_000);
        pair.server.core.stop(server, id, 2);
        pair.run_until(|pair| pair.client.count(&Event::Finished(id)) > 0);
        pair.run_for(Duration::from_secs(5));
        assert_eq!(pair.server.stream(server, id).reset, Some((1, 60_000)), "seed {seed}");
        assert_eq!(pair.client.count(&Event::Finished(id)), 1, "seed {seed}");
        assert_no_stream_is_left(&pair);
    }
}

#[test]
fn stop_sending_is_answered_with_a_plain_reset() {
    let (mut pair, client, server) = connected();
    let id = pair.client.send(client, Dir::Bi, &pattern(100), false);
    pair.settle();
    pair.server.core.stop(server, id, 42);
    pair.settle();
    assert_eq!(resets_sent(&mut pair, client), (1, 0));
    assert_eq!(pair.server.stream(server, id).reset, Some((42, 100)));
}

#[test]
fn the_end_of_a_stopped_stream_is_told_with_its_final_size() {
    // The FIN crosses the STOP_SENDING.
    let (mut pair, client, server) = connected();
    let id = pair.client.send(client, Dir::Uni, &pattern(100), false);
    pair.settle();
    pair.client.write(client, id, &pattern(50), true);
    pair.server.core.stop(server, id, 5);
    pair.settle();
    assert_eq!(pair.server.stream(server, id).bytes.len(), 100);
    assert_eq!(
        pair.server.stream(server, id).reset,
        Some((5, 150)),
        "with the code of the STOP_SENDING"
    );
    assert_no_stream_is_left(&pair);

    // All had arrived, the FIN included, and nobody had read it.
    let (mut pair, client, server) = with_credit(10);
    let id = pair.client.send(client, Dir::Uni, &pattern(100), true);
    pair.settle();
    pair.server.core.stop(server, id, 5);
    pair.settle();
    assert_eq!(pair.server.stream(server, id).reset, Some((5, 100)));
    assert_no_stream_is_left(&pair);
}
