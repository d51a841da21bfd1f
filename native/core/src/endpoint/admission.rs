//! Which clients are let in, and with which configuration.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn_proto::{ConnectionHandle, Incoming, ServerConfig, Transmit, TransportConfig};

use crate::config::{ADAPTIVE_RETRY_THRESHOLD, RetryPolicy};
use crate::connection::Connection;
use crate::handshake_failures::HandshakeFailure;
use crate::ids::ConnectionId;
use crate::steering::{Shares, Steering};

use super::Core;

/// Creates the transport configuration of one accepted connection, given the connection ID that its client chose first.
pub type TransportSource = Box<dyn Fn(&quinn_proto::ConnectionId) -> Arc<TransportConfig>>;

/// What happens to new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepting {
    Yes,
    /// They are refused.
    No,
    /// They are ignored or another worker's.
    Silent,
}

impl Core {
    /// New handshakes use this configuration.
    pub fn set_server_config(&mut self, server: Arc<ServerConfig>) {
        self.endpoint.set_server_config(Some(server.clone()));
        self.server = Some(server);
    }

    /// Every accepted connection gets a transport configuration of its own.
    pub fn set_transport_source(&mut self, source: TransportSource) {
        self.transport_source = Some(source);
    }

    /// Further clients are refused, or silently left to other workers.
    pub fn stop_accepting(&mut self, silently: bool) {
        self.accepting = match (self.accepting, silently) {
            (Accepting::No, _) | (_, false) => Accepting::No,
            (_, true) => Accepting::Silent,
        };
    }

    /// Packets for other workers are handed out from now on.
    pub fn set_steering(&mut self, steering: Steering) {
        self.steering = Some(steering);
    }

    /// These workers take new connections from now on, in these shares.
    pub fn set_active_workers(&mut self, active: Shares) {
        if let Some(steering) = &mut self.steering {
            steering.set_active(active);
        }
    }

    /// Accepts a client, or returns what to send to it instead.
    pub(super) fn admit(&mut self, now: Instant, incoming: Incoming) -> Option<Transmit> {
        if self.accepting == Accepting::Silent {
            self.endpoint.ignore(incoming);
            return None;
        }
        let pending = self.statistics.pending_handshakes;
        let address = incoming.remote_address().ip();
        let limit = self.config.max_connections_per_address;
        let of_address = limit.map_or(0, |_| self.addresses.count(address));
        if let Some(cause) = self.refusal(of_address) {
            self.statistics.failed(cause);
            return Some(self.endpoint.refuse(incoming, &mut self.packet));
        }
        let validate = match self.config.retry {
            RetryPolicy::Never => false,
            // A forged address must not use up its owner's share: the second half needs a proof of the address.
            RetryPolicy::Adaptive => {
                pending > ADAPTIVE_RETRY_THRESHOLD || limit.is_some_and(|limit| of_address >= limit.div_ceil(2))
            }
            RetryPolicy::Always => true,
        };
        if validate && incoming.may_retry() && !incoming.remote_address_validated() {
            return match self.endpoint.retry(incoming, &mut self.packet) {
                Ok(transmit) => Some(transmit),
                Err(refusal) => Some(self.endpoint.refuse(refusal.into_incoming(), &mut self.packet)),
            };
        }
        let own_config = self.transport_source.as_ref().zip(self.server.as_ref());
        let own_config = own_config.map(|(source, server)| {
            let mut config = ServerConfig::clone(server);
            config.transport_config(source(incoming.orig_dst_cid()));
            Arc::new(config)
        });
        match self.endpoint.accept(incoming, now, &mut self.packet, own_config) {
            Ok((handle, quinn)) => {
                self.statistics.accepted += 1;
                self.statistics.pending_handshakes += 1;
                let id = self.insert(handle, quinn, now);
                if limit.is_some() {
                    let group = self.addresses.add(address);
                    if let Some(connection) = self.connections.get(id) {
                        connection.address_group = Some(group);
                    }
                }
                None
            }
            Err(error) => {
                self.statistics.failed(HandshakeFailure::of_error(&error.cause));
                error.response
            }
        }
    }

    /// Why no further client is let in, if none is; `of_address`: the connections that its address has.
    fn refusal(&self, of_address: usize) -> Option<HandshakeFailure> {
        let limit = self.config.max_connections_per_address;
        if self.accepting == Accepting::No {
            Some(HandshakeFailure::Closing)
        } else if self.statistics.connections >= self.config.max_connections {
            Some(HandshakeFailure::MaxConnections)
        } else if self.statistics.pending_handshakes >= self.config.max_pending_handshakes {
            Some(HandshakeFailure::MaxPendingHandshakes)
        } else if limit.is_some_and(|limit| of_address >= limit) {
            Some(HandshakeFailure::MaxConnectionsPerAddress)
        } else {
            None
        }
    }

    pub(super) fn insert(
        &mut self,
        handle: ConnectionHandle,
        quinn: quinn_proto::Connection,
        now: Instant,
    ) -> ConnectionId {
        let deadline = now + self.config.handshake_timeout.max(Duration::from_millis(1));
        let config = self.config.clone();
        let id = self
            .connections
            .insert(handle.0, |id| Connection::new(quinn, id, config, now, deadline));
        self.statistics.connections += 1;
        self.mark(handle.0);
        id
    }
}
