//! What can go wrong before a connection exists, with the codes of the engine contract.

use std::fmt::Display;
use std::io;

/// An error whose code the TypeScript side turns into `EngineError.code`.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(code: &'static str, message: impl Display) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }

    pub(crate) fn of_bind(error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::AddrInUse => "address-in-use",
            io::ErrorKind::AddrNotAvailable => "address-not-available",
            io::ErrorKind::PermissionDenied => "permission-denied",
            _ => "internal",
        };
        Self::new(code, error)
    }
}

impl From<Fault> for napi::Error {
    /// The TypeScript side splits code and message at the first colon.
    fn from(fault: Fault) -> Self {
        napi::Error::from_reason(format!("{}: {}", fault.code, fault.message))
    }
}
