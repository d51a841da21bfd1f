//! Whose turn it is to send (start-time fair queueing). Turns are counted in bytes: the one with the fewest is next,
//! even when the window opens in small pieces.

use std::cmp::Reverse;
use std::collections::BTreeSet;

/// A place among equals: the lowest is next.
pub(crate) type Turn = u64;

/// Streams with something to send. A stream joins, is made ready, comes out of `next`, and is made ready again until it
/// leaves; while quinn blocks it, it is a member and not ready.
pub(crate) trait Queue: Default {
    /// Where in the queue a stream stands.
    type Place: Copy;

    /// There are no members.
    fn is_empty(&self) -> bool;

    /// `next` would give a stream.
    fn is_ready(&self) -> bool;

    /// `served`: a number that is greater than every stream's turn.
    fn join(&mut self, place: Self::Place, served: Turn);

    /// A member can send.
    fn ready(&mut self, stream: u64, place: Self::Place, turn: &mut Turn);

    /// Takes the next stream; it stays a member.
    fn next(&mut self) -> Option<u64>;

    /// The stream that `next` gave has sent `bytes`. Never 0: a closed window must not move the clock.
    fn served(&mut self, place: Self::Place, turn: &mut Turn, bytes: u64);

    /// Removes a member, whether it is ready or not.
    fn leave(&mut self, stream: u64, place: Self::Place, turn: Turn);
}

/// Queues that share evenly, each under a number of its own.
pub(crate) struct Shares<Q> {
    /// In the order of their numbers.
    shares: Vec<Share<Q>>,
    members: usize,
    /// How many of the queues are ready.
    ready: usize,
    /// The turn of the queue that was served last. A queue that comes back does not start before it.
    clock: Turn,
}

struct Share<Q> {
    number: u32,
    turn: Turn,
    queue: Q,
}

impl<Q> Default for Shares<Q> {
    fn default() -> Self {
        Self {
            shares: Vec::new(),
            members: 0,
            ready: 0,
            clock: 0,
        }
    }
}

impl<Q: Queue> Shares<Q> {
    pub(crate) fn members(&self) -> usize {
        self.members
    }

    fn position(&self, number: u32) -> Result<usize, usize> {
        self.shares.binary_search_by_key(&number, |share| share.number)
    }

    fn add(&mut self, number: u32) -> usize {
        // An empty queue is kept while it is ahead of the clock: it must not gain by leaving and joining again.
        let clock = self.clock;
        self.shares
            .retain(|share| !share.queue.is_empty() || share.turn > clock);
        // A newcomer starts level with the first queue that waits. If it started before, a series of newcomers would starve
        // that queue.
        let waiting = self.shares.iter().filter(|share| !share.queue.is_empty());
        let first = waiting.map(|share| share.turn).filter(|turn| *turn >= clock).min();
        let (Ok(position) | Err(position)) = self.position(number);
        let share = Share {
            number,
            turn: first.unwrap_or(clock),
            queue: Q::default(),
        };
        self.shares.insert(position, share);
        position
    }
}

impl<Q: Queue> Queue for Shares<Q> {
    /// The queue's number, and the place in it.
    type Place = (u32, Q::Place);

    fn is_empty(&self) -> bool {
        self.members == 0
    }

    fn is_ready(&self) -> bool {
        self.ready > 0
    }

    fn join(&mut self, (number, place): Self::Place, served: Turn) {
        let position = match self.position(number) {
            Ok(position) => position,
            Err(_) => self.add(number),
        };
        self.shares[position].queue.join(place, served);
        self.members += 1;
    }

    fn ready(&mut self, stream: u64, (number, place): Self::Place, turn: &mut Turn) {
        let Ok(position) = self.position(number) else { return };
        let share = &mut self.shares[position];
        let was_ready = share.queue.is_ready();
        share.queue.ready(stream, place, turn);
        if !was_ready {
            share.turn = share.turn.max(self.clock);
            self.ready += usize::from(share.queue.is_ready());
        }
    }

