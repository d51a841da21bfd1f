//! The `uv` waker: the socket and a timerfd as `uv_poll` handles on Node's own event loop. libuv's functions are looked
//! up at run time, because other runtimes that load addons have none.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::rc::Weak;
use std::sync::OnceLock;
use std::time::Instant;

use napi::{Env, sys};

use crate::driver::Deadline;
use crate::fault::Fault;
use crate::javascript::check;
use crate::turn::{Ready, Turner};

type Handle = *mut c_void;
type PollCallback = extern "C" fn(Handle, c_int, c_int);
type CloseCallback = extern "C" fn(Handle);

const READABLE: c_int = 1;
const WRITABLE: c_int = 2;
/// `UV_POLL` of libuv's `uv_handle_type`.
const UV_POLL: c_int = 8;

struct Uv {
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    set_data: unsafe extern "C" fn(Handle, *mut c_void),
    get_data: unsafe extern "C" fn(Handle) -> *mut c_void,
    poll_init: unsafe extern "C" fn(*mut c_void, Handle, c_int) -> c_int,
    poll_start: unsafe extern "C" fn(Handle, c_int, PollCallback) -> c_int,
    close: unsafe extern "C" fn(Handle, CloseCallback),
    reference: unsafe extern "C" fn(Handle),
    unreference: unsafe extern "C" fn(Handle),
    strerror: unsafe extern "C" fn(c_int) -> *const c_char,
}

/// libuv's functions, or `None` where the runtime is not built on libuv.
fn uv() -> Option<&'static Uv> {
    static UV: OnceLock<Option<Uv>> = OnceLock::new();
    UV.get_or_init(|| {
        // SAFETY: the signatures are those of libuv 1, whose ABI is stable.
        unsafe {
            Some(Uv {
                handle_size: symbol(c"uv_handle_size")?,
                set_data: symbol(c"uv_handle_set_data")?,
                get_data: symbol(c"uv_handle_get_data")?,
                poll_init: symbol(c"uv_poll_init")?,
                poll_start: symbol(c"uv_poll_start")?,
                close: symbol(c"uv_close")?,
                reference: symbol(c"uv_ref")?,
                unreference: symbol(c"uv_unref")?,
                strerror: symbol(c"uv_strerror")?,
            })
        }
    })
    .as_ref()
}

/// # Safety
/// `F` must be the type of the function with that name.
unsafe fn symbol<F: Copy>(name: &CStr) -> Option<F> {
    assert_eq!(size_of::<F>(), size_of::<*mut c_void>());
    // SAFETY: dlsym only reads the name; a pointer that is not null is the function, of the type the caller vouches for.
    unsafe {
        let address = libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr());
        (!address.is_null()).then(|| std::mem::transmute_copy(&address))
    }
}

/// The data of both handles. It lives until both have closed.
struct Shared {
    turner: Weak<dyn Turner>,
    /// Stays open until libuv has let go of it.
    socket: Option<UdpSocket>,
    timer: OwnedFd,
    handles: [Handle; 2],
    open_handles: usize,
    /// What libuv polls the socket for; 0 when it has stopped.
    interest: c_int,
    /// Set when the environment's clean-up waits for the handles.
    hook: sys::napi_async_cleanup_hook_handle,
}

/// Two handles on the loop. Dropping it closes them.
pub(crate) struct UvWaker {
    shared: *mut Shared,
    uv: &'static Uv,
    armed: Option<Instant>,
}

impl UvWaker {
    pub(crate) fn new(env: &Env, socket: UdpSocket, turner: Weak<dyn Turner>) -> Result<Self, Fault> {
        let uv = uv().ok_or_else(|| Fault::new("unavailable", "this runtime has no libuv: use the poll waker"))?;
        let internal = |error: napi::Error| Fault::new("internal", error);
        let timer = new_timer().map_err(|error| Fault::new("internal", error))?;
        let mut uv_loop = ptr::null_mut();
        // SAFETY: asks the environment, which is alive, for its loop.
        check(unsafe { sys::napi_get_uv_event_loop(env.raw(), &mut uv_loop) }).map_err(internal)?;
        let descriptors = [socket.as_raw_fd(), timer.as_raw_fd()];
        let shared = Box::into_raw(Box::new(Shared {
            turner,
            socket: Some(socket),
            timer,
            handles: [ptr::null_mut(); 2],
            open_handles: 0,
            interest: READABLE,
            hook: ptr::null_mut(),
        }));
        let waker = Self {
            shared,
            uv,
            armed: None,
        };
        let callbacks: [PollCallback; 2] = [on_socket, on_timer];
        for (index, (descriptor, callback)) in descriptors.into_iter().zip(callbacks).enumerate() {
            // SAFETY: the handle is zeroed memory of the size that libuv asks for and stays until its close callback;
            // `shared` stays as long.
            unsafe {
                let handle = libc::calloc(1, (uv.handle_size)(UV_POLL));
                let status = (uv.poll_init)(uv_loop.cast(), handle, descriptor);
                if status != 0 {
                    libc::free(handle);
                    let reason = CStr::from_ptr((uv.strerror)(status)).to_string_lossy();
                    return Err(Fault::new("internal", format!("uv_poll_init: {reason}")));
                }
                (*shared).handles[index] = handle;
                (*shared).open_handles += 1;
                (uv.set_data)(handle, shared.cast());
                (uv.poll_start)(handle, READABLE, callback);
            }
        }
        // SAFETY: `shared` outlives the hook: it is freed when the handles have closed, and the hook is removed first.
        unsafe {
            check(sys::napi_add_async_cleanup_hook(
                env.raw(),
                Some(clean_up),
                shared.cast(),
                &mut (*shared).hook,
            ))
            .map_err(internal)?;
        }
        Ok(waker)
    }

