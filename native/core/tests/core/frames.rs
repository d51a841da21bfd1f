//! Frames as bytes (RFC 9000 §19), for the tap.

use tswebtransport_core::quinn_proto::VarInt;
use tswebtransport_core::quinn_proto::coding::Codec;

/// draft-ietf-quic-reliable-stream-reset §4
pub fn reset_stream_at(stream: u64, code: u64, final_size: u64, reliable_size: u64) -> Vec<u8> {
    varints(&[0x24, stream, code, final_size, reliable_size])
}

/// RFC 9000 §19.4
pub fn reset_stream(stream: u64, code: u64, final_size: u64) -> Vec<u8> {
    varints(&[0x04, stream, code, final_size])
}

/// RFC 9000 §19.8, with offset and length
pub fn stream(stream: u64, offset: u64, data: &[u8], fin: bool) -> Vec<u8> {
    let mut frame = varints(&[0x0e | u64::from(fin), stream, offset, data.len() as u64]);
    frame.extend_from_slice(data);
    frame
}

fn varints(values: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        VarInt::from_u64(*value).unwrap().encode(&mut bytes);
    }
    bytes
}
