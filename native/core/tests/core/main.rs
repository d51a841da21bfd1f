//! The core against itself: two endpoints, joined by a link that loses, delays, reorders and duplicates packets as a
//! seed decides, in virtual time. No socket, no clock, no JavaScript.

mod admission;
mod closing;
mod datagrams;
mod events;
mod frames;
mod handshake;
mod link;
mod packet_counts;
mod pair;
mod peer;
mod reliable_resets;
mod reset_frames;
mod resets;
mod sending;
mod shared_keys;
mod steering;
mod stops;
mod streams;
mod tap;
mod timers;
mod tls;
