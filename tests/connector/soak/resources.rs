//! What the process has taken from the system.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::PATIENCE;

/// What the process has, test and connector together.
#[derive(Clone, Copy)]
pub(crate) struct Resources {
    /// Memory that is resident, in KiB.
    pub(super) memory: usize,
    /// Open descriptors.
    pub(super) descriptors: usize,
    /// Tasks of the runtime that have not ended.
    pub(super) tasks: usize,
}

impl Resources {
    pub(super) fn now(runtime: &Runtime) -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let memory = memory.trim().trim_end_matches(" kB").parse().unwrap();
        // Without the one that is used to look.
        let descriptors = fs::read_dir("/proc/self/fd").unwrap().count() - 1;
        Self { memory, descriptors, tasks: runtime.metrics().num_alive_tasks() }
    }

    /// Once tasks have come down to what they were, or have not for long enough.
    pub(super) fn settled(runtime: &Runtime, before: Self) -> Self {
        let deadline = Instant::now() + PATIENCE / 6;
        loop {
            let now = Self::now(runtime);
            if (now.tasks <= before.tasks && now.descriptors <= before.descriptors)
                || Instant::now() >= deadline
            {
                return now;
            }
            // Nobody tells when a descriptor is closed.
            thread::sleep(Duration::from_millis(10));
        }
    }
}
