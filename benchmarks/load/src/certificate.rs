//! The certificate that every server of one benchmark run shares.

use std::path::Path;

use wtransport::Identity;

use crate::Failure;

/// Writes `cert.pem` and `key.pem` into `directory` and prints the certificate's SHA-256 in hex.
///
/// Clients that trust a certificate by its hash accept ECDSA P-256 and at most 14 days only.
pub fn make(directory: &Path, hostnames: &[String]) -> Result<(), Failure> {
    let identity = Identity::self_signed_builder()
        .subject_alt_names(hostnames)
        .from_now_utc()
        .validity_days(13)
        .build()?;
    let certificate = identity
        .certificate_chain()
        .as_slice()
        .first()
        .ok_or("no certificate was made")?;
    std::fs::create_dir_all(directory)?;
    std::fs::write(directory.join("cert.pem"), certificate.to_pem())?;
    std::fs::write(directory.join("key.pem"), identity.private_key().to_secret_pem())?;
    let hex: String = certificate
        .hash()
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    println!("{hex}");
    Ok(())
}
