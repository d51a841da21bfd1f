//! Secrets that several endpoints can share, so that one of them continues what another has begun.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{hmac, rand};
use quinn_proto::{ConnectionId, ConnectionIdGenerator, EndpointConfig, InvalidCid};

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

/// The endpoint's configuration. With a worker id or a reset key, connection IDs have the layout of `native/README.md`;
/// without either, they are quinn-proto's.
pub fn endpoint_config(worker: Option<u16>, reset_key: Option<Key>) -> EndpointConfig {
    if worker.is_none() && reset_key.is_none() {
        return EndpointConfig::default();
    }
    let reset_key = hmac::Key::new(hmac::HMAC_SHA256, &reset_key.unwrap_or_else(random_key));
    let tag_key = hmac::sign(&reset_key, b"tswebtransport connection IDs");
    let tag_key = hmac::Key::new(hmac::HMAC_SHA256, tag_key.as_ref());
    let mut config = EndpointConfig::new(Arc::new(reset_key));
    config
        .cid_generator(move || {
            Box::new(WorkerConnectionIds {
                worker: worker.unwrap_or(0),
                tag_key: tag_key.clone(),
            })
        })
        // The interval is a defence against packets with any connection ID. Here only IDs with a valid tag are answered,
        // and all clients of a worker that has crashed must learn of it at once. Loops end: each reset is smaller than
        // the packet that it answers (RFC 9000 §10.3.3).
        .min_reset_interval(Duration::ZERO);
    config
}

/// Worker id, random bytes, and a tag over both that endpoints with the same reset key recognise.
struct WorkerConnectionIds {
    worker: u16,
    tag_key: hmac::Key,
}

impl WorkerConnectionIds {
    fn tag(&self, content: &[u8]) -> [u8; TAG_LENGTH] {
        let tag = hmac::sign(&self.tag_key, content);
        let mut bytes = [0; TAG_LENGTH];
        bytes.copy_from_slice(&tag.as_ref()[..TAG_LENGTH]);
        bytes
    }
}

impl ConnectionIdGenerator for WorkerConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut bytes: [u8; WORKER_CONNECTION_ID_LENGTH] = random_bytes();
        bytes[..WORKER_LENGTH].copy_from_slice(&self.worker.to_be_bytes());
        let tag = self.tag(&bytes[..TAG_START]);
        bytes[TAG_START..].copy_from_slice(&tag);
        ConnectionId::new(&bytes)
    }

    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        match id.split_at_checked(TAG_START) {
            Some((content, tag)) if tag == self.tag(content) => Ok(()),
            _ => Err(InvalidCid),
        }
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

    fn ids(worker: u16, key: &[u8]) -> WorkerConnectionIds {
        let tag_key = hmac::Key::new(hmac::HMAC_SHA256, key);
        WorkerConnectionIds { worker, tag_key }
    }

    #[test]
    fn a_connection_id_begins_with_the_worker_id_and_is_known_to_all_who_share_the_key() {
        let (mut first, second, stranger) = (ids(0x0102, b"key"), ids(7, b"key"), ids(0x0102, b"other"));
        let id = first.generate_cid();
        assert_eq!((id.len(), &id[..2]), (WORKER_CONNECTION_ID_LENGTH, &[1, 2][..]));
        assert_ne!(id, first.generate_cid());
        assert!(first.validate(&id).is_ok() && second.validate(&id).is_ok());
        assert!(stranger.validate(&id).is_err());
        assert!(first.validate(&ConnectionId::new(&id[..11])).is_err());
        assert!(first.validate(&ConnectionId::new(&[])).is_err());
    }
}
