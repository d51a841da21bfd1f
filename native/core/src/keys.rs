//! Secrets that several endpoints can share, so that one of them continues what another has begun.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{hmac, rand};
use quinn_proto::crypto::{CryptoError, HmacKey};
use quinn_proto::{ConnectionId, ConnectionIdGenerator, EndpointConfig, InvalidCid};

use crate::generations::Generations;

/// Bytes of which HMAC and HKDF keys are made.
pub type Key = [u8; 32];

/// A key that nobody else has.
pub(crate) fn random_key() -> Key {
    random_bytes()
}

/// Fails only where the operating system has no randomness: then there is no TLS either.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Length of the connection IDs of an endpoint with a worker id or a reset key.
pub const WORKER_CONNECTION_ID_LENGTH: usize = 12;
const WORKER_LENGTH: usize = 2;
const TAG_LENGTH: usize = 4;
const TAG_START: usize = WORKER_CONNECTION_ID_LENGTH - TAG_LENGTH;

/// The key of connection IDs and of stateless reset tokens, and the one before.
///
/// A connection ID tells by its tag which of the two it was made with, and its reset token is made with the same. So an
/// endpoint with both keys resets connections that were begun under either.
#[derive(Clone)]
pub struct ResetKeys(Arc<Generations<ResetKey>>);

struct ResetKey {
    tokens: hmac::Key,
    tags: hmac::Key,
}

impl ResetKeys {
    /// Under `key`; what was issued under `former` is known as well.
    pub fn new(key: &Key, former: Option<&Key>) -> Self {
        Self(Arc::new(Generations::new(
            ResetKey::new(key),
            former.map(ResetKey::new),
        )))
    }

    /// A key that nobody else has.
    pub fn random() -> Self {
        Self::new(&random_key(), None)
    }

    /// Connection IDs are made with this key from now on; those of the key before are still known.
    pub fn replace(&self, key: &Key) {
        self.0.replace(ResetKey::new(key));
    }

    /// Whether the connection ID was issued by an endpoint with one of the keys.
    pub(crate) fn know(&self, id: &[u8]) -> bool {
        self.0.find(|key| key.has_issued(id).then_some(())).is_some()
    }

    /// Runs `action` with the key that the connection ID was made with.
    fn with_key_of<R>(&self, id: &[u8], action: impl Fn(&ResetKey) -> R) -> R {
        let known = self.0.find(|key| key.has_issued(id).then(|| action(key)));
        known.unwrap_or_else(|| self.0.with_present(action))
    }
}

impl ResetKey {
    fn new(key: &Key) -> Self {
        let tokens = hmac::Key::new(hmac::HMAC_SHA256, key);
        let tags = hmac::sign(&tokens, b"tswebtransport connection IDs");
        Self {
            tags: hmac::Key::new(hmac::HMAC_SHA256, tags.as_ref()),
            tokens,
        }
    }

    fn tag(&self, content: &[u8]) -> [u8; TAG_LENGTH] {
        let tag = hmac::sign(&self.tags, content);
        let mut bytes = [0; TAG_LENGTH];
        bytes.copy_from_slice(&tag.as_ref()[..TAG_LENGTH]);
        bytes
    }

    fn has_issued(&self, id: &[u8]) -> bool {
        let parts = id.split_at_checked(TAG_START);
        parts.is_some_and(|(content, tag)| tag == self.tag(content))
    }
}

/// What quinn-proto makes stateless reset tokens with: the data is the connection ID.
impl HmacKey for ResetKeys {
    fn sign(&self, data: &[u8], signature: &mut [u8]) {
        self.with_key_of(data, |key| hmac::sign(&key.tokens, data))
            .as_ref()
            .iter()
            .zip(signature)
            .for_each(|(from, to)| *to = *from);
    }

    fn signature_len(&self) -> usize {
        hmac::HMAC_SHA256.tag_len()
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        self.with_key_of(data, |key| hmac::verify(&key.tokens, data, signature))
            .map_err(|_| CryptoError)
    }
}

