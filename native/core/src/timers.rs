//! The deadlines of all connections in one heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::ids::ConnectionId;

/// A connection's deadline is pushed when it becomes earlier. When it becomes later, the old entry stays: whoever pops it
/// finds that the connection is not due yet.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, ConnectionId)>>,
}

impl Timers {
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((deadline, _))| *deadline)
    }

    pub(crate) fn arm(&mut self, deadline: Instant, id: ConnectionId) {
        self.heap.push(Reverse((deadline, id)));
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Removes the deadlines for which `counts` returns false.
    pub(crate) fn retain(&mut self, counts: impl Fn(Instant, ConnectionId) -> bool) {
        self.heap.retain(|Reverse((deadline, id))| counts(*deadline, *id));
    }

    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<(Instant, ConnectionId)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}
