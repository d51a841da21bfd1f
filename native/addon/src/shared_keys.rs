//! The keys that several endpoints share, and their replacement.

use std::sync::Arc;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use rustls::server::ProducesTickets;
use tswebtransport_core::quinn_proto::{EndpointConfig, ServerConfig, StdSystemTime};
use tswebtransport_core::{AddressTokens, Key, ResetKeys, Tickets, endpoint_config};

use crate::fault::Fault;

#[napi(object, object_to_js = false)]
pub struct SharedKeys {
    pub reset_key: Option<Uint8Array>,
    pub token_key: Option<Uint8Array>,
    pub ticket_key: Option<Uint8Array>,
}

/// Keys of the right length.
#[derive(Default)]
pub(crate) struct Keys {
    reset: Option<Key>,
    token: Option<Key>,
    ticket: Option<Key>,
}

impl Keys {
    /// Copies: what JavaScript owns must not outlive the call.
    pub(crate) fn copied(keys: &SharedKeys) -> Result<Self, Fault> {
        Ok(Self {
            reset: key("resetKey", keys.reset_key.as_ref())?,
            token: key("tokenKey", keys.token_key.as_ref())?,
            ticket: key("ticketKey", keys.ticket_key.as_ref())?,
        })
    }

    /// The name of the first key that is here and not in `others`.
    fn first_beyond(&self, others: [bool; 3]) -> Option<&'static str> {
        let own = [self.reset.is_some(), self.token.is_some(), self.ticket.is_some()];
        let names = ["resetKey", "tokenKey", "ticketKey"];
        let mut pairs = names.into_iter().zip(own.into_iter().zip(others));
        pairs.find_map(|(name, (here, there))| (here && !there).then_some(name))
    }
}

/// What an endpoint issues and accepts with its keys. It outlives an exchange of the server's configuration, because
/// clients hold tokens and tickets.
pub(crate) struct ServerKeys {
    /// Which keys the endpoint was created with.
    given: [bool; 3],
    /// Present where connection IDs have our own layout.
    connection_ids: Option<ResetKeys>,
    tokens: AddressTokens,
    tickets: Option<Arc<Tickets>>,
}

impl ServerKeys {
    /// `former`: the generation before, which is accepted as well.
    pub(crate) fn new(present: &Keys, former: &Keys, has_worker_id: bool) -> Result<Self, Fault> {
        let given = [
            present.reset.is_some(),
            present.token.is_some(),
            present.ticket.is_some(),
        ];
        if let Some(name) = former.first_beyond(given) {
            let text = format!("previousKeys: {name} needs the present {name}");
            return Err(Fault::new("invalid-option", text));
        }
        let connection_ids = match &present.reset {
            Some(key) => Some(ResetKeys::new(key, former.reset.as_ref())),
            None => has_worker_id.then(ResetKeys::random),
        };
        let tickets = present.ticket.as_ref().map(|key| {
            let tickets = Tickets::new(key, former.ticket.as_ref(), Arc::new(StdSystemTime));
            Arc::new(tickets)
        });
        Ok(Self {
            given,
            connection_ids,
            tokens: AddressTokens::new(present.token.as_ref(), former.token.as_ref()),
            tickets,
        })
    }

    /// Replaces all of these keys, or none.
    pub(crate) fn update(&self, keys: &Keys) -> Result<(), Fault> {
        if let Some(name) = keys.first_beyond(self.given) {
            let text = format!("{name} can only be replaced at an endpoint that was created with one");
            return Err(Fault::new("invalid-option", text));
        }
        if let (Some(connection_ids), Some(key)) = (&self.connection_ids, &keys.reset) {
            connection_ids.replace(key);
        }
        if let Some(key) = &keys.token {
            self.tokens.replace_key(key);
        }
        if let (Some(tickets), Some(key)) = (&self.tickets, &keys.ticket) {
            tickets.replace_key(key);
        }
        Ok(())
    }

    pub(crate) fn endpoint_config(&self, worker: Option<u16>) -> EndpointConfig {
        match &self.connection_ids {
            Some(keys) => endpoint_config(worker.unwrap_or(0), keys),
            None => EndpointConfig::default(),
        }
    }

    pub(crate) fn connection_ids(&self) -> Option<&ResetKeys> {
        self.connection_ids.as_ref()
    }

    pub(crate) fn apply_tokens(&self, config: &mut ServerConfig) {
        self.tokens.apply(config);
    }

    pub(crate) fn ticketer(&self) -> Option<Arc<dyn ProducesTickets>> {
        let tickets = self.tickets.clone()?;
        Some(tickets)
    }
}

fn key(option: &str, bytes: Option<&Uint8Array>) -> Result<Option<Key>, Fault> {
    let Some(bytes) = bytes else { return Ok(None) };
    let key = Key::try_from(&bytes[..]).map_err(|_| {
        Fault::new(
            "invalid-option",
            format!("{option} must be 32 bytes: current length is {}", bytes.len()),
        )
    })?;
    Ok(Some(key))
}
