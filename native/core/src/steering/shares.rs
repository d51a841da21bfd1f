//! How new connections are shared out among the workers that take them.

use super::hash;

/// The hash of a connection ID is below this.
const ALL: u32 = 1 << 16;

/// A client's first connection ID is at least as long (RFC 9000 §7.2). The hash needs no more: its bytes are random.
pub(super) const HASHED_LENGTH: usize = 8;

/// Each active worker's range of the hash's values. Every worker owns the values from the end of the range before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares(Vec<Range>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) worker: u16,
    /// The first value beyond.
    pub(super) end: u32,
}

impl Shares {
    /// As many new connections for each.
    pub fn even(workers: &[u16]) -> Self {
        let count = workers.len() as u64;
        let ends = (1..).map(|position: u64| (u64::from(ALL) * position / count) as u32);
        Self(ranges(workers, ends))
    }

    /// `parts`: how many of the 65536 values each worker owns. None unless each owns one, and all together all.
    pub fn of_parts(workers: &[u16], parts: &[u32]) -> Option<Self> {
        if parts.len() != workers.len() || parts.contains(&0) {
            return None;
        }
        let mut end = 0_u32;
        let mut ends = Vec::with_capacity(parts.len());
        for part in parts {
            end = end.checked_add(*part).filter(|end| *end <= ALL)?;
            ends.push(end);
        }
        (workers.is_empty() || end == ALL).then(|| Self(ranges(workers, ends)))
    }

    /// The worker that a client's first connection ID falls to: of the same shares the same one.
    pub fn owner(&self, id: &[u8]) -> Option<u16> {
        let Some(bytes) = id.first_chunk::<HASHED_LENGTH>() else {
            return self.first();
        };
        let value = hash(bytes);
        let position = self.0.partition_point(|range| range.end <= value);
        self.0.get(position).map(|range| range.worker)
    }

    /// In the order of their ranges.
    pub fn workers(&self) -> impl Iterator<Item = u16> {
        self.0.iter().map(|range| range.worker)
    }

    pub(super) fn first(&self) -> Option<u16> {
        self.0.first().map(|range| range.worker)
    }

    pub(super) fn contains(&self, worker: u16) -> bool {
        self.workers().any(|other| other == worker)
    }

    /// A worker's neighbour in the list takes its values, too.
    pub(super) fn without(&self, worker: u16) -> Self {
        let mut ranges = self.0.clone();
        ranges.retain(|range| range.worker != worker);
        if let Some(last) = ranges.last_mut() {
            last.end = ALL;
        }
        Self(ranges)
    }

    pub(super) fn ranges(&self) -> &[Range] {
        &self.0
    }
}

fn ranges(workers: &[u16], ends: impl IntoIterator<Item = u32>) -> Vec<Range> {
    let pairs = workers.iter().copied().zip(ends);
    pairs.map(|(worker, end)| Range { worker, end }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: u64) -> impl Iterator<Item = [u8; 8]> {
        (0..count).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
    }

    fn counts(shares: &Shares, ids: impl Iterator<Item = [u8; 8]>) -> [u32; 8] {
        let mut counts = [0; 8];
        for id in ids {
            counts[usize::from(shares.owner(&id).unwrap())] += 1;
        }
        counts
    }

    #[test]
    fn connection_ids_are_spread_evenly() {
        let active = [3, 0, 7, 1];
        let shares = Shares::even(&active);
        let of_random = counts(&shares, ids(40_000));
        for worker in active {
            assert!(
                (9_500..10_500).contains(&of_random[usize::from(worker)]),
                "{of_random:?}"
            );
        }
        // Even numbers in a row, in either half.
        for shift in [0, 32] {
            let in_a_row = counts(&shares, (0..4_000_u64).map(|number| (number << shift).to_be_bytes()));
            assert!(
                active.iter().all(|worker| in_a_row[usize::from(*worker)] > 800),
                "{in_a_row:?}"
            );
        }
    }

    #[test]
    fn each_worker_gets_its_part() {
        let parts = [8_192, 32_768, 1, 24_575];
        let shares = Shares::of_parts(&[2, 6, 0, 5], &parts).unwrap();
        let counts = counts(&shares, ids(65_536));
        for (worker, part) in [2_usize, 6, 0, 5].into_iter().zip(parts) {
            let (got, tolerance) = (counts[worker], part / 20 + 16);
            assert!(got.abs_diff(part) <= tolerance, "{counts:?}");
        }
    }

    #[test]
    fn a_value_at_the_end_of_a_range_is_the_next_workers() {
        let shares = Shares::of_parts(&[4, 9, 2], &[1, 65_534, 1]).unwrap();
        let ends: Vec<_> = shares.ranges().iter().map(|range| (range.worker, range.end)).collect();
        assert_eq!(ends, [(4, 1), (9, 65_535), (2, 65_536)]);
        let of_value = |wanted: u32| {
            let mut ids = (0..u64::MAX).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            shares.owner(&ids.find(|id| hash(id) == wanted).unwrap()).unwrap()
        };
        assert_eq!([0, 1, 65_534, 65_535].map(of_value), [4, 9, 9, 2]);
    }

    #[test]
    fn a_successor_in_the_same_place_takes_only_its_predecessors_share() {
        let parts = [10_000, 40_000, 15_536];
        let (before, after) = (
            Shares::of_parts(&[0, 1, 2], &parts).unwrap(),
            Shares::of_parts(&[0, 5, 2], &parts).unwrap(),
        );
        let (even, even_after) = (Shares::even(&[0, 1, 2]), Shares::even(&[0, 5, 2]));
        for id in ids(1_000) {
            for (before, after) in [(&before, &after), (&even, &even_after)] {
                let (before, after) = (before.owner(&id).unwrap(), after.owner(&id).unwrap());
                assert_eq!(after, if before == 1 { 5 } else { before });
            }
        }
        assert_eq!(Shares::even(&[]).owner(&[1; 8]), None);
        let short = Shares::even(&[4, 5]).owner(&[1; 7]);
        assert_eq!(short, Some(4), "no client's: RFC 9000 §7.2");
    }

    #[test]
    fn a_worker_that_is_taken_out_leaves_its_values_to_a_neighbour() {
        let shares = Shares::of_parts(&[0, 1, 2], &[10_000, 40_000, 15_536]).unwrap();
        for worker in [0, 1, 2] {
            let rest = shares.without(worker);
            assert!(!rest.contains(worker));
            for id in ids(1_000) {
                let before = shares.owner(&id).unwrap();
                let after = rest.owner(&id).unwrap();
                assert!(after == before || before == worker && after != worker);
            }
        }
        assert_eq!(Shares::even(&[3]).without(3), Shares::even(&[]));
        assert_eq!(shares.without(7), shares);
    }

    #[test]
    fn parts_that_are_not_the_whole_are_refused() {
        assert_eq!(
            Shares::of_parts(&[0, 1], &[32_768, 32_768]),
            Some(Shares::even(&[0, 1]))
        );
        assert_eq!(Shares::of_parts(&[6], &[65_536]), Some(Shares::even(&[6])));
        assert_eq!(Shares::of_parts(&[], &[]), Some(Shares::even(&[])));
        for parts in [
            &[][..],
            &[65_536],
            &[0, 65_536],
            &[65_536, 0],
            &[1, 2],
            &[65_536, 1],
            &[32_768, 32_767],
            &[32_768, 32_768, 1],
            &[u32::MAX, 65_537],
            &[u32::MAX, u32::MAX],
        ] {
            assert_eq!(Shares::of_parts(&[0, 1], parts), None, "{parts:?}");
        }
    }
}
