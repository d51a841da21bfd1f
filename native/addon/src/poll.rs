//! The `poll` waker: a thread that waits for the socket and the deadline and asks the JavaScript thread for a turn.

use std::ffi::c_void;
use std::net::UdpSocket;
use std::ptr;
use std::rc::Weak;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use napi::{Env, sys};
use polling::{Event, Events, Poller};

use crate::driver::Deadline;
use crate::fault::Fault;
use crate::javascript::check;
use crate::turn::{Ready, Turner};

const SOCKET_KEY: usize = 1;

/// What the thread and the JavaScript thread share.
struct Shared {
    poller: Poller,
    deadline: Mutex<Option<Instant>>,
    stopping: AtomicBool,
}

/// The thread, its socket's registration and its threadsafe function. Dropping it ends all three.
pub(crate) struct PollWaker {
    shared: Arc<Shared>,
    socket: UdpSocket,
    thread: Option<JoinHandle<()>>,
    calls: Calls,
    /// The threadsafe function's, freed by its finalizer.
    context: *mut Weak<dyn Turner>,
    env: sys::napi_env,
}

/// A threadsafe function; any thread may call it until it is released.
#[derive(Clone, Copy)]
struct Calls(sys::napi_threadsafe_function);

// SAFETY: calling a threadsafe function from other threads is its purpose.
unsafe impl Send for Calls {}

impl PollWaker {
    pub(crate) fn new(env: &Env, socket: UdpSocket, turner: Weak<dyn Turner>) -> Result<Self, Fault> {
        let internal = |error: std::io::Error| Fault::new("internal", error);
        let shared = Arc::new(Shared {
            poller: Poller::new().map_err(internal)?,
            deadline: Mutex::new(None),
            stopping: AtomicBool::new(false),
        });
        let (calls, context) = new_calls(env, turner).map_err(|error| Fault::new("internal", error))?;
        let mut waker = Self {
            shared,
            socket,
            thread: None,
            calls,
            context,
            env: env.raw(),
        };
        // SAFETY: the waker deletes the registration before it closes its descriptor, and removes the hook before the
        // context is freed. The hook runs before the threadsafe function's own, which was added earlier.
        unsafe {
            waker
                .shared
                .poller
                .add(&waker.socket, Event::readable(SOCKET_KEY))
                .map_err(internal)?;
            sys::napi_add_env_cleanup_hook(env.raw(), Some(clean_up), context.cast());
        }
        let thread = std::thread::Builder::new().name("quic-waker".into()).spawn({
            let shared = waker.shared.clone();
            move || wait(&shared, calls)
        });
        waker.thread = Some(thread.map_err(internal)?);
        Ok(waker)
    }

    pub(crate) fn rearm(&self, writable: bool, deadline: Deadline) {
        let interest = Event::new(SOCKET_KEY, true, writable);
        let _ = self.shared.poller.modify(&self.socket, interest);
        let wanted = match deadline {
            Deadline::Now => Some(Instant::now()),
            Deadline::At(instant) => Some(instant),
            Deadline::Never => None,
        };
        let mut armed = self.shared.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        // A deadline that became later is not re-armed: the turn at the old deadline finds nothing to do.
        if let Some(wanted) = wanted
            && armed.is_none_or(|armed| wanted < armed)
        {
            *armed = Some(wanted);
            drop(armed);
            let _ = self.shared.poller.notify();
        }
    }

    pub(crate) fn set_referenced(&self, referenced: bool) {
        // SAFETY: the threadsafe function is released only when the waker is dropped.
        unsafe {
            if referenced {
                sys::napi_ref_threadsafe_function(self.env, self.calls.0);
            } else {
                sys::napi_unref_threadsafe_function(self.env, self.calls.0);
            }
        }
    }
}

impl Drop for PollWaker {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        let _ = self.shared.poller.notify();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = self.shared.poller.delete(&self.socket);
        // SAFETY: the thread, the only other caller, has ended; removing a hook that was never added does nothing.
        unsafe {
            sys::napi_remove_env_cleanup_hook(self.env, Some(clean_up), self.context.cast());
            sys::napi_release_threadsafe_function(self.calls.0, sys::ThreadsafeFunctionReleaseMode::abort);
        }
    }
}

/// The thread: it never touches the socket or the core, it only waits.
fn wait(shared: &Shared, calls: Calls) {
    let mut events = Events::new();
    loop {
        let deadline = *shared.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        events.clear();
        if shared.poller.wait(&mut events, timeout).is_err() {
            // An interruption, or an error that will repeat: pause, so that this does not spin.
            std::thread::sleep(Duration::from_millis(1));
        }
        if shared.stopping.load(Ordering::Acquire) {
            return;
        }
        let mut reasons = 0;
        for event in events.iter() {
            reasons |= (READABLE * usize::from(event.readable)) | (WRITABLE * usize::from(event.writable));
        }
        let mut deadline = shared.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            *deadline = None;
            reasons |= TIMER;
        }
        drop(deadline);
        if reasons == 0 {
            continue;
        }
        // SAFETY: the threadsafe function is released only after this thread has been joined.
        let status = unsafe {
            let mode = sys::ThreadsafeFunctionCallMode::nonblocking;
            sys::napi_call_threadsafe_function(calls.0, ptr::without_provenance_mut(reasons), mode)
        };
        if status != sys::Status::napi_ok {
            return;
        }
    }
}

const READABLE: usize = 1;
const WRITABLE: usize = 2;
const TIMER: usize = 4;

fn new_calls(env: &Env, turner: Weak<dyn Turner>) -> napi::Result<(Calls, *mut Weak<dyn Turner>)> {
    let (mut name, mut calls) = (ptr::null_mut(), ptr::null_mut());
    let context = Box::into_raw(Box::new(turner));
    // SAFETY: the context is freed by the finalizer, which runs after the last call.
    unsafe {
        check(sys::napi_create_string_utf8(
            env.raw(),
            c"quic-waker".as_ptr(),
            10,
            &mut name,
        ))?;
        check(sys::napi_create_threadsafe_function(
            env.raw(),
            ptr::null_mut(),
            ptr::null_mut(),
            name,
            0,
            1,
            ptr::null_mut(),
            Some(finalize),
            context.cast(),
            Some(on_call),
            &mut calls,
        ))?;
    }
    Ok((Calls(calls), context))
}

unsafe extern "C" fn finalize(_env: sys::napi_env, _data: *mut c_void, context: *mut c_void) {
    // SAFETY: made by `new_calls`; the finalizer runs once.
    drop(unsafe { Box::from_raw(context.cast::<Weak<dyn Turner>>()) });
}

/// The environment ends (a worker was terminated, the process exits).
unsafe extern "C" fn clean_up(context: *mut c_void) {
    // SAFETY: the context lives until the finalizer has run, which comes later.
    let turner = unsafe { (*context.cast::<Weak<dyn Turner>>()).upgrade() };
    if let Some(turner) = turner {
        turner.environment_ends();
    }
}

unsafe extern "C" fn on_call(
    env: sys::napi_env,
    _function: sys::napi_value,
    context: *mut c_void,
    reasons: *mut c_void,
) {
    // No environment: Node-API is only emptying the queue.
    if env.is_null() {
        return;
    }
    // SAFETY: the context lives until the finalizer has run.
    let turner = unsafe { (*context.cast::<Weak<dyn Turner>>()).upgrade() };
    let reasons = reasons.addr();
    if let Some(turner) = turner {
        turner.turn(Ready {
            readable: reasons & READABLE != 0,
            writable: reasons & WRITABLE != 0,
            timer: reasons & TIMER != 0,
        });
    }
}
