//! Which stream may fill the send window next: sessions in turn, within a session its send groups in turn, within a group
//! the highest send order first, equals in turn (W3C WebTransport, "sendOrder" and "sendGroup"). A session gets no more
//! for having many groups.

use crate::fair_queue::{Queue, Shares, Streams, Turn};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Priority {
    pub(crate) session: u32,
    /// Of the session: the same number in another session is another group.
    pub(crate) group: u32,
    pub(crate) order: i64,
}

impl Priority {
    fn place(self) -> (u32, (u32, i64)) {
        (self.session, (self.group, self.order))
    }
}

/// The streams with something to send. See [`Queue`] for what they go through.
#[derive(Default)]
pub(crate) struct SendScheduler {
    sessions: Shares<Shares<Streams>>,
    /// Bytes of all streams together: greater than every stream's turn.
    served: Turn,
}

impl SendScheduler {
    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// A stream that `next` gives is not the only one.
    pub(crate) fn has_others(&self) -> bool {
        self.sessions.members() > 1
    }

    pub(crate) fn join(&mut self, priority: Priority) {
        self.sessions.join(priority.place(), self.served);
    }

    /// A member can send.
    pub(crate) fn ready(&mut self, stream: u64, priority: Priority, turn: &mut Turn) {
        self.sessions.ready(stream, priority.place(), turn);
    }

    /// Takes the next stream; it stays a member.
    pub(crate) fn next(&mut self) -> Option<u64> {
        self.sessions.next()
    }

    /// The stream that `next` gave has sent `bytes`.
    pub(crate) fn served(&mut self, priority: Priority, turn: &mut Turn, bytes: u64) {
        if bytes > 0 {
            self.sessions.served(priority.place(), turn, bytes);
            self.served += bytes;
        }
    }

    /// Removes a member, whether it is ready or not.
    pub(crate) fn leave(&mut self, stream: u64, priority: Priority, turn: Turn) {
        self.sessions.leave(stream, priority.place(), turn);
    }
}

#[cfg(test)]
mod tests {
    use rustc_hash::FxHashMap;

    use super::*;

    /// Streams that always have more to send, served in pieces of the given sizes.
    struct Bench {
        scheduler: SendScheduler,
        streams: FxHashMap<u64, (Priority, Turn)>,
    }

    impl Bench {
        /// Each stream with its session, group and order.
        fn new(streams: &[(u64, u32, u32, i64)]) -> Self {
            let mut bench = Self {
                scheduler: SendScheduler::default(),
                streams: FxHashMap::default(),
            };
            for (stream, session, group, order) in streams {
                bench.add(*stream, *session, *group, *order);
            }
            bench
        }

