//! An authority of one's own, and the certificates that it issues.

use rcgen::{BasicConstraints, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::fault::Fault;
use crate::self_signed::{Generated, generate_key, invalid, named_params, server_params};

/// ECDSA P-256, self-signed, valid for `days`. It may issue servers' certificates, but no further authority.
pub(crate) fn generate(common_name: &str, days: u32) -> Result<Generated, Fault> {
    let key = generate_key()?;
    let mut params = named_params(common_name, days);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key).map_err(invalid)?;
    Ok(Generated::new(&certificate, &key))
}

/// A server's certificate with a key of its own, issued by the authority of this PEM certificate and key.
pub(crate) fn issue(hostnames: &[String], days: u32, authority: &str, authority_key: &str) -> Result<Generated, Fault> {
    let authority_key = KeyPair::from_pem(authority_key)
        .map_err(|error| Fault::new("invalid-key", format!("the authority's key: {error}")))?;
    let issuer = Issuer::from_ca_cert_pem(authority, authority_key)
        .map_err(|error| Fault::new("invalid-certificate", format!("the authority's certificate: {error}")))?;
    let key = generate_key()?;
    let mut params = server_params(hostnames, days)?;
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer).map_err(invalid)?;
    Ok(Generated::new(&certificate, &key))
}
