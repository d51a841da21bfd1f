//! What an endpoint is told of the other workers on its port.

use napi_derive::napi;
use tswebtransport_core::{MOST_WORKERS, ResetKeys, Shares, Steering};

use crate::fault::Fault;

#[napi(object, object_to_js = false)]
pub struct SteeringOptions {
    pub slots: f64,
    pub active_workers: Vec<f64>,
    /// One for each active worker.
    pub shares: Option<Vec<f64>>,
    /// "anyone" or "hash".
    pub new_connections: Option<String>,
    /// Packets for other workers are handed to JavaScript.
    pub foreign_packets: bool,
}

impl SteeringOptions {
    /// The number of slots, and what the core needs where packets are handed out.
    pub(crate) fn parse(self, worker: u16, keys: &ResetKeys) -> Result<(u16, Option<Steering>), Fault> {
        let slots = slot_count("steering.slots", self.slots)?;
        if worker >= slots {
            let text = format!("workerId must be less than steering.slots ({slots}): current value is {worker}");
            return Err(Fault::new("invalid-option", text));
        }
        let active = workers("steering.activeWorkers", &self.active_workers, slots)?;
        let active = shares("steering.shares", &active, self.shares.as_deref())?;
        let by_hash = match self.new_connections.as_deref() {
            None | Some("anyone") => false,
            Some("hash") => true,
            Some(other) => {
                let text = format!("steering.newConnections: current value is \"{other}\"");
                return Err(Fault::new("invalid-option", text));
            }
        };
        let steering = Steering::new(worker, slots, active, by_hash, keys.clone());
        Ok((slots, self.foreign_packets.then_some(steering)))
    }
}

/// A number of slots that is within the limits.
pub(crate) fn slot_count(option: &str, slots: f64) -> Result<u16, Fault> {
    let count = whole(slots);
    count.filter(|count| (1..=MOST_WORKERS).contains(count)).ok_or_else(|| {
        let text = format!("{option} must be from 1 to {MOST_WORKERS}: current value is {slots}");
        Fault::new("invalid-option", text)
    })
}

/// Distinct numbers of slots.
pub(crate) fn workers(option: &str, ids: &[f64], slots: u16) -> Result<Vec<u16>, Fault> {
    let mut workers = Vec::new();
    for id in ids {
        let worker = whole(*id).filter(|worker| *worker < slots);
        let Some(worker) = worker.filter(|worker| !workers.contains(worker)) else {
            let text = format!(
                "{option} must be different numbers from 0 to {}: {id} is not",
                slots - 1
            );
            return Err(Fault::new("invalid-option", text));
        };
        workers.push(worker);
    }
    Ok(workers)
}

/// The shares of new connections that the workers get: the same if no parts are given.
pub(crate) fn shares(option: &str, workers: &[u16], parts: Option<&[f64]>) -> Result<Shares, Fault> {
    let Some(given) = parts else {
        return Ok(Shares::even(workers));
    };
    // What is no such number saturates to one that is too small or too large.
    let is_whole = given.iter().all(|part| part.trunc() == *part);
    let parts: Vec<_> = given.iter().map(|part| *part as u32).collect();
    let shares = is_whole.then(|| Shares::of_parts(workers, &parts)).flatten();
    shares.ok_or_else(|| {
        let count = workers.len();
        let text = format!("{option} must be a whole number from 1 on for each of {count} workers, 65536 in sum: current value is {given:?}");
        Fault::new("invalid-option", text)
    })
}

/// JavaScript's number, if it is one of these; a conversion by Node-API would round and wrap it.
fn whole(number: f64) -> Option<u16> {
    let whole = number as u16;
    (f64::from(whole) == number).then_some(whole)
}
