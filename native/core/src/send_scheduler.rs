//! Which stream may fill the send window next: groups in turn, within a group the highest send order first, equals in
//! turn (W3C WebTransport, "sendOrder" and "sendGroup").
//!
//! Turns are counted in bytes (start-time fair queueing): whoever has sent the least is next, however small the pieces
//! are in which the window opens. Streams that quinn has blocked keep their place.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Priority {
    pub(crate) group: u32,
    pub(crate) order: i64,
}

/// A stream's or a group's place among its equals: the lowest is next.
type Turn = u64;

/// The streams with something to send. A stream joins, is made ready, comes out of `next`, and is made ready again
/// until it leaves; while quinn blocks it, it is a member and not ready.
#[derive(Default)]
pub(crate) struct SendScheduler {
    groups: FxHashMap<u32, Group>,
    members: usize,
    /// The turn of the group that was served last: no group that comes back stands before it.
    clock: Turn,
    /// Bytes of all streams: past every stream's turn.
    served: u64,
}

struct Group {
    turn: Turn,
    ready: BTreeSet<(Reverse<i64>, Turn, u64)>,
    levels: FxHashMap<i64, Level>,
}

/// The streams of one send order.
struct Level {
    members: usize,
    /// The turn of the stream that was served last.
    clock: Turn,
}

impl SendScheduler {
    pub(crate) fn is_empty(&self) -> bool {
        self.members == 0
    }

    pub(crate) fn join(&mut self, priority: Priority) {
        let clock = self.clock;
        if !self.groups.contains_key(&priority.group) {
            // A group without streams is kept until its lead is used up.
            self.groups
                .retain(|_, group| !group.levels.is_empty() || group.turn > clock);
        }
        let group = self.groups.entry(priority.group).or_insert_with(|| Group {
            turn: clock,
            ready: BTreeSet::new(),
            levels: FxHashMap::default(),
        });
        let level = group.levels.entry(priority.order).or_insert(Level {
            members: 0,
            clock: self.served,
        });
        level.members += 1;
        self.members += 1;
    }

    /// A member can send.
    pub(crate) fn ready(&mut self, stream: u64, priority: Priority, turn: &mut Turn) {
        let Some(group) = self.groups.get_mut(&priority.group) else {
            return;
        };
        let Some(level) = group.levels.get(&priority.order) else {
            return;
        };
        if group.ready.is_empty() {
            group.turn = group.turn.max(self.clock);
        }
        *turn = (*turn).max(level.clock);
        group.ready.insert((Reverse(priority.order), *turn, stream));
    }

    /// Takes the next stream; it stays a member.
    pub(crate) fn next(&mut self) -> Option<u64> {
        let waiting = self.groups.iter_mut().filter(|(_, group)| !group.ready.is_empty());
        let (_, group) = waiting.min_by_key(|(id, group)| (group.turn, **id))?;
        group.ready.pop_first().map(|(_, _, stream)| stream)
    }

    /// What `next` gave has sent `bytes`; a closed window, which serves nobody, moves no clock.
    pub(crate) fn served(&mut self, priority: Priority, turn: &mut Turn, bytes: u64) {
        let Some(group) = self.groups.get_mut(&priority.group).filter(|_| bytes > 0) else {
            return;
        };
        if let Some(level) = group.levels.get_mut(&priority.order) {
            level.clock = level.clock.max(*turn);
        }
        self.clock = self.clock.max(group.turn);
        group.turn += bytes;
        *turn += bytes;
        self.served += bytes;
    }

