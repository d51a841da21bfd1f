//! Which stream may fill the send window next: groups in turn, within a group the highest send order first, equals in
//! turn (W3C WebTransport, "sendOrder" and "sendGroup").

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Priority {
    pub(crate) group: u32,
    pub(crate) order: i64,
}

#[derive(Default)]
pub(crate) struct SendScheduler {
    /// Groups that have streams, the next in turn first.
    groups: VecDeque<Group>,
}

struct Group {
    id: u32,
    levels: BTreeMap<Reverse<i64>, VecDeque<u64>>,
}

impl SendScheduler {
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Puts a stream at the end of its equals. The caller never adds a stream that is already waiting.
    pub(crate) fn push(&mut self, stream: u64, priority: Priority) {
        let position = self.groups.iter().position(|group| group.id == priority.group);
        let group = match position {
            Some(index) => &mut self.groups[index],
            None => {
                self.groups.push_back(Group {
                    id: priority.group,
                    levels: BTreeMap::new(),
                });
                self.groups.back_mut().expect("a group was just pushed")
            }
        };
        group
            .levels
            .entry(Reverse(priority.order))
            .or_default()
            .push_back(stream);
    }

    /// Takes the next stream, and puts its group behind the others.
    pub(crate) fn pop(&mut self) -> Option<u64> {
        let mut group = self.groups.pop_front()?;
        let mut level = group.levels.first_entry()?;
        let stream = level.get_mut().pop_front();
        if level.get().is_empty() {
            level.remove();
        }
        if !group.levels.is_empty() {
            self.groups.push_back(group);
        }
        stream
    }

    /// Takes a stream out, wherever it waits.
    pub(crate) fn remove(&mut self, stream: u64, priority: Priority) {
        let Some(index) = self.groups.iter().position(|group| group.id == priority.group) else {
            return;
        };
        let levels = &mut self.groups[index].levels;
        if let Some(level) = levels.get_mut(&Reverse(priority.order)) {
            level.retain(|waiting| *waiting != stream);
            if level.is_empty() {
                levels.remove(&Reverse(priority.order));
            }
        }
        if levels.is_empty() {
            self.groups.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(scheduler: &mut SendScheduler) -> Vec<u64> {
        std::iter::from_fn(|| scheduler.pop()).collect()
    }

    #[test]
    fn the_highest_order_of_a_group_goes_first_and_equals_in_turn() {
        let mut scheduler = SendScheduler::default();
        for (stream, order) in [(0, 0), (4, 5), (8, -1), (12, 5)] {
            scheduler.push(stream, Priority { group: 0, order });
        }
        assert_eq!(drain(&mut scheduler), [4, 12, 0, 8]);
        assert!(scheduler.is_empty());
    }

    #[test]
    fn groups_take_turns_whatever_their_orders() {
        let mut scheduler = SendScheduler::default();
        for (stream, group, order) in [(0, 1, 100), (4, 1, 100), (8, 2, 0), (12, 2, 1)] {
            scheduler.push(stream, Priority { group, order });
        }
        assert_eq!(drain(&mut scheduler), [0, 12, 4, 8]);
    }

    #[test]
    fn a_removed_stream_leaves_nothing_behind() {
        let mut scheduler = SendScheduler::default();
        let priority = Priority { group: 3, order: 1 };
        scheduler.push(0, priority);
        scheduler.remove(0, priority);
        assert!(scheduler.is_empty());
        assert_eq!(scheduler.pop(), None);
    }
}
