//! Where an endpoint keeps its connections.

use crate::connection::Connection;
use crate::ids::ConnectionId;

/// The connections by slot, which is quinn's connection handle.
#[derive(Default)]
pub(super) struct Slots(Vec<Slot>);

#[derive(Default)]
struct Slot {
    generation: u32,
    connection: Option<Box<Connection>>,
}

impl Slots {
    /// Fills a free slot with the connection that `make` creates under the slot's next id.
    pub(super) fn insert(&mut self, slot: usize, make: impl FnOnce(ConnectionId) -> Connection) -> ConnectionId {
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, Slot::default);
        }
        let entry = &mut self.0[slot];
        entry.generation = entry.generation.wrapping_add(1);
        let id = ConnectionId::new(slot, entry.generation);
        entry.connection = Some(Box::new(make(id)));
        id
    }

    /// The connection that is in the slot now.
    pub(super) fn at(&mut self, slot: usize) -> Option<&mut Connection> {
        self.0.get_mut(slot)?.connection.as_deref_mut()
    }

    /// The connection with this id, unless it has ended.
    pub(super) fn get(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.at(id.slot()).filter(|connection| connection.id == id)
    }

    /// As [`Slots::get`], for reading.
    pub(super) fn peek(&self, id: ConnectionId) -> Option<&Connection> {
        let connection = self.0.get(id.slot())?.connection.as_deref();
        connection.filter(|connection| connection.id == id)
    }

    /// Empties the slot.
    pub(super) fn take(&mut self, slot: usize) -> Option<Box<Connection>> {
        self.0.get_mut(slot)?.connection.take()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.0.iter().filter_map(|slot| slot.connection.as_deref())
    }

    /// How many slots there are, empty ones included.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
