//! One endpoint's core and socket, and the two halves of a turn around the call into JavaScript.

use std::time::Instant;

use tswebtransport_core::{Core, EventBatch};

use crate::memory::MemoryReturn;
use crate::socket::Socket;

pub(crate) struct Driver {
    pub(crate) core: Core,
    pub(crate) socket: Socket,
    /// The last receive stopped before the socket was empty.
    more_to_receive: bool,
    memory: MemoryReturn,
}

/// When the next turn is due, apart from the socket's readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deadline {
    Now,
    At(Instant),
    Never,
}

impl Driver {
    pub(crate) fn new(core: Core, socket: Socket) -> Self {
        Self {
            core,
            socket,
            more_to_receive: false,
            memory: MemoryReturn::default(),
        }
    }

    /// Everything before JavaScript is called: packets and timers become events.
    pub(crate) fn begin(&mut self, readable: bool, writable: bool) {
        if writable {
            self.socket.retry_blocked();
        }
        if readable || self.more_to_receive {
            self.more_to_receive = self.socket.receive(&mut self.core);
        }
        self.core.expire(Instant::now());
        self.core.process();
    }

    /// Everything after JavaScript was called: what the application asked for becomes packets.
    pub(crate) fn end(&mut self) {
        self.core.process();
        if self.socket.is_blocked() {
            return;
        }
        let Self { core, socket, .. } = self;
        let max_segments = socket.max_segments();
        core.transmit(Instant::now(), max_segments, &mut |transmit, contents| {
            socket.send(transmit, contents)
        });
        self.memory.observe(core.connection_count());
    }

    pub(crate) fn events(&mut self) -> &mut EventBatch {
        self.core.events()
    }

    pub(crate) fn deadline(&self) -> Deadline {
        if self.more_to_receive || (self.core.has_work() && !self.socket.is_blocked()) {
            return Deadline::Now;
        }
        self.core.next_deadline().map_or(Deadline::Never, Deadline::At)
    }
}
