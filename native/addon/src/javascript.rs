//! The few calls of Node-API that napi-rs has no safe form for.

use std::cell::Cell;
use std::ffi::c_void;
use std::{ptr, slice};

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

    /// Calls the function. If no JavaScript was running, microtasks run before this returns. False: the environment is
    /// shutting down.
    pub(crate) fn call(&self) -> bool {
        // SAFETY: this runs on the environment's thread, between its creation and its clean-up hook (which drops the
        // waker that calls). Every status is checked: a worker that is being terminated refuses these calls.
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

/// A Uint8Array among a call's arguments. Its bytes are copied at once: napi-rs registers every slice that it lends, which
/// takes longer than the copy of a datagram.
pub struct ByteArgument {
    env: sys::napi_env,
    value: sys::napi_value,
}

impl FromNapiValue for ByteArgument {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        Ok(Self { env, value })
    }
}

impl ByteArgument {
    /// The bytes of the arguments, one behind the other.
    pub(crate) fn copied<const N: usize>(arguments: [Self; N]) -> napi::Result<Bytes> {
        let mut parts: [&[u8]; N] = [&[]; N];
        for (part, argument) in parts.iter_mut().zip(&arguments) {
            let (data, length) = argument.memory()?;
            if length > 0 {
                // SAFETY: an argument lives as long as its call, and no JavaScript runs until its bytes are copied.
                *part = unsafe { slice::from_raw_parts(data, length) };
            }
        }
        Ok(parts.concat().into())
    }

    /// Writes `contents` to the argument's beginning. False: they do not fit.
    pub(crate) fn overwrite(&self, contents: &[u8]) -> napi::Result<bool> {
        let (data, length) = self.memory()?;
        if contents.len() > length {
            return Ok(false);
        }
        if !contents.is_empty() {
            // SAFETY: there is room, and JavaScript, the memory's only other user, waits for this call.
            unsafe { ptr::copy_nonoverlapping(contents.as_ptr(), data, contents.len()) };
        }
        Ok(true)
    }

    fn memory(&self) -> napi::Result<(*mut u8, usize)> {
        let (kind, data, length) = typed_array(self.env, self.value)?;
        if kind != sys::TypedarrayType::uint8_array {
            return Err(napi::Error::new(Status::InvalidArg, "a Uint8Array is needed"));
        }
        Ok((data.cast(), length))
    }
}

/// A Float64Array among a call's arguments, which the call fills.
pub struct NumbersArgument {
    env: sys::napi_env,
    value: sys::napi_value,
}

impl FromNapiValue for NumbersArgument {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        Ok(Self { env, value })
    }
}

impl NumbersArgument {
    /// `action` must not call JavaScript.
    pub(crate) fn fill<T>(&mut self, action: impl FnOnce(&mut [f64]) -> T) -> napi::Result<T> {
        let (kind, data, length) = typed_array(self.env, self.value)?;
        if kind != sys::TypedarrayType::float64_array {
            return Err(napi::Error::new(Status::InvalidArg, "a Float64Array is needed"));
        }
        let numbers: &mut [f64] = match length {
            0 => &mut [],
            // SAFETY: the array lives as long as its call, its numbers are aligned as ECMAScript has them, and JavaScript,
            // the memory's only other user, waits for `action`.
            _ => unsafe { slice::from_raw_parts_mut(data.cast(), length) },
        };
        Ok(action(numbers))
    }
}

/// The kind of the typed array that a value is, its memory, and how many elements it has.
fn typed_array(env: sys::napi_env, value: sys::napi_value) -> napi::Result<(i32, *mut c_void, usize)> {
    let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
    let (buffer, offset) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the value is an argument of the call that runs, and the places that are written to are this function's.
    check(unsafe { sys::napi_get_typedarray_info(env, value, &mut kind, &mut length, &mut data, buffer, offset) })?;
    Ok((kind, data, length))
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
