//! The endpoint as JavaScript holds it: one plain synchronous call per operation. Those on a connection: `connection_calls`.

mod connection_calls;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use napi::Env;
use napi::bindgen_prelude::{BigInt, Function, JsValue, Object};
use napi_derive::napi;
use tswebtransport_core::quinn_proto::{EndpointConfig, Side, TransportConfig};
use tswebtransport_core::{Core, transport_config};

use crate::driver::Driver;
use crate::fault::{Fault, caught};
use crate::javascript::{ByteArgument, Callback, NumbersArgument, array_buffer};
use crate::key_log::{KeyLogLines, as_key_log};
use crate::live_endpoint::LiveEndpoint;
use crate::options::{ConnectOptions, EndpointOptions, ServerOptions, TlsIdentity, socket_address};
use crate::qlog::Qlog;
use crate::shared_keys::{Keys, ServerKeys, SharedKeys};
use crate::socket::Socket;
use crate::stats::EndpointStats;
use crate::steering::{shares, workers};
use crate::tls::Identities;
use crate::turn::Turner;
use crate::waker::Waker;

#[napi(js_name = "NativeEndpoint")]
pub struct NativeEndpoint {
    inner: Rc<LiveEndpoint>,
    transport: Arc<TransportConfig>,
    server: Option<ServerPart>,
    key_log: Option<Arc<KeyLogLines>>,
    qlog: Option<Rc<Qlog>>,
    host: String,
    port: u16,
}

/// What the configuration of new handshakes is created from when the identity is exchanged.
struct ServerPart {
    options: ServerOptions,
    identities: RefCell<Arc<Identities>>,
    keys: ServerKeys,
    /// Worker ids are below; present with the option `steering`.
    slots: Option<u16>,
}

#[napi(object, object_from_js = false)]
pub struct LocalAddress {
    pub host: String,
    pub port: u16,
}

#[napi]
impl NativeEndpoint {
    #[napi(constructor)]
    pub fn new(env: Env, options: EndpointOptions, deliver: Function<'_, (), ()>) -> napi::Result<Self> {
        caught(|| Self::bind(&env, options, &deliver))
    }

    #[napi]
    pub fn local_address(&self) -> LocalAddress {
        LocalAddress {
            host: self.host.clone(),
            port: self.port,
        }
    }

    /// Copies the records of the turn into `scratch` and returns their length; when they do not fit, returns the
    /// length needed as a negative number and keeps them.
    #[napi]
    pub fn take_events(&self, scratch: ByteArgument) -> napi::Result<f64> {
        self.inner.with(Ok(0.0), |driver| {
            let batch = driver.events();
            let length = batch.records.len() as f64;
            if !scratch.overwrite(&batch.records)? {
                return Ok(-length);
            }
            batch.records.clear();
            *self.inner.large.borrow_mut() = std::mem::take(&mut batch.large);
            Ok(length)
        })
    }

