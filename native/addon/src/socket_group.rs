//! The sockets of one UDP port that the workers of a cluster read.

use std::cell::RefCell;
use std::net::{SocketAddr, UdpSocket};

use napi_derive::napi;

use crate::endpoint::LocalAddress;
use crate::fault::{Fault, caught};
use crate::options::socket_address;
use crate::steering::{shares, slot_count, workers};

/// Sockets by slot; or one, which stands for every slot.
#[napi(js_name = "NativeSocketGroup")]
pub struct NativeSocketGroup {
    sockets: RefCell<Vec<UdpSocket>>,
    local: SocketAddr,
    slots: u16,
}

#[napi]
impl NativeSocketGroup {
    #[napi(constructor)]
    pub fn new(host: String, port: u16, slots: f64, steered: bool) -> napi::Result<Self> {
        caught(|| Ok(Self::bind(socket_address(&host, port)?, slots, steered)?))
    }

    #[napi]
    pub fn local_address(&self) -> LocalAddress {
        LocalAddress {
            host: self.local.ip().to_string(),
            port: self.local.port(),
        }
    }

    /// The descriptors of the sockets; none once the group is closed.
    #[napi]
    pub fn descriptors(&self) -> Vec<i32> {
        platform::descriptors(&self.sockets.borrow())
    }

    #[napi]
    pub fn steer(&self, active: Vec<f64>, reading: Vec<f64>, parts: Option<Vec<f64>>) -> napi::Result<()> {
        caught(|| Ok(self.set_program(&active, &reading, parts.as_deref())?))
    }

    #[napi]
    pub fn close(&self) {
        self.sockets.borrow_mut().clear();
    }
}

impl NativeSocketGroup {
    fn bind(address: SocketAddr, slots: f64, steered: bool) -> Result<Self, Fault> {
        let slots = slot_count("slots", slots)?;
        let sockets = platform::bind(address, if steered { slots } else { 1 })?;
        let first = sockets.first().map(UdpSocket::local_addr);
        let local = match first {
            Some(Ok(local)) => local,
            _ => return Err(Fault::new("internal", "the socket has no address")),
        };
        Ok(Self {
            sockets: RefCell::new(sockets),
            local,
            slots,
        })
    }

    fn set_program(&self, active: &[f64], reading: &[f64], parts: Option<&[f64]>) -> Result<(), Fault> {
        let active = workers("active", active, self.slots)?;
        let reading = workers("reading", reading, self.slots)?;
        if active.is_empty() {
            return Err(Fault::new("invalid-option", "active must name at least one slot"));
        }
        let active = shares("shares", &active, parts)?;
        let sockets = self.sockets.borrow();
        match sockets.as_slice() {
            [first, _, ..] => platform::steer(first, self.slots, &active, &reading),
            // One socket needs no choice.
            _ => Ok(()),
        }
    }
}

#[cfg(unix)]
mod platform {
    use std::net::{SocketAddr, UdpSocket};
    use std::os::fd::AsRawFd;

    use crate::fault::Fault;
    use crate::socket;

    /// One socket without an option that would let another program bind the address as well. On Linux further ones join.
    pub(super) fn bind(address: SocketAddr, count: u16) -> Result<Vec<UdpSocket>, Fault> {
        let of_bind = |error| Fault::of_bind(&error);
        let first = socket::open(address, false).map_err(of_bind)?;
        #[cfg(target_os = "linux")]
        if count > 1 {
            return super::linux::join(first, count);
        }
        #[cfg(not(target_os = "linux"))]
        if count > 1 {
            return Err(Fault::new(
                "invalid-option",
                "mode must be \"shared\": this platform has no \"bpf\"",
            ));
        }
        Ok(vec![first])
    }

    pub(super) fn descriptors(sockets: &[UdpSocket]) -> Vec<i32> {
        sockets.iter().map(AsRawFd::as_raw_fd).collect()
    }

    #[cfg(target_os = "linux")]
    pub(super) use super::linux::steer;

    #[cfg(not(target_os = "linux"))]
    pub(super) fn steer(_: &UdpSocket, _: u16, _: &tswebtransport_core::Shares, _: &[u16]) -> Result<(), Fault> {
        Ok(())
    }
}

#[cfg(not(unix))]
mod platform {
    use std::net::{SocketAddr, UdpSocket};

    use crate::fault::Fault;

    pub(super) fn bind(_: SocketAddr, _: u16) -> Result<Vec<UdpSocket>, Fault> {
        Err(Fault::new(
            "unavailable",
            "processes cannot share UDP sockets on this platform",
        ))
    }

    pub(super) fn descriptors(_: &[UdpSocket]) -> Vec<i32> {
        Vec::new()
    }

    pub(super) fn steer(_: &UdpSocket, _: u16, _: &tswebtransport_core::Shares, _: &[u16]) -> Result<(), Fault> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    use socket2::SockRef;
    use tswebtransport_core::{Instruction, Shares, SteeringProgram};

    use crate::fault::Fault;
    use crate::socket;

    /// Binds the other sockets of the group; a socket's index in it is the order of binding. The first was bound without
    /// SO_REUSEPORT, so a second group cannot be bound to the address: its first socket is refused. A program of the same
    /// user that binds with SO_REUSEPORT is let in by Linux, but gets an index that the steering program never returns.
    pub(super) fn join(first: UdpSocket, count: u16) -> Result<Vec<UdpSocket>, Fault> {
        let of_bind = |error: std::io::Error| Fault::of_bind(&error);
        SockRef::from(&first).set_reuse_port(true).map_err(of_bind)?;
        let address = first.local_addr().map_err(of_bind)?;
        let mut sockets = vec![first];
        for _ in 1..count {
            sockets.push(socket::open(address, true).map_err(of_bind)?);
            // At once: without a program the kernel spreads packets over the sockets by their addresses.
            if let [first, _] = sockets.as_slice() {
                steer(first, count, &Shares::even(&[0]), &[])?;
            }
        }
        Ok(sockets)
    }

    /// Puts a program in the place of the group's present one.
    pub(super) fn steer(socket: &UdpSocket, slots: u16, active: &Shares, reading: &[u16]) -> Result<(), Fault> {
        let program = SteeringProgram::new(slots, active, reading);
        let mut filters: Vec<_> = program.instructions().iter().map(sock_filter).collect();
        let length = filters.len() as libc::c_ushort;
        let program = libc::sock_fprog {
            len: length,
            filter: filters.as_mut_ptr(),
        };
        // SAFETY: the kernel copies the program, which lives until the call returns.
        let status = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_REUSEPORT_CBPF,
                (&raw const program).cast(),
                size_of_val(&program) as libc::socklen_t,
            )
        };
        if status != 0 {
            let error = std::io::Error::last_os_error();
            let text = format!("the kernel does not take the steering program: {error}");
            return Err(Fault::new("internal", text));
        }
        Ok(())
    }

    fn sock_filter(instruction: &Instruction) -> libc::sock_filter {
        libc::sock_filter {
            code: instruction.code,
            jt: instruction.if_true,
            jf: instruction.if_false,
            k: instruction.operand,
        }
    }
}
