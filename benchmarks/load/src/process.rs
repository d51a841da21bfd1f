//! What Linux tells about the server's process.

use std::time::Duration;

/// Ticks a second of `/proc/<pid>/stat`: fixed to 100 in Linux's interface to user space (USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;

/// The sum over these processes; `None` for no process, or where one cannot be read.
pub fn cpu_time_of_all(pids: &[u32]) -> Option<Duration> {
    let first = cpu_time(*pids.first()?)?;
    pids[1..].iter().try_fold(first, |sum, pid| Some(sum + cpu_time(*pid)?))
}

/// User plus system time of all threads of a process; `None` where there is no `/proc`, or no such process.
pub fn cpu_time(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the command's name in parentheses and may itself hold spaces and parentheses.
    let mut fields = stat[stat.rfind(')')? + 2..].split(' ');
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_secs_f64((user + system) as f64 / TICKS_PER_SECOND))
}