    /// A payload that travels beside the batch, as an ArrayBuffer of its own.
    #[napi]
    pub fn take_large<'env>(&self, env: &'env Env, index: u32) -> napi::Result<Object<'env>> {
        let pieces = self
            .inner
            .large
            .borrow_mut()
            .get_mut(index as usize)
            .map(std::mem::take)
            .unwrap_or_default();
        array_buffer(env, &pieces)
    }

    /// Sends what earlier calls asked for; within a turn, that happens at its end. Returns whether the endpoint has closed.
    #[napi]
    pub fn flush(&self) -> bool {
        if self.inner.in_turn.get() {
            return false;
        }
        self.inner.end_turn();
        if self.is_closed() {
            self.inner.callback.release();
        }
        self.is_closed()
    }

    #[napi]
    pub fn connect(&self, options: ConnectOptions) -> napi::Result<u32> {
        caught(|| self.begin_connect(&options))
    }

    /// Closes every connection; once the frames are sent and the events taken, the endpoint closes itself.
    #[napi]
    pub fn close_all(&self, code: BigInt, reason: String) {
        let (code, reason) = (code.get_u64().1, Bytes::from(reason));
        self.inner
            .with((), |driver| driver.core.close_all(Instant::now(), code, &reason));
        self.inner.closing.set(true);
    }

    #[napi]
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// Why the endpoint is dead, when it did not close.
    #[napi]
    pub fn failure(&self) -> Option<String> {
        self.inner.failure.borrow().clone()
    }

    #[napi]
    pub fn stop_accepting(&self, silently: bool) {
        self.inner.with((), |driver| driver.core.stop_accepting(silently));
    }

    #[napi]
    pub fn update_keys(&self, keys: SharedKeys) -> napi::Result<()> {
        caught(|| {
            let keys = Keys::copied(&keys)?;
            Ok(self.server()?.keys.update(&keys)?)
        })
    }

    #[napi]
    pub fn set_active_workers(&self, ids: Vec<f64>, parts: Option<Vec<f64>>) -> napi::Result<()> {
        caught(|| {
            let Some(slots) = self.server()?.slots else {
                return Err(Fault::new("invalid-option", "this endpoint has no option \"steering\"").into());
            };
            let active = workers("workerIds", &ids, slots)?;
            let active = shares("shares", &active, parts.as_deref())?;
            self.inner.with((), |driver| driver.core.set_active_workers(active));
            Ok(())
        })
    }

    /// Handles a packet that another endpoint has received.
    #[napi]
    pub fn receive(&self, packet: ByteArgument, host: String, port: u16, local: Option<String>) -> napi::Result<()> {
        let packet = BytesMut::from(ByteArgument::copied([packet])?);
        let remote = self.reachable(socket_address(&host, port)?);
        // Without a valid local address the system chooses one for the answers.
        let local = local.and_then(|host| socket_address(&host, 0).ok());
        let local = local.map(|address| self.reachable(address).ip());
        self.inner.with((), |driver| {
            let Driver { core, socket, .. } = driver;
            socket.receive_forwarded(core, remote, local, packet);
        });
        Ok(())
    }

    #[napi]
    pub fn update_identity(&self, identity: TlsIdentity, name: Option<String>) -> napi::Result<()> {
        caught(|| self.exchange_identity(&identity, name.as_deref()))
    }

    #[napi]
    pub fn set_referenced(&self, referenced: bool) {
        if let Some(waker) = self.inner.waker.borrow().as_ref() {
            waker.set_referenced(referenced);
        }
    }

    #[napi]
    pub fn stats(&self) -> EndpointStats {
        let live = self.inner.with(None, |driver| {
            Some((driver.core.statistics(), driver.socket.buffer_sizes()))
        });
        let (statistics, buffers) = live.unwrap_or_else(|| (self.inner.last_statistics.get(), Default::default()));
        EndpointStats::new(&statistics, buffers)
    }

    /// Fills `round_trips` with those of the connections in the slots from `first` on, in milliseconds, and counts their
    /// packets. NaN: there is no connection. Returns how many slots there are.
    #[napi]
    pub fn survey(&self, first: u32, mut round_trips: NumbersArgument) -> napi::Result<u32> {
        round_trips.fill(|numbers| {
            self.inner
                .with(0, |driver| driver.core.survey(first as usize, numbers) as u32)
        })
    }

    #[napi]
    pub fn take_key_log(&self) -> Vec<String> {
        self.key_log.as_ref().map(|lines| lines.take()).unwrap_or_default()
    }
}

