//! Which of several workers on one UDP port a packet is for. The kernel answers the same questions, by the program that
//! [`SteeringProgram`] writes.

mod program;
mod shares;

use crate::keys::{ResetKeys, WORKER_CONNECTION_ID_LENGTH, worker_of};

pub use program::{Instruction, SteeringProgram};
use shares::HASHED_LENGTH;
pub use shares::Shares;

/// Worker ids are below this.
pub const MOST_WORKERS: u16 = 256;

/// First bit of a packet: long header (RFC 9000 §17.2).
const LONG_HEADER: u8 = 0x80;
/// The long packet type, and that of Handshake packets.
const LONG_TYPE: u8 = 0x30;
const HANDSHAKE: u8 = 0x20;
/// Where the destination connection ID begins, and its length stands.
const SHORT_ID: usize = 1;
const LONG_ID_LENGTH: usize = 5;
const LONG_ID: usize = 6;

const FIRST_FACTOR: u32 = 0x9e37_79b1;
const SECOND_FACTOR: u32 = 0x85eb_ca77;
/// Of the hash's 32 bits the upper ones count.
const UNUSED_BITS: u32 = 16;

/// What one worker knows of the others.
pub struct Steering {
    worker: u16,
    slots: u16,
    active: Shares,
    by_hash: bool,
    keys: ResetKeys,
}

/// What the header of a packet says about its receiver.
#[derive(Debug, PartialEq, Eq)]
enum Addressee<'a> {
    /// The worker that has issued the connection ID.
    Worker(u16),
    /// The packet has a connection ID that the client may have chosen: of an Initial or 0-RTT packet.
    Chosen(&'a [u8]),
    /// Whoever receives the packet.
    Anyone,
}

impl Steering {
    /// Worker ids are below `slots`. `by_hash`: a hash decides about new connections, not the kernel.
    pub fn new(worker: u16, slots: u16, active: Shares, by_hash: bool, keys: ResetKeys) -> Self {
        Self {
            worker,
            slots,
            active,
            by_hash,
            keys,
        }
    }

    /// These workers take new connections from now on, in these shares.
    pub fn set_active(&mut self, active: Shares) {
        self.active = active;
    }

    /// The other worker that has issued the packet's connection ID.
    pub(crate) fn issuer(&self, packet: &[u8]) -> Option<u16> {
        let worker = match addressee(packet) {
            Addressee::Worker(worker) => worker,
            Addressee::Chosen(id) => {
                let worker = issuer_of(id).filter(|worker| self.is_other(*worker))?;
                return self.keys.know(id).then_some(worker);
            }
            Addressee::Anyone => return None,
        };
        self.is_other(worker).then_some(worker)
    }

    /// The other worker that is to take the connection which the packet begins. `leaves`: this one takes none any more.
    pub(crate) fn taker(&self, packet: &[u8], leaves: bool, is_forwarded: bool) -> Option<u16> {
        let Addressee::Chosen(id) = addressee(packet) else {
            return None;
        };
        // The client comes back from a Retry of this worker.
        let is_own = issuer_of(id) == Some(self.worker) && self.keys.know(id);
        let hands_on = if leaves {
            // A packet that another worker has handed over is not handed on: it would go round in a circle.
            is_own || !is_forwarded
        } else {
            self.by_hash && !is_own && !is_forwarded
        };
        if !hands_on {
            return None;
        }
        if leaves && self.active.contains(self.worker) {
            return self.active.without(self.worker).owner(id);
        }
        self.active.owner(id).filter(|worker| *worker != self.worker)
    }

    fn is_other(&self, worker: u16) -> bool {
        worker != self.worker && worker < self.slots
    }
}

fn hash(id: &[u8; HASHED_LENGTH]) -> u32 {
    let [a, b, c, d, e, f, g, h] = *id;
    let mut hash = u32::from_be_bytes([a, b, c, d]).wrapping_mul(FIRST_FACTOR) ^ u32::from_be_bytes([e, f, g, h]);
    hash = (hash ^ (hash >> 16)).wrapping_mul(SECOND_FACTOR);
    (hash ^ (hash >> 15)) >> UNUSED_BITS
}

fn addressee(packet: &[u8]) -> Addressee<'_> {
    let Some(first) = packet.first() else {
        return Addressee::Anyone;
    };
    if first & LONG_HEADER == 0 {
        return worker_of(&packet[SHORT_ID..]).map_or(Addressee::Anyone, Addressee::Worker);
    }
    let length = packet.get(LONG_ID_LENGTH).map_or(0, |length| usize::from(*length));
    let Some(id) = packet.get(LONG_ID..LONG_ID + length) else {
        return Addressee::Anyone;
    };
    match first & LONG_TYPE {
        HANDSHAKE => issuer_of(id).map_or(Addressee::Anyone, Addressee::Worker),
        // Retry packets come from servers.
        LONG_TYPE => Addressee::Anyone,
        _ => Addressee::Chosen(id),
    }
}

/// The worker that has issued a connection ID, if one has.
fn issuer_of(id: &[u8]) -> Option<u16> {
    (id.len() == WORKER_CONNECTION_ID_LENGTH).then(|| worker_of(id))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(kind: u8, id: &[u8]) -> Vec<u8> {
        let mut packet = vec![0xc0 | kind, 0, 0, 0, 1, id.len() as u8];
        packet.extend_from_slice(id);
        packet.resize(1200, 0);
        packet
    }

    #[test]
    fn a_header_tells_whose_the_packet_is() {
        assert_eq!(addressee(&[]), Addressee::Anyone);
        assert_eq!(addressee(&[0x40, 1]), Addressee::Anyone);
        assert_eq!(addressee(&[0x40, 1, 2, 9]), Addressee::Worker(0x0102));
        let id = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        assert_eq!(addressee(&long(0x20, &id)), Addressee::Worker(0x0102));
        assert_eq!(addressee(&long(0x20, &id[..11])), Addressee::Anyone);
        assert_eq!(addressee(&long(0x00, &id)), Addressee::Chosen(&id));
        assert_eq!(addressee(&long(0x10, &id[..8])), Addressee::Chosen(&id[..8]));
        assert_eq!(addressee(&long(0x30, &id)), Addressee::Anyone);
        let packet = long(0, &id);
        for length in 1..18 {
            assert_eq!(addressee(&packet[..length]), Addressee::Anyone, "of {length} bytes");
        }
    }
}
