//! The UDP socket: batches in, segments out (GRO, GSO and ECN where the platform has them).

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Instant;

use bytes::BytesMut;
use quinn_udp::{BATCH_SIZE, EcnCodepoint, RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Type};
use tswebtransport_core::quinn_proto::{self, Transmit};
use tswebtransport_core::{Arrival, Core, SendOutcome};

use crate::fault::Fault;

/// Asked of the kernel for each direction: its default loses packets as soon as JavaScript is busy for a millisecond.
const SOCKET_BUFFER: usize = 2 * 1024 * 1024;

/// Most `recvmmsg` calls in one turn. The rest waits for the next turn, so that sending and timers are not delayed.
const RECEIVE_ROUNDS: usize = 8;

/// Segments of one GSO send. More would be faster still, but a burst of more is likelier to overflow a small buffer.
const MOST_SEGMENTS: usize = 16;

pub(crate) struct Socket {
    pub(crate) io: UdpSocket,
    state: UdpSocketState,
    buffers: Vec<u8>,
    buffer_size: usize,
    /// A transmit that the kernel did not take yet.
    blocked: Option<(Transmit, Vec<u8>)>,
}

impl Socket {
    pub(crate) fn bind(address: SocketAddr, reuse_port: bool, max_payload: u64) -> Result<Self, Fault> {
        let io = open(address, reuse_port).map_err(|error| Fault::of_bind(&error))?;
        Self::new(io, max_payload)
    }

    /// Works on a duplicate of a bound socket.
    pub(crate) fn adopt(descriptor: f64, max_payload: u64) -> Result<Self, Fault> {
        Self::new(adopted::duplicate(descriptor)?, max_payload)
    }

    fn new(io: UdpSocket, max_payload: u64) -> Result<Self, Fault> {
        let state = UdpSocketState::new(UdpSockRef::from(&io)).map_err(|error| Fault::new("internal", error))?;
        let buffer_size = (max_payload as usize * state.gro_segments()).min(usize::from(u16::MAX));
        Ok(Self {
            io,
            state,
            buffers: vec![0; buffer_size * BATCH_SIZE],
            buffer_size,
            blocked: None,
        })
    }

    pub(crate) fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }

    pub(crate) fn max_segments(&self) -> usize {
        self.state.max_gso_segments().min(MOST_SEGMENTS)
    }

    /// Receive and send buffer as the kernel granted them.
    pub(crate) fn buffer_sizes(&self) -> [usize; 2] {
        let socket = || UdpSockRef::from(&self.io);
        [
            self.state.recv_buffer_size(socket()).unwrap_or(0),
            self.state.send_buffer_size(socket()).unwrap_or(0),
        ]
    }

    /// Hands what has arrived to the core. Returns true when more may be waiting.
    pub(crate) fn receive(&mut self, core: &mut Core) -> bool {
        let Self {
            io,
            state,
            buffers,
            buffer_size,
            ..
        } = self;
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        for _ in 0..RECEIVE_ROUNDS {
            let mut free = buffers.chunks_exact_mut(*buffer_size);
            let mut slices: [IoSliceMut; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(free.next().unwrap_or_default()));
            // An error means that nothing is there, or is an ICMP message about one peer, which must not disturb the others.
            let Ok(count) = state.recv(UdpSockRef::from(&*io), &mut slices, &mut metas) else {
                return false;
            };
            let now = Instant::now();
            for (meta, slice) in metas.iter().zip(&slices).take(count) {
                let ecn = meta.ecn.and_then(|ecn| quinn_proto::EcnCodepoint::from_bits(ecn as u8));
                let mut data = BytesMut::from(&slice[..meta.len]);
                while !data.is_empty() {
                    let datagram = data.split_to(meta.stride.min(data.len()));
                    core.receive(
                        now,
                        Arrival::Socket,
                        meta.addr,
                        meta.dst_ip,
                        ecn,
                        datagram,
                        &mut |transmit, contents| {
                            let _ = send(state, io, transmit, contents);
                        },
                    );
                }
            }
            if count < BATCH_SIZE {
                return false;
            }
        }
        true
    }

    /// Hands a packet to the core that another endpoint has received.
    pub(crate) fn receive_forwarded(
        &mut self,
        core: &mut Core,
        remote: SocketAddr,
        local_ip: Option<IpAddr>,
        packet: BytesMut,
    ) {
        let Self { io, state, .. } = self;
        core.receive(
            Instant::now(),
            Arrival::Forwarded,
            remote,
            local_ip,
            None,
            packet,
            &mut |transmit, contents| {
                let _ = send(state, io, transmit, contents);
            },
        );
    }

    pub(crate) fn send(&mut self, transmit: &Transmit, contents: &[u8]) -> SendOutcome {
        match send(&self.state, &self.io, transmit, contents) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.blocked = Some((copy(transmit), contents.to_vec()));
                SendOutcome::Blocked
            }
            // Whatever else the kernel says, QUIC treats the packet as lost.
            _ => SendOutcome::Sent,
        }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// Tries what was blocked again.
    pub(crate) fn retry_blocked(&mut self) {
        if let Some((transmit, contents)) = self.blocked.take() {
            self.send(&transmit, &contents);
        }
    }
}