    /// Takes a member out, whether it is ready or not.
    pub(crate) fn leave(&mut self, stream: u64, priority: Priority, turn: Turn) {
        let Some(group) = self.groups.get_mut(&priority.group) else {
            return;
        };
        group.ready.remove(&(Reverse(priority.order), turn, stream));
        if let Some(level) = group.levels.get_mut(&priority.order) {
            level.members -= 1;
            if level.members == 0 {
                group.levels.remove(&priority.order);
            }
        }
        self.members -= 1;
        if self.members == 0 {
            self.groups.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Streams that always have more to send, served in pieces of the given sizes.
    struct Bench {
        scheduler: SendScheduler,
        streams: FxHashMap<u64, (Priority, Turn)>,
    }

    impl Bench {
        fn new(streams: &[(u64, u32, i64)]) -> Self {
            let mut bench = Self {
                scheduler: SendScheduler::default(),
                streams: FxHashMap::default(),
            };
            for (stream, group, order) in streams {
                let (group, order) = (*group, *order);
                bench.add(*stream, Priority { group, order });
            }
            bench
        }

        fn add(&mut self, stream: u64, priority: Priority) {
            self.streams.insert(stream, (priority, 0));
            self.scheduler.join(priority);
            self.ready(stream);
        }

        fn ready(&mut self, stream: u64) {
            let (priority, turn) = self.streams.get_mut(&stream).unwrap();
            self.scheduler.ready(stream, *priority, turn);
        }

        fn leave(&mut self, stream: u64) {
            let (priority, turn) = self.streams[&stream];
            self.scheduler.leave(stream, priority, turn);
        }

        /// Serves the next stream without making it ready again.
        fn serve(&mut self, bytes: u64) -> Option<u64> {
            let stream = self.scheduler.next()?;
            let (priority, turn) = self.streams.get_mut(&stream).unwrap();
            self.scheduler.served(*priority, turn, bytes);
            Some(stream)
        }

        fn drain(&mut self) -> Vec<u64> {
            let drained: Vec<_> = std::iter::from_fn(|| self.serve(100)).collect();
            for stream in &drained {
                self.leave(*stream);
            }
            drained
        }

        /// Bytes that each stream got, when the window opens by `pieces` again and again and blocks all in between.
        fn share(&mut self, pieces: &[u64], rounds: usize) -> FxHashMap<u64, u64> {
            let mut got = FxHashMap::default();
            for _ in 0..rounds {
                let mut blocked = Vec::new();
                for piece in pieces {
                    let stream = self.serve(*piece).unwrap();
                    *got.entry(stream).or_default() += piece;
                    blocked.push(stream);
                }
                // The others find the window closed.
                while let Some(stream) = self.serve(0) {
                    blocked.push(stream);
                }
                // quinn unblocks the last one first.
                for stream in blocked.into_iter().rev() {
                    self.ready(stream);
                }
            }
            got
        }
    }

    #[test]
    fn the_highest_order_of_a_group_goes_first_and_equals_in_turn() {
        let mut bench = Bench::new(&[(0, 0, 0), (4, 0, 5), (8, 0, -1), (12, 0, 5)]);
        assert_eq!(bench.drain(), [4, 12, 0, 8]);
        assert!(bench.scheduler.is_empty());
    }

    #[test]
    fn groups_take_turns_whatever_their_orders() {
        let mut bench = Bench::new(&[(0, 1, 100), (4, 1, 100), (8, 2, 0), (12, 2, 1)]);
        assert_eq!(bench.drain(), [0, 12, 4, 8]);
    }

    #[test]
    fn a_member_that_leaves_leaves_nothing_behind() {
        let mut bench = Bench::new(&[(0, 3, 1)]);
        bench.leave(0);
        assert!(bench.scheduler.is_empty() && bench.scheduler.groups.is_empty());
        assert_eq!(bench.scheduler.next(), None);
    }

    #[test]
    fn equals_and_groups_share_by_bytes_when_the_window_opens_unevenly() {
        let mut equals = Bench::new(&[(0, 0, 0), (4, 0, 0), (8, 0, 0)]);
        let mut groups = Bench::new(&[(0, 1, 9), (4, 2, 0), (8, 3, -9)]);
        for bench in [&mut equals, &mut groups] {
            let got = bench.share(&[32_000, 8_000], 300);
            for stream in [0, 4, 8] {
                assert!(got[&stream].abs_diff(4_000_000) <= 64_000, "{got:?}");
            }
        }
    }

    #[test]
    fn a_stream_that_joins_late_gets_its_share_and_no_more() {
        let mut bench = Bench::new(&[(0, 0, 0), (4, 1, 0)]);
        bench.share(&[32_000], 1000);
        bench.add(8, Priority { group: 0, order: 0 });
        bench.add(12, Priority { group: 2, order: 0 });
        let got = bench.share(&[32_000], 300);
        for (stream, share) in [(0, 50), (8, 50), (4, 100), (12, 100)] {
            assert!(got[&stream].abs_diff(share * 32_000) <= 96_000, "{got:?}");
        }
    }

    #[test]
    fn a_stream_that_leaves_and_joins_with_each_write_does_not_starve_the_others() {
        let mut bench = Bench::new(&[(0, 0, 0), (4, 1, 0)]);
        let mut got = [0; 2];
        for _ in 0..100 {
            let stream = bench.serve(1000).unwrap();
            got[usize::from(stream == 4)] += 1;
            let priority = bench.streams[&stream].0;
            if stream == 4 {
                bench.leave(4);
                bench.scheduler.join(priority);
            }
            bench.ready(stream);
        }
        assert_eq!(got, [50, 50]);
    }
}
