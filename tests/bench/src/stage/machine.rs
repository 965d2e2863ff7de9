//! The machine and the moment: what stands in the preamble of every result.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::time::{Clock as _, SystemClock};
use serde::Serialize;

use super::process::said;
use crate::Result;
use crate::load::Times;

/// From here on a round is noisy, because commits wait for the disk.
const SLOW_SYNC: Duration = Duration::from_millis(1);

/// Where and when.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    /// Kind of processor, as the kernel names it.
    pub(crate) processor: String,
    /// How many of them this process may use.
    pub(crate) processors: usize,
    /// The kernel's version.
    pub(crate) kernel: String,
    /// Memory in MiB.
    pub(crate) memory_mib: u64,
    /// Day and time (RFC 3339).
    pub(crate) date: String,
    /// The commit, with a mark if files differ from it; empty outside of a clone.
    pub(crate) revision: String,
    /// How the programs were built.
    pub(crate) profile: String,
    /// Median time of an fdatasync after 4 KiB, in milliseconds.
    pub(crate) fdatasync_ms: f64,
    /// Share of the processors that others used just before, 0 to 1.
    pub(crate) others: f64,
}

impl Machine {
    /// Looks at it. The folder is the one that databases will lie in.
    pub(crate) fn look(folder: &Path) -> Result<Self> {
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command
                .args(arguments)
                .current_dir(env!("CARGO_MANIFEST_DIR"));
            said(command).unwrap_or_default().trim().to_owned()
        };
        let mut revision = git(&["rev-parse", "--short=12", "HEAD"]);
        if !git(&["status", "--porcelain", "--untracked-files=no"]).is_empty() {
            revision.push('+');
        }
        let own = std::env::current_exe()?;
        let profile = own.parent().and_then(Path::file_name);
        Ok(Self {
            processor: first_value("/proc/cpuinfo", "model name"),
            processors: std::thread::available_parallelism()?.get(),
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            memory_mib: first_value("/proc/meminfo", "MemTotal")
                .trim_end_matches(" kB")
                .parse::<u64>()
                .unwrap_or_default()
                / 1024,
            date: SystemClock.now().to_string(),
            revision,
            profile: profile.unwrap_or_default().to_string_lossy().into_owned(),
            fdatasync_ms: sync_time(folder)?,
            others: use_of_others()?,
        })
    }

    /// Whether figures that wait for the disk mean little.
    pub(crate) fn is_noisy(&self) -> bool {
        self.fdatasync_ms > SLOW_SYNC.as_secs_f64() * 1000.0
    }
}

fn first_value(path: &str, name: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value.map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

/// Median of some appended pages and their fdatasync, in milliseconds.
pub(crate) fn sync_time(folder: &Path) -> Result<f64> {
    let path = folder.join("sync-probe");
    let mut file = File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        file.write_all(&[7; 4096])?;
        let started = Instant::now();
        file.sync_data()?;
        times.push(started.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(Times::of_durations(times).p50 / 1000.0)
}

/// Looks at the processors for half a second during which this process does nothing.
fn use_of_others() -> Result<f64> {
    let look = || -> Result<(u64, u64)> {
        let text = std::fs::read_to_string("/proc/stat")?;
        let line = text.lines().next().unwrap_or_default();
        let fields = line.split_whitespace().skip(1);
        let ticks: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
        let idle: u64 = ticks.iter().skip(3).take(2).sum();
        Ok((idle, ticks.iter().take(8).sum()))
    };
    let (idle, all) = look()?;
    std::thread::sleep(Duration::from_millis(500));
    let (idle_after, all_after) = look()?;
    let all = u32::try_from(all_after - all)?.max(1);
    let idle = u32::try_from(idle_after - idle)?;
    Ok(1.0 - f64::from(idle) / f64::from(all))
}
