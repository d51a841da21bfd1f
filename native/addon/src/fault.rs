//! What can go wrong before a connection exists, with the codes of the engine contract.

use std::any::Any;
use std::fmt::Display;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

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

/// Runs an action that creates or exchanges something as a whole. A panic leaves nothing half done, so the caller gets
/// it as an error.
pub(crate) fn caught<T>(action: impl FnOnce() -> napi::Result<T>) -> napi::Result<T> {
    catch_unwind(AssertUnwindSafe(action))
        .unwrap_or_else(|panic| Err(Fault::new("internal", panic_text(panic.as_ref())).into()))
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "the engine failed".to_owned())
}

impl From<Fault> for napi::Error {
    /// The TypeScript side splits code and message at the first colon.
    fn from(fault: Fault) -> Self {
        napi::Error::from_reason(format!("{}: {}", fault.code, fault.message))
    }
}
