//! What arrives on streams: how much of it is handed out, and how a stream ends.

use quinn_proto::VarInt;

use crate::events::{Data, Event, EventBatch, Reset};
use crate::stream::ReadEnd;

use super::{Connection, Phase, stream_id};

impl Connection {
    pub(super) fn report_low_window(&mut self, events: &mut EventBatch) {
        if !self.tells_low_window || self.phase != Phase::Established {
            return;
        }
        let free = self
            .quinn
            .promised_receive_window()
            .saturating_sub(self.quinn.unread_data());
        if free < self.first_window / 2 {
            self.tells_low_window = false;
            events.push(self.id, Event::ReceiveWindowLow);
        }
    }

    /// Hands out what the credit allows, or everything, and the end of the stream if it is reached.
    pub(super) fn read(&mut self, stream: u64, everything: bool, events: &mut EventBatch) {
        let Some(id) = stream_id(stream) else { return };
        let Self { quinn, streams, .. } = self;
        let Some(receive) = streams.get_mut(&stream).and_then(|stream| stream.receive.as_mut()) else {
            return;
        };
        if everything {
            receive.credit = u64::MAX;
        }
        let mut pieces = Vec::new();
        let (length, end) = receive.read(quinn, id, &mut pieces);
        let fin = match end {
            ReadEnd::Fin(final_size) => Some(final_size),
            ReadEnd::Open | ReadEnd::Reset(..) => None,
        };
        if length > 0 || fin.is_some() {
            let pieces = &mut pieces;
            let data = Data {
                stream,
                fin,
                length,
                pieces,
            };
            events.push(self.id, Event::Data(data));
        }
        if let ReadEnd::Reset(code, final_size, reliable_size) = end {
            let code = code.into_inner();
            let reset = Reset {
                stream,
                code,
                final_size,
                reliable_size,
            };
            events.push(self.id, Event::Reset(reset));
        }
        if !matches!(end, ReadEnd::Open) {
            if let Some(stream) = self.streams.get_mut(&stream) {
                stream.receive = None;
            }
            self.forget_if_done(stream);
        }
    }

    /// The end of a stream that was stopped: a FIN is reported like a reset with the code of our STOP_SENDING.
    pub(super) fn report_discarded(
        &mut self,
        stream: u64,
        final_size: u64,
        code: Option<VarInt>,
        events: &mut EventBatch,
    ) {
        if let Some(stopped) = self.streams.get_mut(&stream).and_then(|stream| stream.stopped.take()) {
            let reset = Reset {
                stream,
                code: code.unwrap_or(stopped).into_inner(),
                final_size,
                reliable_size: 0,
            };
            events.push(self.id, Event::Reset(reset));
            self.forget_if_done(stream);
        }
    }
}
