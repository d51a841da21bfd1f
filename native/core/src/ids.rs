//! How the application names a connection.

const SLOT_BITS: u32 = 20;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;
const GENERATION_MASK: u32 = u32::MAX >> SLOT_BITS;

/// A connection's slot in the lower 20 bits and the slot's generation above: a stale id meets no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

impl ConnectionId {
    /// `generation` counts the connections that the slot has held; its upper bits are cut off.
    pub(crate) fn new(slot: usize, generation: u32) -> Self {
        Self(slot as u32 & SLOT_MASK | (generation & GENERATION_MASK) << SLOT_BITS)
    }

    pub(crate) fn slot(self) -> usize {
        (self.0 & SLOT_MASK) as usize
    }
}