/// The configuration of an endpoint whose connection IDs have the layout of `native/README.md`.
pub fn endpoint_config(worker: u16, keys: &ResetKeys) -> EndpointConfig {
    let mut config = EndpointConfig::new(Arc::new(keys.clone()));
    let keys = keys.clone();
    config
        .cid_generator(move || {
            let keys = keys.clone();
            Box::new(WorkerConnectionIds { worker, keys })
        })
        // The interval is a defence against packets with any connection ID. Here only IDs with a valid tag are answered,
        // and all clients of a worker that has crashed must learn of it at once. Loops end: each reset is smaller than
        // the packet that it answers (RFC 9000 §10.3.3).
        .min_reset_interval(Duration::ZERO);
    config
}

/// The worker id that stands at the beginning of a connection ID.
pub(crate) fn worker_of(id: &[u8]) -> Option<u16> {
    id.first_chunk::<WORKER_LENGTH>()
        .map(|bytes| u16::from_be_bytes(*bytes))
}

/// Worker id, random bytes, and a tag over both that endpoints with the same reset key recognise.
struct WorkerConnectionIds {
    worker: u16,
    keys: ResetKeys,
}

impl ConnectionIdGenerator for WorkerConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut bytes: [u8; WORKER_CONNECTION_ID_LENGTH] = random_bytes();
        bytes[..WORKER_LENGTH].copy_from_slice(&self.worker.to_be_bytes());
        let tag = self.keys.0.with_present(|key| key.tag(&bytes[..TAG_START]));
        bytes[TAG_START..].copy_from_slice(&tag);
        ConnectionId::new(&bytes)
    }

    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        if self.keys.know(id) { Ok(()) } else { Err(InvalidCid) }
    }

    fn cid_len(&self) -> usize {
        WORKER_CONNECTION_ID_LENGTH
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(worker: u16, key: u8) -> WorkerConnectionIds {
        let keys = ResetKeys::new(&[key; 32], None);
        WorkerConnectionIds { worker, keys }
    }

    fn reset_token(keys: &ResetKeys, id: &ConnectionId) -> [u8; 32] {
        let mut token = [0; 32];
        keys.sign(id, &mut token);
        assert!(keys.verify(id, &token).is_ok());
        token
    }

    #[test]
    fn a_connection_id_begins_with_the_worker_id_and_is_known_to_all_who_share_the_key() {
        let (mut first, second, stranger) = (ids(0x0102, 1), ids(7, 1), ids(0x0102, 2));
        let id = first.generate_cid();
        assert_eq!((id.len(), worker_of(&id)), (WORKER_CONNECTION_ID_LENGTH, Some(0x0102)));
        assert_ne!(id, first.generate_cid());
        assert!(first.validate(&id).is_ok() && second.validate(&id).is_ok());
        assert!(stranger.validate(&id).is_err());
        assert!(first.validate(&ConnectionId::new(&id[..11])).is_err());
        assert!(first.validate(&ConnectionId::new(&[])).is_err());
    }

    #[test]
    fn a_connection_id_and_its_reset_token_are_known_until_the_key_was_replaced_twice() {
        let mut ids = ids(3, 1);
        let id = ids.generate_cid();
        let token = reset_token(&ids.keys, &id);
        ids.keys.replace(&[2; 32]);
        assert!(ids.validate(&id).is_ok());
        assert_eq!(reset_token(&ids.keys, &id), token);
        let successor = ResetKeys::new(&[2; 32], Some(&[1; 32]));
        assert_eq!(reset_token(&successor, &id), token);
        let newer = ids.generate_cid();
        assert_eq!(reset_token(&successor, &newer), reset_token(&ids.keys, &newer));
        assert_ne!(
            reset_token(&ResetKeys::new(&[1; 32], None), &newer),
            reset_token(&successor, &newer)
        );

        ids.keys.replace(&[3; 32]);
        assert!(ids.validate(&id).is_err());
        assert!(ids.validate(&newer).is_ok());
        assert_ne!(reset_token(&ids.keys, &id), token);
    }
}
