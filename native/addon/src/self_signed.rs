//! Self-signed certificates that browsers accept by their hash (W3C WebTransport, "custom certificate requirements").

use std::net::IpAddr;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType};
use time::{Duration, OffsetDateTime};

use crate::fault::Fault;

pub(crate) struct SelfSigned {
    pub(crate) cert: String,
    pub(crate) key: String,
    pub(crate) sha256: Vec<u8>,
}

/// ECDSA P-256, valid from five minutes ago (clocks differ) for `days` in total.
pub(crate) fn generate(hostnames: &[String], days: u32) -> Result<SelfSigned, Fault> {
    let invalid = |error: rcgen::Error| Fault::new("invalid-option", error);
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(|error| Fault::new("internal", error))?;
    let mut params = CertificateParams::default();
    for hostname in hostnames {
        params.subject_alt_names.push(match hostname.parse::<IpAddr>() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) => SanType::DnsName(hostname.as_str().try_into().map_err(invalid)?),
        });
    }
    params.distinguished_name = DistinguishedName::new();
    let common_name = hostnames.first().map_or("localhost", String::as_str);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = OffsetDateTime::now_utc() - Duration::minutes(5);
    params.not_after = params.not_before + Duration::days(i64::from(days));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key).map_err(invalid)?;
    Ok(SelfSigned {
        cert: certificate.pem(),
        key: key.serialize_pem(),
        sha256: crate::hash::sha256(certificate.der()),
    })
}
