//! In which order streams are sent.

use tswebtransport_core::quinn_proto::Dir;
use tswebtransport_core::{ConnectionId, TransportSettings};

use crate::events::Event;
use crate::pair::{Pair, Setup, connected, pattern};

/// Opens a stream of a session and gives it more than the send window holds.
fn bulk(pair: &mut Pair, client: ConnectionId, session: u32, group: u32, order: i64) -> u64 {
    let stream = pair.client.core.open(client, Dir::Uni).unwrap();
    pair.client.core.set_priority(client, stream, session, group, order);
    pair.client.write(client, stream, &pattern(400_000), true);
    stream
}

fn order_of_ends(pair: &Pair) -> Vec<u64> {
    let ends = pair.server.events.iter().filter_map(|(_, event)| match event {
        Event::Data { stream, fin: true, .. } => Some(*stream),
        _ => None,
    });
    ends.collect()
}

#[test]
fn the_highest_send_order_goes_first() {
    let (mut pair, client, _) = connected();
    let first = bulk(&mut pair, client, 0, 0, 0);
    let low = bulk(&mut pair, client, 0, 0, -5);
    let high = bulk(&mut pair, client, 0, 0, 5);
    pair.run_until(|pair| order_of_ends(pair).len() == 3);
    let order = order_of_ends(&pair);
    assert_eq!(order[0], high, "though it was written last");
    assert_eq!(order[1..], [first, low]);
}

#[test]
fn groups_share_the_connection_whatever_their_orders() {
    let (mut pair, client, server) = connected();
    let one = bulk(&mut pair, client, 0, 1, 1000);
    let other = bulk(&mut pair, client, 0, 2, 0);
    pair.run_until(|pair| order_of_ends(pair).len() == 1);
    let slower = if order_of_ends(&pair)[0] == one { other } else { one };
    let length = pair.server.stream(server, slower).bytes.len();
    assert!(length > 150_000, "{length}");
}

#[test]
fn an_order_can_be_changed_while_the_stream_waits() {
    let (mut pair, client, _) = connected();
    bulk(&mut pair, client, 0, 0, 10);
    let second = bulk(&mut pair, client, 0, 0, 0);
    let third = bulk(&mut pair, client, 0, 0, 0);
    pair.client.core.set_priority(client, third, 0, 0, 20);
    pair.run_until(|pair| order_of_ends(pair).len() == 3);
    assert_eq!(order_of_ends(&pair)[2], second);
}

#[test]
fn sessions_share_the_connection_however_many_groups_they_have() {
    // A receiver that holds back: quinn has little of its own to choose from.
    let server_transport = TransportSettings {
        receive_window: 100_000,
        ..TransportSettings::default()
    };
    let setup = Setup {
        server_transport,
        ..Setup::default()
    };
    let (mut pair, client, server) = setup.connected();
    // Alone at first, it fills the window.
    bulk(&mut pair, client, 0, 0, 0);
    let many = [1, 2, 3, 4].map(|group| bulk(&mut pair, client, 1, group, 1000));
    let one = bulk(&mut pair, client, 2, 0, 0);
    pair.run_until(|pair| pair.server.stream(server, one).fin);
    let sizes = many.map(|stream| pair.server.stream(server, stream).bytes.len());
    let sum: usize = sizes.iter().sum();
    assert!(sum.abs_diff(400_000) <= 64 * 1024, "{sizes:?}");
    assert!(
        sizes.iter().all(|size| size.abs_diff(sum / 4) <= 32 * 1024),
        "{sizes:?}"
    );
}
