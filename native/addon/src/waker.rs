//! Wakers say when a turn is due. Which waker is used depends on the runtime.

use std::net::UdpSocket;
use std::rc::Weak;

use napi::Env;

use crate::driver::Deadline;
use crate::fault::Fault;
use crate::poll::PollWaker;
use crate::turn::Turner;
#[cfg(target_os = "linux")]
use crate::uv::UvWaker;

pub(crate) enum Waker {
    #[cfg(target_os = "linux")]
    Uv(UvWaker),
    Poll(PollWaker),
}

impl Waker {
    pub(crate) fn new(name: &str, env: &Env, socket: UdpSocket, turner: Weak<dyn Turner>) -> Result<Self, Fault> {
        match name {
            #[cfg(target_os = "linux")]
            "uv" => Ok(Self::Uv(UvWaker::new(env, socket, turner)?)),
            "poll" => Ok(Self::Poll(PollWaker::new(env, socket, turner)?)),
            other => Err(Fault::new(
                "unavailable",
                format!("no such waker on this platform: {other}"),
            )),
        }
    }

    /// `writable`: a turn is also due when the socket takes packets again.
    pub(crate) fn rearm(&mut self, writable: bool, deadline: Deadline) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Uv(waker) => waker.rearm(writable, deadline),
            Self::Poll(waker) => waker.rearm(writable, deadline),
        }
    }

    /// The timer has fired.
    pub(crate) fn expired(&mut self) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Uv(waker) => waker.expired(),
            Self::Poll(_) => {}
        }
    }

    /// Whether the waker keeps the process alive.
    pub(crate) fn set_referenced(&self, referenced: bool) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Uv(waker) => waker.set_referenced(referenced),
            Self::Poll(waker) => waker.set_referenced(referenced),
        }
    }
}
