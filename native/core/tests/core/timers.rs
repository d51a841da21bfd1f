//! The heap of deadlines.

use std::time::Duration;

use bytes::Bytes;

use crate::pair::connected;

#[test]
fn deadlines_that_nobody_waits_for_do_not_pile_up() {
    let (mut pair, client, server) = connected();
    for _ in 0..300 {
        // Sending arms a near deadline; when it has passed the keep-alive's is armed, and stays behind the next time.
        pair.client.core.send_datagram(client, Bytes::from_static(b"ping"));
        pair.server.core.send_datagram(server, Bytes::from_static(b"pong"));
        pair.run_for(Duration::from_millis(100));
    }
    assert_eq!(pair.server.datagrams().len(), 300);
    for core in [&pair.client.core, &pair.server.core] {
        let held = core.statistics().timers;
        assert!((1..=68).contains(&held), "{held} deadlines for one connection");
    }
    // Those that count are among them.
    pair.run_for(Duration::from_secs(600));
    assert_eq!(pair.client.closed(client), None);
}
