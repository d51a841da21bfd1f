//! What leaves: whose turn it is, and what has become of it.

use crate::config::{LEAST_SEND_WINDOW, MOST_SEND_WINDOW};
use crate::events::{Event, EventBatch};
use crate::stream::QUANTUM;

use super::{Connection, number, stream_id};

impl Connection {
    /// Makes a stream with something to send a member of the scheduler, and one without none.
    pub(super) fn schedule(&mut self, stream: u64) {
        let Self { streams, scheduler, .. } = self;
        let Some(send) = streams.get_mut(&stream).and_then(|stream| stream.send.as_mut()) else {
            return;
        };
        let has_work = send.has_work();
        let waited = std::mem::replace(&mut send.waits, has_work);
        match (waited, send.waits) {
            (false, true) => {
                scheduler.join(send.priority);
                if !send.blocked {
                    scheduler.ready(stream, send.priority, &mut send.turn);
                }
            }
            (true, false) => scheduler.leave(stream, send.priority, send.turn),
            (true, true) | (false, false) => {}
        }
    }

    /// Lets waiting streams fill quinn's buffer until it blocks them all.
    pub(super) fn fill_send_window(&mut self) {
        if self.scheduler.is_empty() {
            return;
        }
        let window = (2 * self.quinn.congestion_state().window()).clamp(LEAST_SEND_WINDOW, MOST_SEND_WINDOW);
        self.quinn.set_send_window(window);
        while let Some(stream) = self.scheduler.next() {
            let most = if self.scheduler.has_others() {
                QUANTUM
            } else {
                usize::MAX
            };
            let Self {
                quinn,
                streams,
                scheduler,
                accepted,
                ..
            } = self;
            let Some((id, send)) =
                stream_id(stream).zip(streams.get_mut(&stream).and_then(|stream| stream.send.as_mut()))
            else {
                continue;
            };
            let taken = send.fill(quinn, id, most);
            scheduler.served(send.priority, &mut send.turn, taken);
            if send.has_work() && !send.blocked {
                scheduler.ready(stream, send.priority, &mut send.turn);
            }
            if taken > 0 && send.accepted == 0 {
                accepted.push(stream);
            }
            send.accepted += taken;
            self.schedule(stream);
        }
    }

    pub(super) fn report_accepted(&mut self, events: &mut EventBatch) {
        for stream in std::mem::take(&mut self.accepted) {
            if let Some(send) = self.send_half(stream) {
                let bytes = std::mem::take(&mut send.accepted);
                events.push(self.id, Event::Accepted { stream, bytes });
            }
        }
    }

    pub(super) fn report_acknowledged_resets(&mut self, events: &mut EventBatch) {
        if self.resetting.is_empty() {
            return;
        }
        let quinn = &mut self.quinn;
        let acknowledged: Vec<_> = self
            .resetting
            .extract_if(.., |id| quinn.send_stream(*id).stopped().is_err())
            .collect();
        for id in acknowledged {
            self.report_finished(number(id), events);
        }
    }

    pub(super) fn report_finished(&mut self, stream: u64, events: &mut EventBatch) {
        if let Some(entry) = self.streams.get_mut(&stream)
            && let Some(send) = entry.send.take()
        {
            if send.waits {
                self.scheduler.leave(stream, send.priority, send.turn);
            }
            if send.accepted > 0 {
                let bytes = send.accepted;
                events.push(self.id, Event::Accepted { stream, bytes });
            }
            events.push(self.id, Event::Finished { stream });
            self.forget_if_done(stream);
        }
    }
}
