//! NSS key-log lines, on their way to JavaScript.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::KeyLog;

/// Lines that wait for JavaScript.
#[derive(Debug, Default)]
pub(crate) struct KeyLogLines(Mutex<Vec<String>>);

impl KeyLogLines {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl KeyLog for KeyLogLines {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}", hexadecimal(client_random), hexadecimal(secret));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

pub(crate) fn as_key_log(lines: &Option<Arc<KeyLogLines>>) -> Option<Arc<dyn KeyLog>> {
    lines.clone().map(|lines| lines as Arc<dyn KeyLog>)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
