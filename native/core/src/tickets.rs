//! TLS session tickets (RFC 8446 §4.6.1) that every endpoint with the same key accepts. rustls has a ticketer of its own,
//! which takes no key. Here aws-lc-rs seals a ticket in one call, with a nonce that it draws itself, and by AES-256-GCM-SIV
//! (RFC 8452), which reveals nothing but a repetition even if a nonce comes twice.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf;
use quinn_proto::TimeSource;
use rustls::server::ProducesTickets;

use crate::address_tokens::hkdf_key;
use crate::generations::Generations;
use crate::keys::Key;

/// Seconds of one period. A ticket is good in the period in which it was issued and in the next. Each has a key of its
/// own, so that endpoints change their keys together, by the clock, whether the application replaces theirs or not.
const PERIOD: u64 = 6 * 3600;
const PERIOD_LENGTH: usize = size_of::<u64>();

/// Seals and opens tickets: number of the period, nonce, then what is sealed.
pub struct Tickets {
    keys: Generations<hkdf::Prk>,
    time: Arc<dyn TimeSource>,
}

impl Tickets {
    /// Tickets under `key`, and of `former`; `time` says how old they are.
    pub fn new(key: &Key, former: Option<&Key>, time: Arc<dyn TimeSource>) -> Self {
        let keys = Generations::new(hkdf_key(key), former.map(hkdf_key));
        Self { keys, time }
    }

    /// Tickets are made with this key from now on; those of the key before are still accepted.
    pub fn replace_key(&self, key: &Key) {
        self.keys.replace(hkdf_key(key));
    }

    fn period(&self) -> u64 {
        let now = self.time.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.as_secs() / PERIOD
    }
}

/// The key of one period.
fn key_of(key: &hkdf::Prk, period: [u8; PERIOD_LENGTH]) -> Result<RandomizedNonceKey, Unspecified> {
    let mut bytes = [0; 32];
    key.expand(&[b"tswebtransport tickets", &period], hkdf::HKDF_SHA256)?
        .fill(&mut bytes)?;
    RandomizedNonceKey::new(&AES_256_GCM_SIV, &bytes)
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        2 * PERIOD as u32
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let period = self.period().to_be_bytes();
        let key = self.keys.with_present(|key| key_of(key, period)).ok()?;
        let mut sealed = plain.to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(period), &mut sealed).ok()?;
        Some([period.as_slice(), nonce.as_ref(), &sealed].concat())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (period, rest) = ticket.split_first_chunk::<PERIOD_LENGTH>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let now = self.period();
        // The clocks of two hosts may differ by a little.
        if u64::from_be_bytes(*period).abs_diff(now) > 1 {
            return None;
        }
        self.keys.find(|key| {
            let mut opened = sealed.to_vec();
            let plain = key_of(key, *period)
                .ok()?
                .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(*period), &mut opened)
                .ok()?;
            Some(plain.to_vec())
        })
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tickets").finish_non_exhaustive()
    }
}
