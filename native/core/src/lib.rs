//! The sans-I/O QUIC core: quinn-proto's endpoint and connections behind one packed stream of events.
//!
//! It knows no socket, thread, clock or JavaScript. The driver's turn is:
//! [`Core::receive`] for what arrived, [`Core::expire`], [`Core::process`], hand out [`Core::events`], let the
//! application make its calls, [`Core::process`] again, [`Core::transmit`], then wait for the socket or
//! [`Core::next_deadline`]. Calls of the application never hand out events themselves: they wait for the next turn.

mod address_tokens;
mod addresses;
mod config;
mod connection;
mod endpoint;
mod events;
mod fair_queue;
mod generations;
mod handshake_failures;
mod ids;
mod keys;
mod packet_counts;
mod send_scheduler;
mod steering;
mod stream;
mod tickets;
mod timers;

pub use address_tokens::AddressTokens;
pub use config::{CongestionControl, CoreConfig, RetryPolicy, TransportSettings, transport_config};
pub use connection::DatagramOutcome;
pub use endpoint::{Arrival, Core, SendOutcome, Snapshot, Statistics, TransportSource};
pub use events::{CloseBy, CloseKind, EventBatch, LARGE_PAYLOAD, RECORD_HEADER};
pub use handshake_failures::{HandshakeFailure, HandshakeFailures};
pub use ids::ConnectionId;
pub use keys::{Key, ResetKeys, WORKER_CONNECTION_ID_LENGTH, endpoint_config};
pub use packet_counts::PacketCounts;
pub use quinn_proto;
pub use steering::{Instruction, MOST_WORKERS, Shares, Steering, SteeringProgram};
pub use tickets::Tickets;