/// A bound socket with buffers of our size.
pub(crate) fn open(address: SocketAddr, reuse_port: bool) -> io::Result<UdpSocket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if matches!(address.ip(), IpAddr::V6(ip) if ip.is_unspecified()) {
        socket.set_only_v6(false)?;
    }
    #[cfg(unix)]
    if reuse_port {
        socket.set_reuse_port(true)?;
    }
    #[cfg(not(unix))]
    let _ = reuse_port;
    enlarge_buffers(&socket);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The kernel grants what its limits allow; `diagnoseIssues` tells when that is too little.
fn enlarge_buffers(socket: &socket2::Socket) {
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
}

/// Sockets that somebody else has bound.
#[cfg(unix)]
mod adopted {
    use std::io;
    use std::net::UdpSocket;
    use std::os::fd::{FromRawFd, OwnedFd};

    use crate::fault::Fault;

    /// The lowest number that a duplicate may get: the first three are the standard streams.
    const LEAST_DESCRIPTOR: libc::c_int = 3;

    pub(super) fn duplicate(descriptor: f64) -> Result<UdpSocket, Fault> {
        let invalid = |why: &str| {
            let text = format!("descriptor must be that of a bound UDP socket: {descriptor} {why}");
            Fault::new("invalid-option", text)
        };
        let number = descriptor as libc::c_int;
        if f64::from(number) != descriptor {
            return Err(invalid("is no descriptor"));
        }
        // SAFETY: the call has no effect on memory, and fails for what is no open descriptor.
        let duplicate = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, LEAST_DESCRIPTOR) };
        if duplicate < 0 {
            return Err(match io::Error::last_os_error() {
                error if error.raw_os_error() == Some(libc::EBADF) => invalid("is not open"),
                error => Fault::new("internal", error),
            });
        }
        // SAFETY: the descriptor is new, and nobody else has it.
        let socket = socket2::Socket::from(unsafe { OwnedFd::from_raw_fd(duplicate) });
        match socket.r#type() {
            Ok(socket2::Type::DGRAM) => {}
            Ok(_) => return Err(invalid("is another kind of socket")),
            Err(_) => return Err(invalid("is no socket")),
        }
        #[cfg(target_os = "linux")]
        if !matches!(socket.protocol(), Ok(Some(socket2::Protocol::UDP))) {
            return Err(invalid("is another kind of socket"));
        }
        match socket.local_addr().map(|address| address.as_socket()) {
            Ok(Some(address)) if address.port() != 0 => {}
            Ok(Some(_)) => return Err(invalid("is not bound")),
            _ => return Err(invalid("is another kind of socket")),
        }
        super::enlarge_buffers(&socket);
        Ok(socket.into())
    }
}

#[cfg(not(unix))]
mod adopted {
    use std::net::UdpSocket;

    use crate::fault::Fault;

    pub(super) fn duplicate(_: f64) -> Result<UdpSocket, Fault> {
        Err(Fault::new(
            "invalid-option",
            "descriptor: this platform cannot pass sockets to another process",
        ))
    }
}

fn send(state: &UdpSocketState, io: &UdpSocket, transmit: &Transmit, contents: &[u8]) -> io::Result<()> {
    state.try_send(
        UdpSockRef::from(io),
        &quinn_udp::Transmit {
            destination: transmit.destination,
            ecn: transmit.ecn.and_then(|ecn| EcnCodepoint::from_bits(ecn as u8)),
            contents,
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
        },
    )
}

fn copy(transmit: &Transmit) -> Transmit {
    Transmit {
        destination: transmit.destination,
        ecn: transmit.ecn,
        size: transmit.size,
        segment_size: transmit.segment_size,
        src_ip: transmit.src_ip,
    }
}
