//! Frames of a peer that resets a stream: which contradict each other, and what of the stream is still delivered.

use tswebtransport_core::quinn_proto::Dir;

use crate::frames::{reset_stream, reset_stream_at, stream};
use crate::pair::{Received, Setup, connected, pattern};
use crate::reliable_resets::without_reset_stream_at;

#[test]
fn a_frame_that_was_not_announced_for_is_a_connection_error() {
    let setup = Setup {
        server_transport: without_reset_stream_at(),
        ..Setup::default()
    };
    assert_eq!(
        error_after(setup, &[reset_stream_at(2, 1, 10, 10)]),
        0x0a,
        "PROTOCOL_VIOLATION"
    );
}

#[test]
fn contradicting_resets_are_connection_errors() {
    let cases: [(&[Vec<u8>], u64); 5] = [
        (&[reset_stream_at(2, 1, 10, 11)], 0x07),
        (&[reset_stream_at(2, 1, 10, 5), reset_stream_at(2, 2, 10, 5)], 0x05),
        (&[reset_stream_at(2, 1, 10, 5), reset_stream(2, 2, 10)], 0x05),
        (&[reset_stream_at(2, 1, 10, 5), reset_stream_at(2, 1, 11, 5)], 0x06),
        (&[reset_stream_at(2, 1, 10, 5), stream(2, 8, b"abc", false)], 0x06),
    ];
    for (frames, code) in cases {
        assert_eq!(error_after(Setup::default(), frames), code, "{frames:02x?}");
    }
}

/// The transport error with which the server closes after these frames, one packet each.
fn error_after(setup: Setup, frames: &[Vec<u8>]) -> u64 {
    let (mut pair, client, server) = setup.connected();
    pair.client.core.open(client, Dir::Uni);
    for frame in frames {
        assert_eq!(pair.server.closed(server), None);
        pair.inject_from_client(client, frame);
    }
    let closed = pair.server.closed(server).expect("the connection is closed");
    assert_eq!((closed.by, closed.kind), (0, 1), "by this side, for the transport");
    closed.code
}

/// What the server's application gets of stream 2 from these frames, one packet each; the connection survives.
fn received_after(frames: &[Vec<u8>]) -> Received {
    let (mut pair, client, server) = connected();
    pair.client.core.open(client, Dir::Uni);
    for frame in frames {
        pair.inject_from_client(client, frame);
    }
    assert_eq!(pair.server.closed(server), None);
    pair.server.stream(server, 2)
}

#[test]
fn stream_frames_after_the_reset_are_taken_up_to_the_reliable_size_and_counted_once() {
    let reset = || reset_stream_at(2, 7, 100, 10);
    let complete = Received {
        bytes: pattern(10),
        fin: false,
        reset: Some((7, 100)),
    };
    let bytes = pattern(100);
    let part = |start: usize, end: usize| stream(2, start as u64, &bytes[start..end], false);
    let orders: [&[Vec<u8>]; 6] = [
        &[part(0, 10), reset()],
        &[reset(), part(0, 10)],
        &[part(0, 100), reset()],
        &[reset(), part(5, 30), part(0, 5)],
        &[
            part(50, 60),
            part(8, 9),
            reset(),
            reset(),
            part(0, 3),
            part(0, 3),
            part(9, 10),
            part(2, 9),
        ],
        &[
            reset(),
            stream(2, 90, &bytes[90..], true),
            part(0, 12),
            part(0, 12),
            reset(),
        ],
    ];
    for frames in orders {
        let received = received_after(frames);
        // What had been read before the reset came is not taken back.
        let expected = if received.bytes.len() > 10 {
            bytes.clone()
        } else {
            bytes[..10].to_vec()
        };
        assert_eq!(
            received,
            Received {
                bytes: expected,
                ..complete.clone()
            },
            "{frames:02x?}"
        );
    }
    assert_eq!(received_after(&[reset(), part(0, 9)]).reset, None, "a byte is missing");
    assert_eq!(
        received_after(&[reset(), part(1, 10)]).bytes,
        b"",
        "the first byte is missing"
    );
}

#[test]
fn a_later_reset_can_lower_the_reliable_size_and_not_raise_it() {
    let at = |size| reset_stream_at(2, 7, 100, size);
    let bytes = pattern(100);
    let part = |start: usize, end: usize| stream(2, start as u64, &bytes[start..end], false);
    let received = received_after(&[at(50), at(10), part(0, 10)]);
    assert_eq!((received.bytes.len(), received.reset), (10, Some((7, 100))));
    let received = received_after(&[at(10), at(50), part(0, 10)]);
    assert_eq!((received.bytes.len(), received.reset), (10, Some((7, 100))));
    let received = received_after(&[part(0, 20), at(50), at(10)]);
    assert_eq!(
        (received.bytes.len(), received.reset),
        (20, Some((7, 100))),
        "read before"
    );
    let received = received_after(&[part(30, 40), at(50), reset_stream(2, 7, 100)]);
    assert_eq!((received.bytes.len(), received.reset), (0, Some((7, 100))));
    let received = received_after(&[reset_stream(2, 7, 100), at(50), part(0, 50)]);
    assert_eq!((received.bytes.len(), received.reset), (0, Some((7, 100))));
}
