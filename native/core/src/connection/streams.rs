//! The streams of a connection: how they come into its table and leave it.

use quinn_proto::{Dir, StreamEvent, StreamId};

use crate::events::{Event, EventBatch};
use crate::stream::{ReceiveHalf, SendHalf, Stream};

use super::{Connection, number};

/// The table of streams keeps memory for this many, however few are open.
const LEAST_STREAMS_CAPACITY: usize = 128;

impl Connection {
    pub(super) fn handle_stream_event(&mut self, event: StreamEvent, events: &mut EventBatch) {
        match event {
            StreamEvent::Opened { dir } => {
                while let Some(id) = self.quinn.streams().accept(dir) {
                    self.add_remote_stream(id, events);
                }
            }
            StreamEvent::Readable { id } => self.read(number(id), false, events),
            StreamEvent::Writable { id } => {
                let Self { streams, scheduler, .. } = self;
                if let Some(send) = streams.get_mut(&number(id)).and_then(|stream| stream.send.as_mut())
                    && std::mem::take(&mut send.blocked)
                    && send.waits
                {
                    scheduler.ready(number(id), send.priority, &mut send.turn);
                }
            }
            StreamEvent::Finished { id } => self.report_finished(number(id), events),
            StreamEvent::Stopped { id, error_code } => {
                let is_news = self.send_half(number(id)).is_some_and(|send| send.reset.is_none());
                self.reset(number(id), error_code, 0);
                if is_news {
                    let (stream, code) = (number(id), error_code.into_inner());
                    events.push(self.id, Event::Stopped { stream, code });
                }
            }
            StreamEvent::Discarded {
                id,
                final_size,
                error_code,
            } => self.report_discarded(number(id), final_size, error_code, events),
            StreamEvent::Available { dir } => {
                if dir == Dir::Uni {
                    self.write_preambles();
                }
                if std::mem::take(&mut self.awaits_streams[dir as usize]) {
                    let unidirectional = dir == Dir::Uni;
                    events.push(self.id, Event::StreamsAvailable { unidirectional });
                }
            }
        }
    }

    fn add_remote_stream(&mut self, id: StreamId, events: &mut EventBatch) {
        let send = (id.dir() == Dir::Bi).then(SendHalf::new);
        let receive = Some(ReceiveHalf::new(self.config.initial_credit));
        let stream = Stream {
            receive,
            send,
            stopped: None,
        };
        self.streams.insert(number(id), stream);
        events.push(self.id, Event::StreamOpened { stream: number(id) });
        self.read(number(id), false, events);
    }

    pub(super) fn add_local_stream(&mut self, id: StreamId) -> u64 {
        let receive = (id.dir() == Dir::Bi).then(|| ReceiveHalf::new(self.config.initial_credit));
        self.streams.insert(
            number(id),
            Stream {
                receive,
                send: Some(SendHalf::new()),
                stopped: None,
            },
        );
        number(id)
    }

    /// Opens the preambles' streams as far as the peer's limit allows: they come before any of the application's.
    pub(super) fn write_preambles(&mut self) {
        while let Some(preamble) = self.config.preambles.get(self.preambles_written).cloned() {
            let Some(id) = self.quinn.streams().open(Dir::Uni) else {
                return;
            };
            self.preambles_written += 1;
            let stream = self.add_local_stream(id);
            self.write(stream, preamble, false);
        }
    }

    pub(super) fn send_half(&mut self, stream: u64) -> Option<&mut SendHalf> {
        self.streams.get_mut(&stream)?.send.as_mut()
    }

    pub(super) fn forget_if_done(&mut self, stream: u64) {
        if self.streams.get(&stream).is_some_and(Stream::is_done) {
            self.streams.remove(&stream);
            self.shrink();
        }
    }

    /// Gives back the memory of a burst of streams, at a constant cost for each stream.
    fn shrink(&mut self) {
        if self.streams.capacity() > LEAST_STREAMS_CAPACITY && self.streams.len() < self.streams.capacity() / 8 {
            self.streams.shrink_to(2 * self.streams.len());
        }
    }
}