impl NativeEndpoint {
    fn bind(env: &Env, mut options: EndpointOptions, deliver: &Function<'_, (), ()>) -> napi::Result<Self> {
        let address = socket_address(&options.host, options.port)?;
        let settings = options.transport_settings()?;
        let core_config = options.core_config()?;
        let qlog = match options.transport.qlog_directory.take() {
            Some(directory) => Some(Rc::new(Qlog::new(directory, settings.clone())?)),
            None => None,
        };
        let transport = Arc::new(transport_config(&settings));
        let key_log = options.key_log.then(|| Arc::new(KeyLogLines::default()));
        let mut endpoint = EndpointConfig::default();
        let mut server_config = None;
        let mut server = None;
        let (mut steering, mut core_steering) = (options.steering.take(), None);
        if let Some(mut options) = options.server.take() {
            let (identities, keys, worker) = (options.identities()?, options.take_keys()?, options.worker()?);
            endpoint = keys.endpoint_config(worker);
            let slots = match (steering.take(), worker, keys.connection_ids()) {
                (Some(options), Some(worker), Some(keys)) => {
                    let (slots, of_core) = options.parse(worker, keys)?;
                    core_steering = of_core;
                    Some(slots)
                }
                (Some(_), ..) => return Err(Fault::new("invalid-option", "steering needs a workerId").into()),
                (None, ..) => None,
            };
            let config = options.server_config(identities.clone(), transport.clone(), as_key_log(&key_log), &keys)?;
            server_config = Some(config);
            server = Some(ServerPart {
                options,
                identities: RefCell::new(identities),
                keys,
                slots,
            });
        }
        if steering.is_some() {
            return Err(Fault::new("invalid-option", "steering is for endpoints that accept connections").into());
        }
        let max_payload = endpoint.get_max_udp_payload_size();
        let socket = match options.descriptor {
            Some(descriptor) => Socket::adopt(descriptor, max_payload)?,
            None => Socket::bind(address, options.reuse_port, max_payload)?,
        };
        let local = socket.io.local_addr().map_err(|error| Fault::new("internal", error))?;
        let mut core = Core::new(core_config, endpoint, server_config, !socket.may_fragment());
        if let Some(steering) = core_steering {
            core.set_steering(steering);
        }
        if let Some(qlog) = qlog.clone() {
            core.set_transport_source(Box::new(move |connection| qlog.transport(connection, Side::Server)));
        }
        let io = socket.io.try_clone().map_err(|error| Fault::new("internal", error))?;
        let inner = Rc::new(LiveEndpoint::new(
            Driver::new(core, socket),
            Callback::new(env, deliver.raw())?,
        ));
        let turner: Rc<dyn Turner> = inner.clone();
        let turner: Weak<dyn Turner> = Rc::downgrade(&turner);
        match Waker::new(&options.waker, env, io, turner) {
            Ok(waker) => *inner.waker.borrow_mut() = Some(waker),
            Err(fault) => {
                inner.callback.release();
                return Err(fault.into());
            }
        }
        Ok(Self {
            inner,
            transport,
            server,
            key_log,
            qlog,
            host: local.ip().to_string(),
            port: local.port(),
        })
    }

    fn begin_connect(&self, options: &ConnectOptions) -> napi::Result<u32> {
        let remote = self.reachable(socket_address(&options.host, options.port)?);
        let mut config = options.client_config(self.transport.clone(), as_key_log(&self.key_log))?;
        if let Some(qlog) = &self.qlog {
            qlog.trace_client(&mut config);
        }
        let closed = || Err(Fault::new("unavailable", "the endpoint has closed"));
        let id = self.inner.with(closed(), |driver| {
            let connected = driver
                .core
                .connect(Instant::now(), config, remote, &options.server_name);
            connected.map_err(|error| Fault::new("invalid-option", error))
        })?;
        Ok(id.0)
    }

    fn exchange_identity(&self, identity: &TlsIdentity, name: Option<&str>) -> napi::Result<()> {
        let ServerPart {
            options,
            identities,
            keys,
            ..
        } = self.server()?;
        let updated = Arc::new(identities.borrow().with(&identity.borrow(), name)?);
        let key_log = as_key_log(&self.key_log);
        let config = options.server_config(updated.clone(), self.transport.clone(), key_log, keys)?;
        *identities.borrow_mut() = updated;
        self.inner.with((), |driver| driver.core.set_server_config(config));
        Ok(())
    }

    fn server(&self) -> Result<&ServerPart, Fault> {
        let server = self.server.as_ref();
        server.ok_or_else(|| Fault::new("invalid-option", "this endpoint is not a server"))
    }

    /// The address in the form of the socket's family. An IPv6 socket receives an IPv4 peer's packets from a mapped
    /// address (RFC 4291 §2.5.5.2), and the core compares the two.
    fn reachable(&self, remote: SocketAddr) -> SocketAddr {
        match remote {
            SocketAddr::V4(address) if self.host.contains(':') => {
                SocketAddr::new(address.ip().to_ipv6_mapped().into(), address.port())
            }
            _ => remote,
        }
    }
}