    pub(crate) fn rearm(&mut self, writable: bool, deadline: Deadline) {
        let interest = if writable { READABLE | WRITABLE } else { READABLE };
        // SAFETY: the handles are open as long as the waker is.
        unsafe {
            if interest != (*self.shared).interest {
                (*self.shared).interest = interest;
                (self.uv.poll_start)((*self.shared).handles[0], interest, on_socket);
            }
            match deadline {
                Deadline::Now => {
                    self.armed = None;
                    set_timer((*self.shared).timer.as_raw_fd(), 1);
                }
                Deadline::At(instant) if self.armed != Some(instant) => {
                    self.armed = Some(instant);
                    let nanoseconds = instant.saturating_duration_since(Instant::now()).as_nanos();
                    set_timer(
                        (*self.shared).timer.as_raw_fd(),
                        i64::try_from(nanoseconds).unwrap_or(i64::MAX).max(1),
                    );
                }
                // A deadline that is no longer needed stays armed: the turn that it causes finds nothing to do.
                Deadline::At(_) | Deadline::Never => {}
            }
        }
    }

    /// The timer has fired: nothing is armed.
    pub(crate) fn expired(&mut self) {
        self.armed = None;
    }

    pub(crate) fn set_referenced(&self, referenced: bool) {
        let change = if referenced {
            self.uv.reference
        } else {
            self.uv.unreference
        };
        // SAFETY: the handles are open as long as the waker is.
        unsafe { (*self.shared).handles.iter().for_each(|handle| change(*handle)) };
    }
}

impl Drop for UvWaker {
    fn drop(&mut self) {
        // SAFETY: `shared` is alive: it is freed after the last close callback, and only this closes the handles.
        unsafe {
            if (*self.shared).open_handles == 0 {
                drop(Box::from_raw(self.shared));
                return;
            }
            for handle in (*self.shared).handles {
                if !handle.is_null() {
                    (self.uv.close)(handle, on_close);
                }
            }
            // uv_close has ended the polling: whoever hears that the endpoint has closed can bind its port at once.
            (*self.shared).socket = None;
        }
    }
}

extern "C" fn on_close(handle: Handle) {
    let Some(uv) = uv() else { return };
    // SAFETY: libuv calls this once per handle, which is ours to free; the last one frees what they share.
    unsafe {
        let shared = (uv.get_data)(handle).cast::<Shared>();
        libc::free(handle);
        (*shared).open_handles -= 1;
        if (*shared).open_handles == 0 {
            let shared = Box::from_raw(shared);
            if !shared.hook.is_null() {
                sys::napi_remove_async_cleanup_hook(shared.hook);
            }
        }
    }
}

/// The environment ends, because a worker was terminated or the process exits. The turner drops its waker, if it still has
/// one, and the environment waits until the handles have closed.
unsafe extern "C" fn clean_up(_hook: sys::napi_async_cleanup_hook_handle, data: *mut c_void) {
    // SAFETY: the hook is removed before `shared` is freed.
    let turner = unsafe { (*data.cast::<Shared>()).turner.upgrade() };
    if let Some(turner) = turner {
        turner.environment_ends();
    }
}

extern "C" fn on_socket(handle: Handle, status: c_int, events: c_int) {
    if status < 0 {
        // The descriptor has an error, which receiving reads and so clears. libuv has stopped the handle: the end of the turn
        // starts it again.
        let Some(uv) = uv() else { return };
        // SAFETY: the handle's data is the shared part, which lives as long as the handle.
        unsafe { (*(uv.get_data)(handle).cast::<Shared>()).interest = 0 };
    }
    let readable = status < 0 || events & READABLE != 0;
    wake(
        handle,
        Ready {
            readable,
            writable: events & WRITABLE != 0,
            timer: false,
        },
    );
}

extern "C" fn on_timer(handle: Handle, _status: c_int, _events: c_int) {
    wake(
        handle,
        Ready {
            readable: false,
            writable: false,
            timer: true,
        },
    );
}

fn wake(handle: Handle, ready: Ready) {
    let Some(uv) = uv() else { return };
    // SAFETY: the handle's data is the shared part, which lives as long as the handle; the turner is a strong reference
    // of our own, so that an application that closes the endpoint during the turn frees nothing that is in use.
    let turner = unsafe {
        let shared = (uv.get_data)(handle).cast::<Shared>();
        if ready.timer {
            drain_timer((*shared).timer.as_raw_fd());
        }
        (*shared).turner.upgrade()
    };
    if let Some(turner) = turner {
        turner.turn(ready);
    }
}

fn new_timer() -> io::Result<OwnedFd> {
    // SAFETY: a new descriptor that nobody else owns.
    unsafe {
        let descriptor = libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC);
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(descriptor))
    }
}

/// Fires once, after this many nanoseconds.
fn set_timer(timer: RawFd, nanoseconds: i64) {
    const BILLION: i64 = 1_000_000_000;
    let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let value = libc::timespec {
        tv_sec: nanoseconds / BILLION,
        tv_nsec: nanoseconds % BILLION,
    };
    let setting = libc::itimerspec {
        it_interval: zero,
        it_value: value,
    };
    // SAFETY: the descriptor is open and the setting is only read.
    unsafe { libc::timerfd_settime(timer, 0, &setting, ptr::null_mut()) };
}

fn drain_timer(timer: RawFd) {
    let mut expirations = [0_u8; 8];
    // SAFETY: reads eight bytes into a buffer of eight; the descriptor does not block.
    let _: c_uint = unsafe { libc::read(timer, expirations.as_mut_ptr().cast(), 8) } as c_uint;
}
