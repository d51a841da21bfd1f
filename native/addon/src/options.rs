//! What TypeScript hands over, and its translation to the core's configuration. Absent fields take the core's defaults.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use rustls::KeyLog;
use tswebtransport_core::quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use tswebtransport_core::quinn_proto::{ClientConfig, ServerConfig, TransportConfig};
use tswebtransport_core::{CongestionControl, CoreConfig, RetryPolicy, TransportSettings};

use crate::fault::Fault;
use crate::identity::Identity;
use crate::shared_keys::{Keys, ServerKeys, SharedKeys};
use crate::steering::SteeringOptions;
use crate::tls::{self, ClientCertificates, Identities, Verification};

#[napi(object, object_to_js = false)]
pub struct EndpointOptions {
    pub host: String,
    pub port: u16,
    pub reuse_port: bool,
    pub descriptor: Option<f64>,
    pub steering: Option<SteeringOptions>,
    /// "uv" or "poll".
    pub waker: String,
    pub server: Option<ServerOptions>,
    pub transport: TransportOptions,
    pub key_log: bool,
}

#[napi(object, object_to_js = false)]
pub struct TlsIdentity {
    pub cert: String,
    pub key: String,
}

#[napi(object, object_to_js = false)]
pub struct ServerOptions {
    pub identity: TlsIdentity,
    pub sni: Option<HashMap<String, TlsIdentity>>,
    pub alpn: Vec<String>,
    pub max_connections: Option<u32>,
    pub max_connections_per_address: Option<u32>,
    pub max_pending_handshakes: Option<u32>,
    pub retry: Option<String>,
    pub client_ca: Option<String>,
    pub client_certificates: Option<String>,
    pub worker_id: Option<u32>,
    pub reset_key: Option<Uint8Array>,
    pub token_key: Option<Uint8Array>,
    pub ticket_key: Option<Uint8Array>,
    pub previous_keys: Option<SharedKeys>,
}

#[napi(object, object_to_js = false)]
pub struct TransportOptions {
    pub max_idle_timeout: Option<u32>,
    pub keep_alive_interval: Option<u32>,
    pub handshake_timeout: Option<u32>,
    pub max_incoming_bidirectional_streams: Option<u32>,
    pub max_incoming_unidirectional_streams: Option<u32>,
    pub stream_receive_window: Option<u32>,
    pub receive_window: Option<u32>,
    pub initial_credit: Option<u32>,
    pub max_datagram_frame_size: Option<u32>,
    pub datagram_send_buffer_size: Option<u32>,
    pub congestion_control: Option<String>,
    pub preamble: Option<Vec<Uint8Array>>,
    pub reset_stream_at: Option<bool>,
    pub qlog_directory: Option<String>,
}

#[napi(object, object_to_js = false)]
pub struct ConnectOptions {
    pub host: String,
    pub port: u16,
    pub server_name: String,
    pub alpn: Vec<String>,
    /// "system", "ca", "hashes" or "insecure".
    pub verification: String,
    pub ca: Option<String>,
    pub hashes: Option<Vec<Uint8Array>>,
    pub identity: Option<TlsIdentity>,
}

impl TlsIdentity {
    pub(crate) fn borrow(&self) -> Identity<'_> {
        Identity {
            cert: &self.cert,
            key: &self.key,
        }
    }
}

pub(crate) fn socket_address(host: &str, port: u16) -> Result<SocketAddr, Fault> {
    let ip: IpAddr = host.parse().map_err(|_| {
        Fault::new(
            "invalid-option",
            format!("host must be an IP address: current value is {host}"),
        )
    })?;
    Ok(SocketAddr::new(ip, port))
}

impl EndpointOptions {
    pub(crate) fn core_config(&self) -> Result<CoreConfig, Fault> {
        let defaults = CoreConfig::default();
        let transport = &self.transport;
        let server = self.server.as_ref();
        let retry = match server.and_then(|server| server.retry.as_deref()) {
            None => defaults.retry,
            Some("never") => RetryPolicy::Never,
            Some("adaptive") => RetryPolicy::Adaptive,
            Some("always") => RetryPolicy::Always,
            Some(other) => return Err(unknown("retry", other)),
        };
        let preambles = transport.preamble.as_deref().unwrap_or_default();
        Ok(CoreConfig {
            max_connections: size(
                server.and_then(|server| server.max_connections),
                defaults.max_connections,
            ),
            max_connections_per_address: server
                .and_then(|server| server.max_connections_per_address)
                .map(|limit| limit as usize),
            max_pending_handshakes: size(
                server.and_then(|server| server.max_pending_handshakes),
                defaults.max_pending_handshakes,
            ),
            retry,
            handshake_timeout: duration(transport.handshake_timeout, defaults.handshake_timeout),
            initial_credit: transport.initial_credit.map_or(defaults.initial_credit, u64::from),
            preambles: preambles.iter().map(|bytes| Bytes::copy_from_slice(bytes)).collect(),
            datagrams: transport.max_datagram_frame_size != Some(0),
        })
    }

