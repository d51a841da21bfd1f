//! The endpoint at work: its turns, until it has closed or failed.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use tswebtransport_core::Statistics;

use crate::driver::{Deadline, Driver};
use crate::fault::panic_text;
use crate::javascript::Callback;
use crate::turn::{Ready, Turner};
use crate::waker::Waker;

/// Most calls into JavaScript in one turn: a handler that always causes further events must not keep the socket waiting.
const DELIVERY_ROUNDS: usize = 16;

pub(crate) struct LiveEndpoint {
    /// `None` once the endpoint has closed or failed.
    pub(crate) driver: RefCell<Option<Driver>>,
    pub(crate) waker: RefCell<Option<Waker>>,
    pub(crate) callback: Callback,
    /// Large payloads of the batch that JavaScript decodes now.
    pub(crate) large: RefCell<Vec<Vec<Bytes>>>,
    pub(crate) in_turn: Cell<bool>,
    pub(crate) closing: Cell<bool>,
    pub(crate) failure: RefCell<Option<String>>,
    /// Of an endpoint that has closed or failed: what it has counted.
    pub(crate) last_statistics: Cell<Statistics>,
}

impl LiveEndpoint {
    pub(crate) fn new(driver: Driver, callback: Callback) -> Self {
        Self {
            driver: RefCell::new(Some(driver)),
            waker: RefCell::new(None),
            callback,
            large: RefCell::new(Vec::new()),
            in_turn: Cell::new(false),
            closing: Cell::new(false),
            failure: RefCell::new(None),
            last_statistics: Cell::default(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.driver.borrow().is_none()
    }

    /// Runs `action` on the driver; a panic ends the endpoint, not the process. No borrow outlives `action`, and
    /// `action` never calls JavaScript.
    pub(crate) fn with<T>(&self, otherwise: T, action: impl FnOnce(&mut Driver) -> T) -> T {
        let mut slot = self.driver.borrow_mut();
        let Some(driver) = slot.as_mut() else {
            return otherwise;
        };
        match catch_unwind(AssertUnwindSafe(|| action(driver))) {
            Ok(value) => value,
            Err(panic) => {
                self.keep_totals(driver);
                *slot = None;
                *self.failure.borrow_mut() = Some(panic_text(panic.as_ref()));
                drop(slot);
                // JavaScript learns of it in a turn of its own.
                self.rearm(false, Deadline::Now);
                otherwise
            }
        }
    }

    pub(crate) fn end_turn(&self) {
        let open = self.with(None, |driver| {
            driver.end();
            let idle = !driver.core.has_work() && !driver.socket.is_blocked();
            Some((idle, driver.socket.is_blocked(), driver.deadline()))
        });
        match open {
            Some((true, ..)) if self.closing.get() => self.shut_down(),
            Some((_, writable, deadline)) => self.rearm(writable, deadline),
            None => {}
        }
    }

    fn rearm(&self, writable: bool, deadline: Deadline) {
        if let Some(waker) = self.waker.borrow_mut().as_mut() {
            waker.rearm(writable, deadline);
        }
    }

    /// There is nothing any more, but there has been.
    fn keep_totals(&self, driver: &mut Driver) {
        // The driver may be broken.
        let statistics = catch_unwind(AssertUnwindSafe(|| driver.core.last_statistics())).unwrap_or_default();
        self.last_statistics.set(Statistics {
            connections: 0,
            pending_handshakes: 0,
            timers: 0,
            ..statistics
        });
    }

    fn shut_down(&self) {
        if let Some(mut driver) = self.driver.borrow_mut().take() {
            self.keep_totals(&mut driver);
        }
        let waker = self.waker.borrow_mut().take();
        drop(waker);
    }
}

impl Turner for LiveEndpoint {
    fn turn(&self, ready: Ready) {
        if self.in_turn.replace(true) {
            return;
        }
        if ready.timer
            && let Some(waker) = self.waker.borrow_mut().as_mut()
        {
            waker.expired();
        }
        self.with((), |driver| driver.begin(ready.readable, ready.writable));
        for _ in 0..DELIVERY_ROUNDS {
            if !self.with(false, |driver| !driver.events().is_empty()) {
                break;
            }
            if !self.callback.call() {
                self.in_turn.set(false);
                return;
            }
            self.with((), |driver| driver.core.process());
        }
        self.in_turn.set(false);
        self.end_turn();
        if self.is_closed() {
            // The last call: JavaScript finds out whether the endpoint has closed or failed.
            let waker = self.waker.borrow_mut().take();
            drop(waker);
            self.callback.call();
            self.callback.release();
        }
    }

    fn environment_ends(&self) {
        self.shut_down();
    }
}
