//! TLS session tickets (RFC 8446 §4.6.1) that every endpoint with the same key accepts. rustls has a ticketer of its own,
//! which takes no key. This one seals as quinn-proto seals address tokens: AES-256-GCM under a key that HKDF derives for
//! each ticket.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use aws_lc_rs::hkdf;
use quinn_proto::TimeSource;
use quinn_proto::crypto::HandshakeTokenKey;
use rustls::server::ProducesTickets;

use crate::address_tokens::hkdf_key;
use crate::keys::{Key, random_bytes};

/// Seconds for which one set of keys seals tickets; then the set opens them for as long again. Endpoints agree on the
/// set by the clock.
const EPOCH: u64 = 6 * 3600;
const NONCE_LENGTH: usize = 16;

/// Seals and opens tickets.
pub struct Tickets {
    key: hkdf::Prk,
    time: Arc<dyn TimeSource>,
}

impl Tickets {
    /// Tickets under the key; `time` says how old they are.
    pub fn new(key: &Key, time: Arc<dyn TimeSource>) -> Self {
        let key = hkdf_key(key);
        Self { key, time }
    }

    fn epoch(&self) -> u64 {
        let now = self.time.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.as_secs() / EPOCH
    }

    fn open(&self, epoch: u64, nonce: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = sealed.to_vec();
        let key = self.key.aead_from_hkdf(&derivation(epoch, nonce));
        key.open(&mut sealed, &[]).ok().map(|plain| plain.to_vec())
    }
}

/// What the key of one ticket is derived with.
fn derivation(epoch: u64, nonce: &[u8]) -> Vec<u8> {
    [b"tswebtransport ticket".as_slice(), &epoch.to_be_bytes(), nonce].concat()
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        2 * EPOCH as u32
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_LENGTH] = random_bytes();
        let mut ticket = plain.to_vec();
        let key = self.key.aead_from_hkdf(&derivation(self.epoch(), &nonce));
        key.seal(&mut ticket, &[]).ok()?;
        ticket.extend_from_slice(&nonce);
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (sealed, nonce) = ticket.split_at_checked(ticket.len().checked_sub(NONCE_LENGTH)?)?;
        let epoch = self.epoch();
        self.open(epoch, nonce, sealed)
            .or_else(|| self.open(epoch.checked_sub(1)?, nonce, sealed))
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tickets").finish_non_exhaustive()
    }
}
