//! Memory that many connections have left behind goes back to the system.

/// The allocator is asked only after a peak of at least so many connections: fewer leave little behind.
const LEAST_PEAK: usize = 64;

/// Watches the number of connections, and gives memory back once most of a peak has ended. glibc alone keeps what was
/// freed between longer-lived allocations: tens of megabytes after a thousand connections.
#[derive(Default)]
pub(crate) struct MemoryReturn {
    peak: usize,
}

impl MemoryReturn {
    pub(crate) fn observe(&mut self, connections: usize) {
        self.peak = self.peak.max(connections);
        if self.peak >= LEAST_PEAK && connections <= self.peak / 4 {
            self.peak = connections;
            give_back();
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_back() {
    // SAFETY: glibc's malloc_trim takes its own locks and touches free memory only.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() {}
