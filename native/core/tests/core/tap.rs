//! A tap on packet protection: lets a test put frames of its own in the place of a 1-RTT packet's, as a peer that keeps
//! to no rules would.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use tswebtransport_core::quinn_proto::crypto::{
    ClientConfig, CryptoError, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, ServerConfig, Session,
    UnsupportedVersion,
};
use tswebtransport_core::quinn_proto::transport_parameters::TransportParameters;
use tswebtransport_core::quinn_proto::{ConnectError, ConnectionId, Side, TransportError};

/// The 1-RTT packets that one endpoint sends.
#[derive(Clone, Default)]
pub struct Tap(Arc<Mutex<VecDeque<Vec<u8>>>>);

impl Tap {
    /// The next packet with room for them carries these frames instead of its own.
    pub fn inject(&self, frames: &[u8]) {
        self.0.lock().unwrap().push_back(frames.to_vec());
    }

    pub fn has_injected_all(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }

    fn tap(&self, payload: &mut [u8]) {
        let mut injections = self.0.lock().unwrap();
        if let Some(frames) = injections.front()
            && frames.len() <= payload.len()
        {
            let (start, padding) = payload.split_at_mut(frames.len());
            start.copy_from_slice(frames);
            padding.fill(0);
            injections.pop_front();
        }
    }
}

pub struct Tapped<C> {
    pub config: Arc<C>,
    pub tap: Tap,
}

impl<C: ClientConfig + 'static> ClientConfig for Tapped<C> {
    fn start_session(
        self: Arc<Self>,
        version: u32,
        server_name: &str,
        params: &TransportParameters,
    ) -> Result<Box<dyn Session>, ConnectError> {
        let session = self.config.clone().start_session(version, server_name, params)?;
        Ok(TappedSession::boxed(session, &self.tap))
    }
}

impl<C: ServerConfig + 'static> ServerConfig for Tapped<C> {
    fn initial_keys(&self, version: u32, dst_cid: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        self.config.initial_keys(version, dst_cid)
    }

    fn retry_tag(&self, version: u32, orig_dst_cid: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        self.config.retry_tag(version, orig_dst_cid, packet)
    }

    fn start_session(self: Arc<Self>, version: u32, params: &TransportParameters) -> Box<dyn Session> {
        let session = self.config.clone().start_session(version, params);
        TappedSession::boxed(session, &self.tap)
    }
}

struct TappedSession {
    session: Box<dyn Session>,
    tap: Tap,
}

impl TappedSession {
    fn boxed(session: Box<dyn Session>, tap: &Tap) -> Box<dyn Session> {
        let tap = tap.clone();
        Box::new(Self { session, tap })
    }

    fn tapped(&self, key: Box<dyn PacketKey>) -> Box<dyn PacketKey> {
        let tap = self.tap.clone();
        Box::new(TappedKey { key, tap })
    }
}

impl Session for TappedSession {
    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        self.session.initial_keys(dst_cid, side)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.session.handshake_data()
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        self.session.peer_identity()
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        self.session.early_crypto()
    }

    fn early_data_accepted(&self) -> Option<bool> {
        self.session.early_data_accepted()
    }

    fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        self.session.read_handshake(buf)
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        self.session.transport_parameters()
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        let keys = self.session.write_handshake(buf)?;
        Some(Keys {
            header: keys.header,
            packet: KeyPair {
                local: self.tapped(keys.packet.local),
                remote: keys.packet.remote,
            },
        })
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        let keys = self.session.next_1rtt_keys()?;
        Some(KeyPair {
            local: self.tapped(keys.local),
            remote: keys.remote,
        })
    }

    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        self.session.is_valid_retry(orig_dst_cid, header, payload)
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.session.export_keying_material(output, label, context)
    }
}

struct TappedKey {
    key: Box<dyn PacketKey>,
    tap: Tap,
}

impl PacketKey for TappedKey {
    fn encrypt(&self, packet: u64, buf: &mut [u8], header_len: usize) {
        let end = buf.len() - self.key.tag_len();
        // RFC 9000 §17.3: only 1-RTT packets have a short header.
        if buf[0] & 0x80 == 0 {
            self.tap.tap(&mut buf[header_len..end]);
        }
        self.key.encrypt(packet, buf, header_len);
    }

    fn decrypt(&self, packet: u64, header: &[u8], payload: &mut BytesMut) -> Result<(), CryptoError> {
        self.key.decrypt(packet, header, payload)
    }

    fn tag_len(&self) -> usize {
        self.key.tag_len()
    }

    fn confidentiality_limit(&self) -> u64 {
        self.key.confidentiality_limit()
    }

    fn integrity_limit(&self) -> u64 {
        self.key.integrity_limit()
    }
}
