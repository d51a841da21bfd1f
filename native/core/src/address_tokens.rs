//! Tokens that prove a client's address (RFC 9000 §8.1). quinn-proto seals the address and the time of issue into them,
//! and refuses a token from another address or a token that is too old.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hkdf;
use quinn_proto::crypto::{AeadKey, CryptoError, HandshakeTokenKey};
use quinn_proto::{ServerConfig, TokenLog, TokenReuseError, ValidationTokenConfig};
use rustc_hash::FxHashSet;

use crate::generations::Generations;
use crate::keys::{Key, random_key};

/// NEW_TOKEN frames that a client gets: one for each connection that it may open next at the same time.
const NEW_TOKENS: u32 = 2;

/// A token of a NEW_TOKEN frame is good for a client that comes back within a day; used ones are remembered as long.
const NEW_TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Used tokens that are remembered of one lifetime, about 3 MiB. Beyond them a token is ignored, which costs a Retry.
const MOST_USED_TOKENS: usize = 100_000;

/// What one endpoint needs to issue tokens and to accept them; it outlives an exchange of the server's configuration.
#[derive(Clone)]
pub struct AddressTokens {
    keys: Arc<TokenKeys>,
    new_tokens: Option<ValidationTokenConfig>,
}

impl AddressTokens {
    /// Without `key`, the tokens are good for this endpoint only, and NEW_TOKEN is not sent. Tokens of `former` are
    /// accepted as well.
    pub fn new(key: Option<&Key>, former: Option<&Key>) -> Self {
        let new_tokens = key.map(|_| {
            let mut config = ValidationTokenConfig::default();
            config
                .sent(NEW_TOKENS)
                .lifetime(NEW_TOKEN_LIFETIME)
                .log(Arc::new(UsedTokens::default()));
            config
        });
        let present = key.map_or_else(|| hkdf_key(&random_key()), hkdf_key);
        let keys = Generations::new(present, former.map(hkdf_key));
        Self {
            keys: Arc::new(TokenKeys(keys)),
            new_tokens,
        }
    }

    /// Tokens are made with this key from now on; those of the key before are still accepted.
    pub fn replace_key(&self, key: &Key) {
        self.keys.0.replace(hkdf_key(key));
    }

    /// Lets a server issue and accept these tokens.
    pub fn apply(&self, config: &mut ServerConfig) {
        config.token_key(self.keys.clone());
        if let Some(new_tokens) = &self.new_tokens {
            config.validation_token_config(new_tokens.clone());
        }
    }
}

pub(crate) fn hkdf_key(key: &Key) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(key)
}

/// Seals with the present key, opens with that or the former one.
struct TokenKeys(Generations<hkdf::Prk>);

impl HandshakeTokenKey for TokenKeys {
    fn aead_from_hkdf(&self, random_bytes: &[u8]) -> Box<dyn AeadKey> {
        let (present, former) = self.0.each(|key| key.aead_from_hkdf(random_bytes));
        Box::new(TokenKey { present, former })
    }
}

/// The keys of one token.
struct TokenKey {
    present: Box<dyn AeadKey>,
    former: Option<Box<dyn AeadKey>>,
}

impl AeadKey for TokenKey {
    fn seal(&self, data: &mut Vec<u8>, additional_data: &[u8]) -> Result<(), CryptoError> {
        self.present.seal(data, additional_data)
    }

    fn open<'a>(&self, data: &'a mut [u8], additional_data: &[u8]) -> Result<&'a mut [u8], CryptoError> {
        let Some(former) = &self.former else {
            return self.present.open(data, additional_data);
        };
        // A failed attempt may have overwritten what it was to open.
        let mut attempt = data.to_vec();
        let Ok(opened) = self.present.open(&mut attempt, additional_data) else {
            return former.open(data, additional_data);
        };
        let plain = &mut data[..opened.len()];
        plain.copy_from_slice(opened);
        Ok(plain)
    }
}

/// RFC 9000 §8.1.4: a token of a NEW_TOKEN frame is accepted once, as far as this endpoint can know.
#[derive(Default)]
struct UsedTokens(Mutex<Used>);

/// A token that is still good was issued in the present period of one lifetime, or in the one before.
#[derive(Default)]
struct Used {
    /// Number of the present period.
    period: u64,
    present: FxHashSet<u128>,
    former: FxHashSet<u128>,
}

impl TokenLog for UsedTokens {
    fn check_and_insert(&self, nonce: u128, issued: SystemTime, lifetime: Duration) -> Result<(), TokenReuseError> {
        let issued = issued.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let period = issued / lifetime.as_secs().max(1);
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if period > used.period {
            let present = std::mem::take(&mut used.present);
            used.former = if period == used.period + 1 {
                present
            } else {
                FxHashSet::default()
            };
            used.period = period;
        }
        let is_former = period + 1 == used.period;
        let nonces = match (period == used.period, is_former) {
            (true, _) => &mut used.present,
            (false, true) => &mut used.former,
            (false, false) => return Err(TokenReuseError),
        };
        if nonces.len() < MOST_USED_TOKENS && nonces.insert(nonce) {
            Ok(())
        } else {
            Err(TokenReuseError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_used_once_whenever_it_was_issued() {
        let (log, day) = (UsedTokens::default(), NEW_TOKEN_LIFETIME);
        let first_use = |nonce, days: u32| log.check_and_insert(nonce, UNIX_EPOCH + day * days, day).is_ok();
        assert!(first_use(1, 10) && !first_use(1, 10));
        assert!(first_use(2, 11) && !first_use(2, 11));
        assert!(!first_use(1, 10) && first_use(3, 10) && !first_use(3, 10));
        assert!(!first_use(4, 9), "too old to be known");
        assert!(first_use(5, 20) && !first_use(2, 11));
    }
}
