//! A wall clock that a test moves under a running daemon, by libfaketime.
//! The monotonic clock stays true, so timers and timeouts go on as always.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

/// Places where Debian puts the library for programs with threads.
const LIBRARIES: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// The distance between the daemon's wall clock and the true one.
pub struct WallClock {
    file: PathBuf,
    offset_seconds: Mutex<i64>,
}

impl WallClock {
    /// A true clock, moved later through a file in `folder`.
    ///
    /// # Panics
    /// If libfaketime is not installed.
    pub(crate) fn new(folder: &Path) -> Self {
        let clock = Self {
            file: folder.join("faketime"),
            offset_seconds: Mutex::new(0),
        };
        clock.write(0);
        clock
    }

    /// Makes a program read this clock.
    pub(crate) fn apply(&self, command: &mut Command) {
        let library = LIBRARIES
            .iter()
            .find(|path| Path::new(path).exists())
            .expect("libfaketime is missing; install it: apt-get install libfaketime");
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1");
    }

    /// Moves the clock forward.
    ///
    /// # Panics
    /// If the clock's file cannot be written.
    pub fn forward(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).expect("a test's time fits");
        self.shift(seconds);
    }

    /// Moves the clock by seconds, backward for negative ones.
    ///
    /// # Panics
    /// If the clock's file cannot be written.
    pub fn shift(&self, seconds: i64) {
        let mut offset = self.offset_seconds.lock().expect("no test panicked here");
        *offset += seconds;
        self.write(*offset);
    }

    fn write(&self, offset: i64) {
        // By rename: the daemon reads the file at every look at the clock.
        let draft = self.file.with_extension("draft");
        fs::write(&draft, format!("{offset:+}\n")).expect("the clock's file is written");
        fs::rename(&draft, &self.file).expect("the clock's file is replaced");
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    fn seconds_of(clock: &WallClock) -> u64 {
        let mut command = Command::new("/bin/date");
        clock.apply(&mut command);
        let output = command.arg("+%s").output().expect("date runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.trim().parse().expect("seconds")
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the true clock is what the moved one is held against"
    )]
    fn a_program_sees_the_moved_clock() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = WallClock::new(folder.path());
        let truth = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.expect("after 1970").as_secs()
        };
        assert!(seconds_of(&clock).abs_diff(truth()) <= 2);
        clock.forward(Duration::from_hours(24));
        assert!(seconds_of(&clock).abs_diff(truth() + 86_400) <= 2);
        clock.shift(-90_000);
        assert!(seconds_of(&clock).abs_diff(truth() - 3_600) <= 2);
    }
}
