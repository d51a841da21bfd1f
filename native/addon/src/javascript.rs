//! The few calls of Node-API that napi-rs has no safe form for.

use std::cell::Cell;
use std::ptr;

use bytes::Bytes;
use napi::bindgen_prelude::{FromNapiValue, Object};
use napi::{Env, Status, sys};

/// A JavaScript function that is called without arguments from the event loop.
pub(crate) struct Callback {
    env: sys::napi_env,
    /// Null once released.
    reference: Cell<sys::napi_ref>,
}

impl Callback {
    pub(crate) fn new(env: &Env, function: sys::napi_value) -> napi::Result<Self> {
        let mut reference = ptr::null_mut();
        // SAFETY: `function` is a live value of this environment.
        check(unsafe { sys::napi_create_reference(env.raw(), function, 1, &mut reference) })?;
        Ok(Self {
            env: env.raw(),
            reference: Cell::new(reference),
        })
    }

    /// Calls it; microtasks run before this returns when no JavaScript was running. False: the environment goes down.
    pub(crate) fn call(&self) -> bool {
        // SAFETY: this runs on the environment's thread, between its creation and its clean-up hook (which drops the
        // waker that calls). Every status is looked at: a worker that is being terminated refuses any of these calls.
        unsafe {
            if self.reference.get().is_null() {
                return false;
            }
            let mut scope = ptr::null_mut();
            if sys::napi_open_handle_scope(self.env, &mut scope) != sys::Status::napi_ok {
                return false;
            }
            let called = self.call_in_scope();
            sys::napi_close_handle_scope(self.env, scope);
            called
        }
    }

    unsafe fn call_in_scope(&self) -> bool {
        let (mut function, mut global, mut result) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: as in `call`.
        unsafe {
            if sys::napi_get_reference_value(self.env, self.reference.get(), &mut function) != sys::Status::napi_ok
                || function.is_null()
                || sys::napi_get_global(self.env, &mut global) != sys::Status::napi_ok
            {
                return false;
            }
            let no_context = ptr::null_mut();
            let no_arguments = ptr::null();
            match sys::napi_make_callback(self.env, no_context, global, function, 0, no_arguments, &mut result) {
                sys::Status::napi_ok => true,
                sys::Status::napi_pending_exception => {
                    let mut exception = ptr::null_mut();
                    if sys::napi_get_and_clear_last_exception(self.env, &mut exception) == sys::Status::napi_ok {
                        sys::napi_fatal_exception(self.env, exception);
                    }
                    true
                }
                _ => false,
            }
        }
    }

    /// Lets the function be collected.
    pub(crate) fn release(&self) {
        let reference = self.reference.replace(ptr::null_mut());
        if !reference.is_null() {
            // SAFETY: the reference is this object's own, and nobody can get at it any more.
            unsafe { sys::napi_delete_reference(self.env, reference) };
        }
    }
}

/// A new ArrayBuffer with the bytes of all pieces.
pub(crate) fn array_buffer<'env>(env: &'env Env, pieces: &[Bytes]) -> napi::Result<Object<'env>> {
    let length = pieces.iter().map(Bytes::len).sum();
    let (mut data, mut value) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the buffer is new and `length` bytes long, so nobody else sees it while it is filled.
    unsafe {
        check(sys::napi_create_arraybuffer(env.raw(), length, &mut data, &mut value))?;
        let mut target = data.cast::<u8>();
        for piece in pieces {
            ptr::copy_nonoverlapping(piece.as_ptr(), target, piece.len());
            target = target.add(piece.len());
        }
        Object::from_napi_value(env.raw(), value)
    }
}

pub(crate) fn check(status: sys::napi_status) -> napi::Result<()> {
    if status == sys::Status::napi_ok {
        return Ok(());
    }
    Err(napi::Error::new(Status::from(status), "Node-API refused a call"))
}
