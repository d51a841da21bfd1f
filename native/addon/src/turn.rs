//! What wakers call.

/// Why a turn is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) timer: bool,
}

/// An endpoint as its waker sees it. All calls come on the JavaScript thread.
pub(crate) trait Turner {
    fn turn(&self, ready: Ready);
    /// No further call into JavaScript is possible: drops the waker.
    fn environment_ends(&self);
}