    pub(crate) fn transport_settings(&self) -> Result<TransportSettings, Fault> {
        let defaults = TransportSettings::default();
        let transport = &self.transport;
        let congestion_control = match transport.congestion_control.as_deref() {
            None => defaults.congestion_control,
            Some("cubic") => CongestionControl::Cubic,
            Some("newreno") => CongestionControl::NewReno,
            Some("bbr") => CongestionControl::Bbr,
            Some(other) => return Err(unknown("congestionControl", other)),
        };
        let max_datagram_frame_size = transport.max_datagram_frame_size.unwrap_or(u32::MAX);
        Ok(TransportSettings {
            max_idle_timeout: duration(transport.max_idle_timeout, defaults.max_idle_timeout),
            keep_alive_interval: duration(transport.keep_alive_interval, defaults.keep_alive_interval),
            stream_receive_window: transport
                .stream_receive_window
                .unwrap_or(defaults.stream_receive_window),
            receive_window: transport.receive_window.unwrap_or(defaults.receive_window),
            max_datagram_frame_size: u16::try_from(max_datagram_frame_size).unwrap_or(u16::MAX),
            datagram_receive_buffer_size: defaults.datagram_receive_buffer_size,
            datagram_send_buffer_size: size(transport.datagram_send_buffer_size, defaults.datagram_send_buffer_size),
            congestion_control,
            reset_stream_at: transport.reset_stream_at.unwrap_or(defaults.reset_stream_at),
            max_incoming_streams: [
                transport
                    .max_incoming_bidirectional_streams
                    .unwrap_or(defaults.max_incoming_streams[0]),
                transport
                    .max_incoming_unidirectional_streams
                    .unwrap_or(defaults.max_incoming_streams[1]),
            ],
        })
    }
}

impl ServerOptions {
    pub(crate) fn identities(&self) -> Result<Arc<Identities>, Fault> {
        let sni: Vec<_> = self
            .sni
            .iter()
            .flatten()
            .map(|(name, identity)| (name.clone(), identity.borrow()))
            .collect();
        Ok(Arc::new(Identities::new(&self.identity.borrow(), &sni)?))
    }

    pub(crate) fn server_config(
        &self,
        identities: Arc<Identities>,
        transport: Arc<TransportConfig>,
        key_log: Option<Arc<dyn KeyLog>>,
        keys: &ServerKeys,
    ) -> Result<Arc<ServerConfig>, Fault> {
        let clients = match self.client_certificates.as_deref() {
            None | Some("none") => ClientCertificates::None,
            Some("optional") => ClientCertificates::Optional,
            Some("required") => ClientCertificates::Required,
            Some(other) => return Err(unknown("clientCertificates", other)),
        };
        let mut tls = tls::server_config(identities, &self.alpn, self.client_ca.as_deref(), clients, key_log)?;
        // Where no tickets are sent, none are accepted.
        if let Some(ticketer) = keys.ticketer()
            && tls.send_tls13_tickets > 0
        {
            tls.ticketer = ticketer;
        }
        let crypto = QuicServerConfig::try_from(tls).map_err(|error| Fault::new("internal", error))?;
        let mut config = ServerConfig::with_crypto(Arc::new(crypto));
        config.transport_config(transport);
        keys.apply_tokens(&mut config);
        Ok(Arc::new(config))
    }

    /// Takes the keys: what JavaScript owns must not outlive this call.
    pub(crate) fn take_keys(&mut self) -> Result<ServerKeys, Fault> {
        let present = SharedKeys {
            reset_key: self.reset_key.take(),
            token_key: self.token_key.take(),
            ticket_key: self.ticket_key.take(),
        };
        let former = match self.previous_keys.take() {
            Some(keys) => Keys::copied(&keys)?,
            None => Keys::default(),
        };
        ServerKeys::new(&Keys::copied(&present)?, &former, self.worker_id.is_some())
    }

    pub(crate) fn worker(&self) -> Result<Option<u16>, Fault> {
        let Some(id) = self.worker_id else { return Ok(None) };
        u16::try_from(id).map(Some).map_err(|_| {
            Fault::new(
                "invalid-option",
                format!("workerId must be from 0 to 65535: current value is {id}"),
            )
        })
    }
}

impl ConnectOptions {
    pub(crate) fn client_config(
        &self,
        transport: Arc<TransportConfig>,
        key_log: Option<Arc<dyn KeyLog>>,
    ) -> Result<ClientConfig, Fault> {
        let verification = match self.verification.as_str() {
            "system" => Verification::System,
            "ca" => Verification::Authorities(self.ca.as_deref().unwrap_or_default()),
            "hashes" => Verification::Hashes(self.hashes.iter().flatten().map(|hash| hash.to_vec()).collect()),
            "insecure" => Verification::Insecure,
            other => return Err(unknown("verification", other)),
        };
        let identity = self.identity.as_ref().map(TlsIdentity::borrow);
        let tls = tls::client_config(verification, &self.alpn, identity, key_log)?;
        let crypto = QuicClientConfig::try_from(tls).map_err(|error| Fault::new("internal", error))?;
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(transport);
        Ok(config)
    }
}

fn duration(milliseconds: Option<u32>, default: Duration) -> Duration {
    milliseconds.map_or(default, |milliseconds| Duration::from_millis(milliseconds.into()))
}

fn size(given: Option<u32>, default: usize) -> usize {
    given.map_or(default, |given| given as usize)
}

fn unknown(option: &str, value: &str) -> Fault {
    Fault::new("invalid-option", format!("{option}: current value is \"{value}\""))
}
