//! The other half of `EventBatch`: records back into values, as `src/engine/native/event-decoder.ts` reads them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tswebtransport_core::{EventBatch, RECORD_HEADER};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Connected(Connected),
    Opened(u64),
    Data {
        stream: u64,
        bytes: Vec<u8>,
        fin: bool,
    },
    Reset {
        stream: u64,
        code: u64,
        final_size: u64,
        reliable_size: u64,
    },
    Stopped {
        stream: u64,
        code: u64,
    },
    Accepted {
        stream: u64,
        bytes: u64,
    },
    Finished(u64),
    StreamsAvailable {
        unidirectional: bool,
    },
    Datagram(Vec<u8>),
    DatagramsWritable,
    AddressChanged(String),
    Closed(Closed),
    ReceiveWindowLow,
    Foreign(Foreign),
}

/// A packet for another worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    pub worker: u16,
    pub remote: SocketAddr,
    pub local: Option<IpAddr>,
    pub packet: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    pub client: bool,
    pub duration: Duration,
    pub reset_stream_at: bool,
    pub max_datagram_size: u64,
    pub remote: SocketAddr,
    pub server_name: String,
    pub alpn: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    pub by: u8,
    pub kind: u8,
    pub code: u64,
    pub reason: String,
}

/// Takes everything out of a batch: connection and event, in order.
pub fn take(batch: &mut EventBatch) -> Vec<(u32, Event)> {
    let EventBatch { records, mut large } = std::mem::take(batch);
    let mut events = Vec::new();
    let mut rest = records.as_slice();
    while !rest.is_empty() {
        let (header, after) = rest.split_at(RECORD_HEADER);
        let (kind, flags) = (header[0], header[1]);
        let connection = u32::from_le_bytes(header[4..8].try_into().unwrap());
        let (stream, code) = (u64_at(header, 8), u64_at(header, 16));
        let length = u32::from_le_bytes(header[24..28].try_into().unwrap()) as usize;
        let is_large = kind == 3 && flags & 2 != 0;
        let payload = if is_large {
            let index = u32::from_le_bytes(header[28..32].try_into().unwrap()) as usize;
            let bytes = std::mem::take(&mut large[index]).concat();
            assert_eq!(
                bytes.len(),
                length,
                "a large payload has the length that its record tells"
            );
            rest = after;
            bytes
        } else {
            let (payload, after) = after.split_at(length.next_multiple_of(8));
            rest = after;
            payload[..length].to_vec()
        };
        events.push((connection, decode(kind, flags, stream, code, payload)));
    }
    events
}

fn decode(kind: u8, flags: u8, stream: u64, code: u64, payload: Vec<u8>) -> Event {
    match kind {
        1 => Event::Connected(connected(flags, code, &payload)),
        2 => Event::Opened(stream),
        3 => Event::Data {
            stream,
            bytes: payload,
            fin: flags & 1 != 0,
        },
        4 => Event::Reset {
            stream,
            code,
            final_size: u64_at(&payload, 0),
            reliable_size: u64_at(&payload, 8),
        },
        5 => Event::Stopped { stream, code },
        6 => Event::Accepted { stream, bytes: code },
        7 => Event::Finished(stream),
        8 => Event::StreamsAvailable {
            unidirectional: code == 1,
        },
        9 => Event::Datagram(payload),
        10 => Event::DatagramsWritable,
        11 => Event::AddressChanged(String::from_utf8(payload).unwrap()),
        12 => Event::Closed(Closed {
            by: flags & 0x0f,
            kind: flags >> 4,
            code,
            reason: String::from_utf8(payload).unwrap(),
        }),
        13 => Event::ReceiveWindowLow,
        14 => Event::Foreign(foreign(code, &payload)),
        other => panic!("unknown record type {other}"),
    }
}

fn connected(flags: u8, code: u64, payload: &[u8]) -> Connected {
    let (port, mut rest) = (u16::from_le_bytes([payload[4], payload[5]]), &payload[9..]);
    let [host, server_name, alpn] = [6, 7, 8].map(|index| {
        let (text, after) = rest.split_at(payload[index].into());
        rest = after;
        String::from_utf8(text.to_vec()).unwrap()
    });
    Connected {
        client: flags & 1 != 0,
        duration: Duration::from_micros(u32::from_le_bytes(payload[..4].try_into().unwrap()).into()),
        reset_stream_at: flags & 2 != 0,
        max_datagram_size: code,
        remote: SocketAddr::new(host.parse().unwrap(), port),
        server_name,
        alpn,
    }
}

fn foreign(code: u64, payload: &[u8]) -> Foreign {
    let (port, rest) = (u16::from_le_bytes([payload[0], payload[1]]), &payload[4..]);
    let (remote, rest) = rest.split_at(payload[2].into());
    let (local, packet) = rest.split_at(payload[3].into());
    let ip = |text: &[u8]| std::str::from_utf8(text).unwrap().parse().ok();
    Foreign {
        worker: code.try_into().unwrap(),
        remote: SocketAddr::new(ip(remote).unwrap(), port),
        local: ip(local),
        packet: packet.to_vec(),
    }
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap())
}
