//! What client and server share. wtransport leaves the mapping of application codes to the application.

use std::error::Error;

use wtransport::{RecvStream, VarInt};

pub type Failure = Box<dyn Error + Send + Sync>;

const FIRST_CODE: u64 = 0x52e4_a40f_a8db;
const LAST_CODE: u64 = 0x52e5_ac98_3162;

/// An application code as HTTP/3 carries it (draft-ietf-webtrans-http3 §4.6).
#[must_use]
pub fn to_wire(code: u32) -> VarInt {
    let code = u64::from(code);
    VarInt::try_from(FIRST_CODE + code + code / 0x1e).unwrap_or(VarInt::from_u32(0))
}

/// The application code of a wire code, or `None` when it maps to none.
#[must_use]
pub fn from_wire(code: VarInt) -> Option<u32> {
    let code = code.into_inner();
    if !(FIRST_CODE..=LAST_CODE).contains(&code) || (code - 0x21).is_multiple_of(0x1f) {
        return None;
    }
    let shifted = code - FIRST_CODE;
    u32::try_from(shifted - shifted / 0x1f).ok()
}

/// # Errors
/// The stream was reset, or its connection has ended.
pub async fn read_all(stream: &mut RecvStream) -> Result<Vec<u8>, Failure> {
    let mut data = Vec::new();
    let mut buffer = vec![0; 65_536];
    while let Some(length) = stream.read(&mut buffer).await? {
        data.extend_from_slice(&buffer[..length]);
    }
    Ok(data)
}

/// Byte i is i & 0xff.
#[must_use]
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index & 0xff) as u8).collect()
}
