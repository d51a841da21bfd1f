//! The deadlines of all connections in one heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::ids::ConnectionId;

/// A heap that is only pushed to when a deadline moves forward: one that moved back is found stale when it pops and
/// is looked at again.
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

    /// Drops the deadlines that `counts` does not know any more.
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
