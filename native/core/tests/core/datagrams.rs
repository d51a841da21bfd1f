//! DATAGRAM frames (RFC 9221).

use bytes::Bytes;
use tswebtransport_core::{ConnectionId, DatagramOutcome, SendOutcome, TransportSettings};

use crate::events::{self, Event};
use crate::pair::{Pair, Setup, pattern};

#[test]
fn datagrams_travel_both_ways() {
    let mut pair = Setup::default().pair();
    let (client, server) = pair.connect();
    assert_eq!(
        pair.client
            .core
            .send_datagram(client, Bytes::from_static(b"to the server")),
        DatagramOutcome::Queued
    );
    pair.server.core.send_datagram(server, Bytes::new());
    pair.settle();
    assert_eq!(pair.server.datagrams(), [b"to the server"]);
    assert_eq!(pair.client.datagrams(), [b""]);
}

#[test]
fn the_largest_size_fits_and_a_byte_more_does_not() {
    let mut pair = Setup::default().pair();
    let (client, _) = pair.connect();
    pair.settle();
    let size = pair.client.core.max_datagram_size(client);
    let outcome = pair.client.core.send_datagram(client, Bytes::from(pattern(size + 1)));
    assert_eq!(outcome, DatagramOutcome::TooLarge);
    let outcome = pair.client.core.send_datagram(client, Bytes::from(pattern(size)));
    assert_eq!(outcome, DatagramOutcome::Queued);
    pair.settle();
    assert_eq!(pair.server.datagrams(), [pattern(size)]);
}

#[test]
fn the_peers_limit_holds_and_can_be_used_to_the_full() {
    let server_transport = TransportSettings {
        max_datagram_frame_size: 500,
        ..TransportSettings::default()
    };
    let setup = Setup {
        server_transport,
        ..Setup::default()
    };
    let mut pair = setup.pair();
    let (client, server) = pair.connect();
    let size = pair.client.core.max_datagram_size(client);
    assert!((450..500).contains(&size), "{size}");
    let outcome = pair.client.core.send_datagram(client, Bytes::from(pattern(size + 1)));
    assert_eq!(outcome, DatagramOutcome::TooLarge);
    for _ in 0..10 {
        pair.client.core.send_datagram(client, Bytes::from(pattern(size)));
    }
    pair.settle();
    assert_eq!(pair.server.datagrams(), vec![pattern(size); 10]);
    assert_eq!(pair.server.closed(server), None);
}

/// A client whose queue takes three datagrams of a thousand bytes at most.
fn with_a_short_queue() -> (Pair, ConnectionId) {
    let client_transport = TransportSettings {
        datagram_send_buffer_size: 3000,
        ..TransportSettings::default()
    };
    let setup = Setup {
        client_transport,
        ..Setup::default()
    };
    let mut pair = setup.pair();
    let (client, _) = pair.connect();
    (pair, client)
}

#[test]
fn a_full_queue_blocks_and_becomes_writable_again() {
    let (mut pair, client) = with_a_short_queue();
    let mut queued = 0;
    while pair.client.core.send_datagram(client, Bytes::from(pattern(1000))) == DatagramOutcome::Queued {
        queued += 1;
    }
    assert!(queued >= 2);
    let outcome = pair.client.core.send_datagram(client, Bytes::from(pattern(1000)));
    assert_eq!(outcome, DatagramOutcome::Blocked);
    pair.settle();
    assert_eq!(pair.client.count(&Event::DatagramsWritable), 1);
    assert_eq!(pair.server.datagrams().len(), queued);
    let outcome = pair.client.core.send_datagram(client, Bytes::from(pattern(1000)));
    assert_eq!(outcome, DatagramOutcome::Queued);
}

#[test]
fn a_full_queue_is_writable_as_soon_as_it_has_been_sent_without_waiting_for_an_answer() {
    let (mut pair, client) = with_a_short_queue();
    pair.settle();
    let now = pair.now;
    let core = &mut pair.client.core;
    while core.send_datagram(client, Bytes::from(pattern(1000))) == DatagramOutcome::Queued {}
    core.process();
    assert!(events::take(core.events()).is_empty());
    core.transmit(now, 4, &mut |_, _| SendOutcome::Sent);
    assert!(core.has_work(), "the event is owed in the next turn");
    core.process();
    assert_eq!(events::take(core.events()), [(client.0, Event::DatagramsWritable)]);
}

#[test]
fn a_peer_that_takes_no_datagrams_is_known() {
    let server_transport = TransportSettings {
        max_datagram_frame_size: 0,
        ..TransportSettings::default()
    };
    let setup = Setup {
        server_transport,
        ..Setup::default()
    };
    let mut pair = setup.pair();
    let (client, _) = pair.connect();
    assert_eq!(pair.client.connected(client).unwrap().max_datagram_size, 0);
    assert_eq!(pair.client.core.max_datagram_size(client), 0);
    let outcome = pair.client.core.send_datagram(client, Bytes::from_static(b"x"));
    assert_eq!(outcome, DatagramOutcome::Unsupported);
}
