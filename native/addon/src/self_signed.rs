//! Self-signed certificates that browsers accept by their hash (W3C WebTransport, "custom certificate requirements"), and
//! what an authority's own and its certificates share with them.

use std::net::IpAddr;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType};
use time::{Duration, OffsetDateTime};

use crate::fault::Fault;

pub(crate) struct Generated {
    pub(crate) cert: String,
    pub(crate) key: String,
    pub(crate) sha256: Vec<u8>,
}

impl Generated {
    pub(crate) fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            cert: certificate.pem(),
            key: key.serialize_pem(),
            sha256: crate::hash::sha256(certificate.der()),
        }
    }
}

/// ECDSA P-256, valid from five minutes ago (clocks differ) for `days` in total.
pub(crate) fn generate(hostnames: &[String], days: u32) -> Result<Generated, Fault> {
    let key = generate_key()?;
    let certificate = server_params(hostnames, days)?.self_signed(&key).map_err(invalid)?;
    Ok(Generated::new(&certificate, &key))
}

pub(crate) fn generate_key() -> Result<KeyPair, Fault> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(|error| Fault::new("internal", error))
}

/// A server's certificate for these names.
pub(crate) fn server_params(hostnames: &[String], days: u32) -> Result<CertificateParams, Fault> {
    let mut params = named_params(hostnames.first().map_or("localhost", String::as_str), days);
    for hostname in hostnames {
        params.subject_alt_names.push(match hostname.parse::<IpAddr>() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) => SanType::DnsName(hostname.as_str().try_into().map_err(invalid)?),
        });
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

pub(crate) fn named_params(common_name: &str, days: u32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = OffsetDateTime::now_utc() - Duration::minutes(5);
    params.not_after = params.not_before + Duration::days(i64::from(days));
    params
}

pub(crate) fn invalid(error: rcgen::Error) -> Fault {
    Fault::new("invalid-option", error)
}
