//! Endpoints that share keys: what one has begun, another continues.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rustls::pki_types::ServerName;
use rustls::server::ProducesTickets;
use rustls::{ClientConnection, HandshakeKind, ServerConnection};
use tswebtransport_core::quinn_proto::{TimeSource, TokenStore};
use tswebtransport_core::{AddressTokens, CoreConfig, Key, ResetKeys, RetryPolicy, Tickets, endpoint_config};

use crate::pair::{Pair, Setup};
use crate::tls::rustls_configs;

const KEY: Key = [7; 32];
const OTHER_KEY: Key = [8; 32];

/// A clock that a test sets.
struct Clock(Mutex<SystemTime>);

impl Clock {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        )))
    }

    fn advance(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

/// Puts a new server with these keys in the place of the present one.
fn replace(pair: &mut Pair, clock: &Arc<Clock>, retry: RetryPolicy, reset_key: Key, token_key: Key) {
    let tokens = AddressTokens::new(Some(&token_key), None);
    replace_with(pair, clock, retry, reset_key, &tokens);
}

fn replace_with(pair: &mut Pair, clock: &Arc<Clock>, retry: RetryPolicy, reset_key: Key, tokens: &AddressTokens) {
    let mut server = pair.server_config.clone();
    tokens.apply(&mut server);
    server.time_source(clock.clone());
    let config = CoreConfig {
        retry,
        ..CoreConfig::default()
    };
    pair.replace_server(config, endpoint_config(1, &ResetKeys::new(&reset_key, None)), server);
}

fn server_with_keys(retry: RetryPolicy) -> (Pair, Arc<Clock>) {
    let (mut pair, clock) = (Setup::default().pair(), Clock::new());
    replace(&mut pair, &clock, retry, KEY, KEY);
    (pair, clock)
}

#[test]
fn a_client_learns_at_once_that_its_server_was_replaced() {
    let (mut pair, clock) = server_with_keys(RetryPolicy::Never);
    let (client, _) = pair.connect();
    replace(&mut pair, &clock, RetryPolicy::Never, KEY, KEY);
    let start = pair.now;
    pair.client.core.send_datagram(client, Bytes::from_static(b"hello"));
    pair.run_until(|pair| pair.client.closed(client).is_some());
    let closed = pair.client.closed(client).unwrap();
    assert_eq!((closed.by, closed.kind), (2, 4), "by the transport: stateless reset");
    assert_eq!(pair.now - start, Duration::from_millis(20), "one round trip");
}

#[test]
fn all_clients_of_a_replaced_server_learn_of_it_at_once() {
    let (mut pair, clock) = server_with_keys(RetryPolicy::Never);
    let clients: Vec<_> = (0..50).map(|_| pair.connect().0).collect();
    replace(&mut pair, &clock, RetryPolicy::Never, KEY, KEY);
    for client in &clients {
        pair.client.core.send_datagram(*client, Bytes::from_static(b"hello"));
    }
    pair.run_for(Duration::from_millis(25));
    assert!(clients.iter().all(|client| pair.client.closed(*client).is_some()));
}

#[test]
fn a_server_with_another_reset_key_answers_nothing_to_a_strangers_packet() {
    let (mut pair, clock) = server_with_keys(RetryPolicy::Never);
    let (client, _) = pair.connect();
    replace(&mut pair, &clock, RetryPolicy::Never, OTHER_KEY, KEY);
    pair.client.core.send_datagram(client, Bytes::from_static(b"hello"));
    pair.settle();
    assert_eq!(pair.client.closed(client), None);
}

/// What a client learns within a second of a server that knows the first key as `keys` do.
fn learns_of_the_end(keys: &ResetKeys) -> bool {
    let (mut pair, _) = server_with_keys(RetryPolicy::Never);
    let (client, _) = pair.connect();
    let server = pair.server_config.clone();
    pair.replace_server(CoreConfig::default(), endpoint_config(2, keys), server);
    pair.client.core.send_datagram(client, Bytes::from_static(b"hello"));
    pair.settle();
    let closed = pair.client.closed(client);
    closed.is_some_and(|closed| (closed.by, closed.kind) == (2, 4))
}

#[test]
fn a_successor_with_the_key_before_resets_connections_of_that_key() {
    assert!(learns_of_the_end(&ResetKeys::new(&OTHER_KEY, Some(&KEY))));
    let replaced = ResetKeys::new(&KEY, None);
    replaced.replace(&OTHER_KEY);
    assert!(learns_of_the_end(&replaced));
    replaced.replace(&[9; 32]);
    assert!(!learns_of_the_end(&replaced));
}

#[test]
fn a_connection_lives_through_every_replacement_of_its_key() {
    let keys = ResetKeys::new(&KEY, None);
    let mut pair = Setup::default().pair();
    let server = pair.server_config.clone();
    pair.replace_server(CoreConfig::default(), endpoint_config(1, &keys), server);
    let (client, _) = pair.connect();
    for byte in 1..5 {
        keys.replace(&[byte; 32]);
        pair.client.core.send_datagram(client, Bytes::from_static(b"hello"));
        pair.settle();
        assert_eq!(pair.server.datagrams().len(), usize::from(byte));
    }
    pair.connect();
}

/// A client whose Retry token comes to another server, after `change`. True: it got its connection.
fn after_retry(change: impl FnOnce(&mut Pair, &Arc<Clock>)) -> (Pair, bool) {
    let (mut pair, clock) = server_with_keys(RetryPolicy::Always);
    let client = pair.begin_connect();
    // The Initial arrives after 10 ms, and the Retry after 20 ms.
    pair.run_for(Duration::from_millis(15));
    replace(&mut pair, &clock, RetryPolicy::Always, KEY, KEY);
    change(&mut pair, &clock);
    pair.settle();
    let connected = pair.client.connected(client).is_some();
    if !connected {
        let code = pair.client.closed(client).map(|closed| closed.code);
        assert!(matches!(code, None | Some(0x0b)), "RFC 9000 §20.1: INVALID_TOKEN");
    }
    (pair, connected)
}

#[test]
fn a_retry_token_is_accepted_by_every_server_with_the_key() {
    let (pair, connected) = after_retry(|_, _| {});
    assert!(connected);
    assert_eq!(pair.server.core.statistics().accepted, 1);
}

#[test]
fn a_retry_token_is_good_for_fifteen_seconds() {
    assert!(after_retry(|_, clock| clock.advance(14)).1);
    assert!(!after_retry(|_, clock| clock.advance(17)).1);
}

#[test]
fn a_retry_token_is_good_for_the_address_that_it_was_issued_to() {
    let (pair, connected) = after_retry(|pair, _| {
        // The client has answered the Retry: its Initial is on its way.
        pair.run_for(Duration::from_millis(6));
        let (former, present) = (pair.client.address, "[::1]:1001".parse().unwrap());
        pair.link.change_source(former, present);
        pair.client.address = present;
    });
    assert!(!connected);
    assert_eq!(pair.server.core.statistics().accepted, 0);
}

#[test]
fn a_retry_token_of_another_key_is_not_accepted() {
    let (_, connected) = after_retry(|pair, clock| replace(pair, clock, RetryPolicy::Always, KEY, OTHER_KEY));
    assert!(!connected);
}

/// Round trips that a further connection of a client takes, which has been connected and then meets a new server.
fn round_trips_after(change: impl FnOnce(&mut Pair, &Arc<Clock>)) -> u128 {
    let (mut pair, clock) = server_with_keys(RetryPolicy::Always);
    pair.connect();
    pair.settle();
    replace(&mut pair, &clock, RetryPolicy::Always, KEY, KEY);
    change(&mut pair, &clock);
    let start = pair.now;
    let client = pair.begin_connect();
    pair.run_until(|pair| pair.client.connected(client).is_some());
    (pair.now - start).as_millis() / 20
}

#[test]
fn a_new_token_spares_a_client_the_retry_of_every_server_with_the_key_for_a_day() {
    assert_eq!(round_trips_after(|_, _| {}), 1);
    assert_eq!(round_trips_after(|_, clock| clock.advance(23 * 3600)), 1);
    assert_eq!(round_trips_after(|_, clock| clock.advance(25 * 3600)), 2, "too old");
}

#[test]
fn a_new_token_is_good_for_the_address_that_it_was_issued_to() {
    let same_host = round_trips_after(|pair, _| pair.client.address.set_port(1001));
    assert_eq!(same_host, 1, "whatever the port");
    let other_host = round_trips_after(|pair, _| pair.client.address = "[::2]:1000".parse().unwrap());
    assert_eq!(other_host, 2);
}

#[test]
fn a_new_token_of_another_key_is_not_accepted() {
    let other_key = |pair: &mut Pair, clock: &Arc<Clock>| replace(pair, clock, RetryPolicy::Always, KEY, OTHER_KEY);
    assert_eq!(round_trips_after(other_key), 2);
}

/// Tokens whose key was replaced by each of these in turn.
fn replaced(keys: &[Key]) -> AddressTokens {
    let tokens = AddressTokens::new(Some(&KEY), None);
    for key in keys {
        tokens.replace_key(key);
    }
    tokens
}

#[test]
fn tokens_are_good_until_their_key_was_replaced_twice() {
    let successor = |former: &Key| AddressTokens::new(Some(&[9; 32]), Some(former));
    for (tokens, good) in [
        (replaced(&[OTHER_KEY]), true),
        (replaced(&[OTHER_KEY, [9; 32]]), false),
        (successor(&KEY), true),
        (successor(&OTHER_KEY), false),
    ] {
        let put = |pair: &mut Pair, clock: &Arc<Clock>| replace_with(pair, clock, RetryPolicy::Always, KEY, &tokens);
        assert_eq!(after_retry(put).1, good, "Retry");
        assert_eq!(round_trips_after(put), if good { 1 } else { 2 }, "NEW_TOKEN");
    }
}

#[test]
fn a_token_of_the_key_before_is_bound_to_address_and_age_too() {
    let tokens = replaced(&[OTHER_KEY]);
    let put = |pair: &mut Pair, clock: &Arc<Clock>| replace_with(pair, clock, RetryPolicy::Always, KEY, &tokens);
    assert!(
        !after_retry(|pair, clock| {
            put(pair, clock);
            clock.advance(17);
        })
        .1
    );
    assert_eq!(
        round_trips_after(|pair, clock| {
            put(pair, clock);
            pair.client.address = "[::2]:1000".parse().unwrap();
        }),
        2
    );
}

/// A client that presents the same token each time, against RFC 9000 §8.1.3.
#[derive(Default)]
struct Repeating(Mutex<Option<Bytes>>);

impl TokenStore for Repeating {
    fn insert(&self, _: &str, token: Bytes) {
        self.0.lock().unwrap().get_or_insert(token);
    }

    fn take(&self, _: &str) -> Option<Bytes> {
        self.0.lock().unwrap().clone()
    }
}

#[test]
fn a_new_token_is_accepted_once() {
    for replacements in [&[][..], &[OTHER_KEY]] {
        let (mut pair, clock) = (Setup::default().pair(), Clock::new());
        pair.client_config.token_store(Arc::new(Repeating::default()));
        let tokens = replaced(&[]);
        replace_with(&mut pair, &clock, RetryPolicy::Always, KEY, &tokens);
        let mut round_trips = || {
            let start = pair.now;
            pair.connect();
            let taken = (pair.now - start).as_millis() / 20;
            pair.settle();
            taken
        };
        assert_eq!(round_trips(), 2, "Retry");
        for key in replacements {
            tokens.replace_key(key);
        }
        assert_eq!(round_trips(), 1, "the first use");
        assert_eq!(round_trips(), 2, "the second");
    }
}

#[test]
fn a_ticket_is_opened_by_everybody_with_the_key_for_six_to_twelve_hours() {
    let clock = Clock::new();
    let [first, second] = [(); 2].map(|()| Tickets::new(&KEY, None, clock.clone()));
    let stranger = Tickets::new(&OTHER_KEY, None, clock.clone());
    let ticket = first.encrypt(b"a session").unwrap();
    assert_ne!(ticket, first.encrypt(b"a session").unwrap());
    assert_eq!(second.decrypt(&ticket).as_deref(), Some(b"a session".as_slice()));
    assert_eq!(stranger.decrypt(&ticket), None);
    for index in 0..ticket.len() {
        let mut forged = ticket.clone();
        forged[index] ^= 1;
        assert_eq!(second.decrypt(&forged), None);
        assert_eq!(second.decrypt(&ticket[..index]), None);
    }
    clock.advance(6 * 3600);
    assert!(second.decrypt(&ticket).is_some());
    clock.advance(6 * 3600);
    assert_eq!(second.decrypt(&ticket), None);
}

#[test]
fn a_ticket_is_good_until_its_key_was_replaced_twice() {
    let clock = Clock::new();
    let tickets = Tickets::new(&KEY, None, clock.clone());
    let ticket = tickets.encrypt(b"a session").unwrap();
    tickets.replace_key(&OTHER_KEY);
    let later = tickets.encrypt(b"another").unwrap();
    assert!(tickets.decrypt(&ticket).is_some());
    let successor = Tickets::new(&OTHER_KEY, Some(&KEY), clock.clone());
    assert!(successor.decrypt(&ticket).is_some() && successor.decrypt(&later).is_some());
    assert_eq!(Tickets::new(&KEY, None, clock.clone()).decrypt(&later), None);
    tickets.replace_key(&[9; 32]);
    assert_eq!(tickets.decrypt(&ticket), None);
    assert!(tickets.decrypt(&later).is_some());
    // Age counts under each key.
    clock.advance(12 * 3600);
    assert_eq!(tickets.decrypt(&later), None);
}

#[test]
fn a_tls_session_is_resumed_by_every_server_with_the_ticket_key() {
    let (client, server) = rustls_configs();
    let client = Arc::new(client);
    let server_with = |key: Key| {
        let mut config = server.clone();
        config.ticketer = Arc::new(Tickets::new(&key, None, Clock::new()));
        Arc::new(config)
    };
    assert_eq!(handshake(&client, &server_with(KEY)), Some(HandshakeKind::Full));
    assert_eq!(handshake(&client, &server_with(KEY)), Some(HandshakeKind::Resumed));
    assert_eq!(handshake(&client, &server_with(OTHER_KEY)), Some(HandshakeKind::Full));
}

/// How a TLS handshake went, in memory.
fn handshake(client: &Arc<rustls::ClientConfig>, server: &Arc<rustls::ServerConfig>) -> Option<HandshakeKind> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(client.clone(), name).unwrap();
    let mut server = ServerConnection::new(server.clone()).unwrap();
    // The tickets follow the handshake.
    for _ in 0..4 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        pass(&wire, |bytes| server.read_tls(bytes));
        server.process_new_packets().unwrap();
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        pass(&wire, |bytes| client.read_tls(bytes));
        client.process_new_packets().unwrap();
    }
    server.handshake_kind()
}

fn pass(mut wire: &[u8], mut read: impl FnMut(&mut &[u8]) -> std::io::Result<usize>) {
    while !wire.is_empty() {
        read(&mut wire).unwrap();
    }
}