    fn next(&mut self) -> Option<u64> {
        let waiting = self.shares.iter_mut().filter(|share| share.queue.is_ready());
        let share = waiting.min_by_key(|share| share.turn)?;
        let stream = share.queue.next();
        self.ready -= usize::from(!share.queue.is_ready());
        stream
    }

    fn served(&mut self, (number, place): Self::Place, turn: &mut Turn, bytes: u64) {
        let Ok(position) = self.position(number) else { return };
        let share = &mut self.shares[position];
        share.queue.served(place, turn, bytes);
        self.clock = self.clock.max(share.turn);
        share.turn += bytes;
    }

    fn leave(&mut self, stream: u64, (number, place): Self::Place, turn: Turn) {
        let Ok(position) = self.position(number) else { return };
        let share = &mut self.shares[position];
        let was_ready = share.queue.is_ready();
        share.queue.leave(stream, place, turn);
        self.ready -= usize::from(was_ready && !share.queue.is_ready());
        self.members -= 1;
        if self.members == 0 {
            self.shares.clear();
        }
    }
}

/// Streams by their send order: the highest first, equals in turn.
#[derive(Default)]
pub(crate) struct Streams {
    ready: BTreeSet<(Reverse<i64>, Turn, u64)>,
    /// In ascending order.
    levels: Vec<Level>,
}

/// The streams of one send order.
struct Level {
    order: i64,
    members: usize,
    /// The turn of the stream that was served last.
    clock: Turn,
}

impl Streams {
    fn position(&self, order: i64) -> Result<usize, usize> {
        self.levels.binary_search_by_key(&order, |level| level.order)
    }
}

impl Queue for Streams {
    /// The send order.
    type Place = i64;

    fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    fn join(&mut self, order: i64, served: Turn) {
        match self.position(order) {
            Ok(position) => self.levels[position].members += 1,
            Err(position) => {
                let level = Level {
                    order,
                    members: 1,
                    clock: served,
                };
                self.levels.insert(position, level);
            }
        }
    }

    fn ready(&mut self, stream: u64, order: i64, turn: &mut Turn) {
        if let Ok(position) = self.position(order) {
            *turn = (*turn).max(self.levels[position].clock);
            self.ready.insert((Reverse(order), *turn, stream));
        }
    }

    fn next(&mut self) -> Option<u64> {
        self.ready.pop_first().map(|(_, _, stream)| stream)
    }

    fn served(&mut self, order: i64, turn: &mut Turn, bytes: u64) {
        if let Ok(position) = self.position(order) {
            let level = &mut self.levels[position];
            level.clock = level.clock.max(*turn);
            *turn += bytes;
        }
    }

    fn leave(&mut self, stream: u64, order: i64, turn: Turn) {
        self.ready.remove(&(Reverse(order), turn, stream));
        if let Ok(position) = self.position(order) {
            self.levels[position].members -= 1;
            if self.levels[position].members == 0 {
                self.levels.remove(position);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomers_are_forgotten_when_they_have_gone_and_starve_nobody() {
        let mut shares: Shares<Streams> = Shares::default();
        let (mut turn, mut served) = (0, 0);
        shares.join((0, 0), served);
        shares.ready(0, (0, 0), &mut turn);
        for number in 1..1000 {
            let (stream, mut brief) = (u64::from(number) * 4, 0);
            shares.join((number, 0), served);
            shares.ready(stream, (number, 0), &mut brief);
            while let Some(next) = shares.next() {
                served += 1000;
                if next == stream {
                    shares.served((number, 0), &mut brief, 1000);
                    break;
                }
                shares.served((0, 0), &mut turn, 1000);
                shares.ready(0, (0, 0), &mut turn);
            }
            shares.leave(stream, (number, 0), brief);
            assert!(shares.shares.len() <= 3, "{}", shares.shares.len());
        }
        assert_eq!(turn, 999 * 1000, "nor does one after the other starve the first");
        shares.leave(0, (0, 0), turn);
        assert!(shares.is_empty() && !shares.is_ready() && shares.shares.is_empty());
    }
}
