//! One side of a pair, with what its application has been told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use tswebtransport_core::quinn_proto::Dir;
use tswebtransport_core::{ConnectionId, Core, SendOutcome};

use crate::events::{self, Closed, Connected, Event};
use crate::link::Link;
use crate::tap::Tap;

/// One side, and all that its application has been told.
pub struct Peer {
    pub core: Core,
    pub address: SocketAddr,
    pub tap: Tap,
    /// Credit is given back for what is read (default), or not at all.
    pub grants: bool,
    pub events: Vec<(ConnectionId, Event)>,
    received: BTreeMap<(ConnectionId, u64), Received>,
}

/// What has come of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    pub bytes: Vec<u8>,
    pub fin: bool,
    /// Code and final size.
    pub reset: Option<(u64, u64)>,
}

impl Peer {
    pub fn new(core: Core, address: &str, tap: Tap) -> Self {
        Self {
            core,
            address: address.parse().unwrap(),
            tap,
            grants: true,
            events: Vec::new(),
            received: BTreeMap::new(),
        }
    }

    /// Opens a stream and writes to it.
    pub fn send(&mut self, connection: ConnectionId, dir: Dir, content: &[u8], fin: bool) -> u64 {
        let stream = self.core.open(connection, dir).expect("the peer allows a stream");
        self.write(connection, stream, content, fin);
        stream
    }

    /// How many bytes left the queue at once.
    pub fn write(&mut self, connection: ConnectionId, stream: u64, content: &[u8], fin: bool) -> u64 {
        self.core
            .write(connection, stream, Bytes::copy_from_slice(content), fin)
    }

    /// Handles what is due, and sends.
    pub fn turn(&mut self, now: Instant, link: &mut Link) {
        self.core.expire(now);
        self.core.process();
        while !self.core.events().is_empty() {
            for (connection, event) in events::take(self.core.events()) {
                self.note(ConnectionId(connection), event);
            }
            self.core.process();
        }
        let own = self.address;
        self.core.transmit(now, 4, &mut |transmit, contents| {
            link.transmit(now, own, transmit, contents);
            SendOutcome::Sent
        });
    }

    fn note(&mut self, connection: ConnectionId, event: Event) {
        match &event {
            Event::Data { stream, bytes, fin } => {
                let received = self.received.entry((connection, *stream)).or_default();
                assert!(
                    !received.fin && received.reset.is_none(),
                    "data after the end of stream {stream}"
                );
                received.bytes.extend_from_slice(bytes);
                received.fin = *fin;
                if self.grants && !fin {
                    self.core.grant(connection, *stream, bytes.len() as u64);
                }
            }
            Event::Reset {
                stream,
                code,
                final_size,
                reliable_size,
            } => {
                let received = self.received.entry((connection, *stream)).or_default();
                assert!(!received.fin && received.reset.is_none(), "stream {stream} ends twice");
                assert!(
                    received.bytes.len() as u64 >= *reliable_size,
                    "stream {stream} lacks reliable bytes"
                );
                received.reset = Some((*code, *final_size));
            }
            _ => {}
        }
        self.events.push((connection, event));
    }

    /// Everything that one connection has been told.
    pub fn of(&self, connection: ConnectionId) -> Vec<Event> {
        let events = self.events.iter().filter(|(id, _)| *id == connection);
        events.map(|(_, event)| event.clone()).collect()
    }

    /// Connections whose handshake has completed, in order.
    pub fn connections(&self) -> Vec<ConnectionId> {
        let connected = self
            .events
            .iter()
            .filter(|(_, event)| matches!(event, Event::Connected(_)));
        connected.map(|(id, _)| *id).collect()
    }

    pub fn connected(&self, connection: ConnectionId) -> Option<Connected> {
        self.of(connection).into_iter().find_map(|event| match event {
            Event::Connected(connected) => Some(connected),
            _ => None,
        })
    }

    pub fn closed(&self, connection: ConnectionId) -> Option<Closed> {
        self.of(connection).into_iter().find_map(|event| match event {
            Event::Closed(closed) => Some(closed),
            _ => None,
        })
    }

    /// What has come of a stream so far.
    pub fn stream(&self, connection: ConnectionId, stream: u64) -> Received {
        self.received.get(&(connection, stream)).cloned().unwrap_or_default()
    }

    /// How often an event has come.
    pub fn count(&self, event: &Event) -> usize {
        self.events.iter().filter(|(_, other)| other == event).count()
    }

    pub fn datagrams(&self) -> Vec<Vec<u8>> {
        let datagrams = self.events.iter().filter_map(|(_, event)| match event {
            Event::Datagram(bytes) => Some(bytes.clone()),
            _ => None,
        });
        datagrams.collect()
    }
}
