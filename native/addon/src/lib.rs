//! The Node-API addon: sockets, TLS and wakers around the sans-I/O core. What JavaScript sees is declared in
//! `src/engine/native/addon-loader.ts`.

// napi-derive generates the items that carry no documentation.
#![allow(missing_docs)]

mod authorities;
mod driver;
mod endpoint;
mod fault;
mod hash;
mod identity;
mod javascript;
mod key_log;
mod live_endpoint;
mod memory;
mod options;
mod own_authority;
mod poll;
mod qlog;
mod self_signed;
mod shared_keys;
mod socket;
mod socket_group;
mod stats;
mod steering;
mod tls;
mod turn;
#[cfg(target_os = "linux")]
mod uv;
mod verification;
mod waker;

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

#[napi(object, object_from_js = false)]
pub struct GeneratedCertificate {
    pub cert: String,
    pub key: String,
    pub sha256: Buffer,
}

impl From<self_signed::Generated> for GeneratedCertificate {
    fn from(generated: self_signed::Generated) -> Self {
        Self {
            cert: generated.cert,
            key: generated.key,
            sha256: generated.sha256.into(),
        }
    }
}

/// ECDSA P-256, self-signed, valid for `days`.
#[napi(catch_unwind)]
pub fn generate_self_signed_certificate(hostnames: Vec<String>, days: u32) -> napi::Result<GeneratedCertificate> {
    Ok(self_signed::generate(&hostnames, days)?.into())
}

/// An authority's own certificate and key.
#[napi(catch_unwind)]
pub fn generate_authority(common_name: String, days: u32) -> napi::Result<GeneratedCertificate> {
    Ok(own_authority::generate(&common_name, days)?.into())
}

/// A server's certificate of the authority.
#[napi(catch_unwind)]
pub fn issue_certificate(
    hostnames: Vec<String>,
    days: u32,
    authority: String,
    authority_key: String,
) -> napi::Result<GeneratedCertificate> {
    Ok(own_authority::issue(&hostnames, days, &authority, &authority_key)?.into())
}