        fn add(&mut self, stream: u64, session: u32, group: u32, order: i64) {
            let priority = Priority { session, group, order };
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

        /// As after each write of a stream that has nothing more to send.
        fn rejoin(&mut self, stream: u64) {
            self.leave(stream);
            self.scheduler.join(self.streams[&stream].0);
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
                let mut last = 0;
                for (index, piece) in pieces.iter().enumerate() {
                    if index > 0 {
                        self.ready(last);
                    }
                    last = self.serve(*piece).unwrap();
                    *got.entry(last).or_default() += piece;
                }
                let mut blocked = vec![last];
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
        let mut bench = Bench::new(&[(0, 0, 0, 0), (4, 0, 0, 5), (8, 0, 0, -1), (12, 0, 0, 5)]);
        assert_eq!(bench.drain(), [4, 12, 0, 8]);
        assert!(bench.scheduler.is_empty());
    }

    #[test]
    fn groups_take_turns_whatever_their_orders() {
        let mut bench = Bench::new(&[(0, 0, 1, 100), (4, 0, 1, 100), (8, 0, 2, 0), (12, 0, 2, 1)]);
        assert_eq!(bench.drain(), [0, 12, 4, 8]);
    }

    #[test]
    fn sessions_take_turns_whatever_their_groups_and_orders() {
        let mut bench = Bench::new(&[(0, 1, 1, 9), (4, 1, 2, 9), (8, 1, 3, 9), (12, 2, 1, 0), (16, 2, 1, 1)]);
        assert_eq!(bench.drain(), [0, 16, 4, 12, 8]);
    }

    #[test]
    fn groups_of_one_number_in_two_sessions_are_two_groups() {
        let mut bench = Bench::new(&[(0, 0, 1, 9), (4, 3, 1, 0), (8, 3, 1, 1)]);
        assert_eq!(bench.drain(), [0, 8, 4]);
        let mut bench = Bench::new(&[(0, 0, 1, 9), (4, 3, 1, 0)]);
        bench.leave(0);
        assert_eq!(bench.serve(1000), Some(4));
    }

    #[test]
    fn a_member_that_leaves_leaves_nothing_behind() {
        let mut bench = Bench::new(&[(0, 2, 3, 1)]);
        bench.leave(0);
        assert!(bench.scheduler.is_empty());
        assert_eq!(bench.scheduler.next(), None);
    }

    #[test]
    fn equals_groups_and_sessions_share_by_bytes_when_the_window_opens_unevenly() {
        let mut equals = Bench::new(&[(0, 0, 0, 0), (4, 0, 0, 0), (8, 0, 0, 0)]);
        let mut groups = Bench::new(&[(0, 0, 1, 9), (4, 0, 2, 0), (8, 0, 3, -9)]);
        let mut sessions = Bench::new(&[(0, 0, 1, 9), (4, 1, 1, 0), (8, 2, 1, -9)]);
        for bench in [&mut equals, &mut groups, &mut sessions] {
            let got = bench.share(&[32_000, 8_000], 300);
            for stream in [0, 4, 8] {
                assert!(got[&stream].abs_diff(4_000_000) <= 64_000, "{got:?}");
            }
        }
    }

    #[test]
    fn a_session_with_many_groups_gets_no_more_than_one_with_a_single_stream() {
        let mut bench = Bench::new(&[(0, 1, 0, 0), (400, 2, 0, 0)]);
        for group in 1..=9 {
            bench.add(u64::from(group) * 4, 1, group, i64::from(group));
        }
        let got = bench.share(&[32_000, 8_000, 1_200], 1000);
        let half = 41_200_000 / 2;
        assert!(got[&400].abs_diff(half) <= 64_000, "{got:?}");
        for stream in (0..=9).map(|group| group * 4) {
            assert!(got[&stream].abs_diff(half / 10) <= 64_000, "{got:?}");
        }
    }

    #[test]
    fn what_joins_late_gets_its_share_and_no_more() {
        let mut bench = Bench::new(&[(0, 0, 0, 0), (4, 0, 1, 0), (8, 1, 0, 0)]);
        bench.share(&[32_000], 1000);
        // A stream, a group and a session.
        bench.add(12, 0, 0, 0);
        bench.add(16, 0, 2, 0);
        bench.add(20, 2, 0, 0);
        let got = bench.share(&[32_000], 900);
        for (stream, share) in [(0, 50), (12, 50), (4, 100), (16, 100), (8, 300), (20, 300)] {
            assert!(got[&stream].abs_diff(share * 32_000) <= 96_000, "{stream}: {got:?}");
        }
    }

    #[test]
    fn a_session_that_has_left_leaves_its_share_to_the_others() {
        let mut bench = Bench::new(&[(0, 0, 0, 0), (4, 1, 0, 0), (8, 1, 1, 0), (12, 2, 0, 0)]);
        bench.share(&[32_000], 100);
        bench.leave(12);
        bench.streams.remove(&12);
        let got = bench.share(&[32_000], 400);
        for (stream, share) in [(0, 200), (4, 100), (8, 100)] {
            assert!(got[&stream].abs_diff(share * 32_000) <= 64_000, "{got:?}");
        }
    }

    #[test]
    fn who_leaves_and_joins_with_each_write_does_not_starve_the_others() {
        // The other is a stream of the same group, a group of the same session, a session.
        for (session, group) in [(0, 0), (0, 1), (1, 0)] {
            let mut bench = Bench::new(&[(0, 0, 0, 0), (4, session, group, 0)]);
            let mut got = [0; 2];
            for _ in 0..100 {
                let stream = bench.serve(1000).unwrap();
                got[usize::from(stream == 4)] += 1;
                if stream == 4 {
                    bench.rejoin(4);
                }
                bench.ready(stream);
            }
            assert_eq!(got, [50, 50]);
        }
    }

    #[test]
    fn a_session_that_leaves_and_joins_gains_nothing_by_new_groups() {
        let mut bench = Bench::new(&[(0, 0, 0, 0), (4, 1, 0, 0)]);
        let mut got = [0; 2];
        for round in 0..100 {
            let stream = bench.serve(1000).unwrap();
            got[usize::from(stream != 0)] += 1;
            if stream == 0 {
                bench.ready(0);
            } else {
                bench.leave(stream);
                bench.add(stream + 4, 1, round, 0);
            }
        }
        assert_eq!(got, [50, 50]);
    }
}
