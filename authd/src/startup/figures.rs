//! The counters of the servers and of the process itself.

use std::fs;
use std::sync::Arc;

use common::tally::float;
use common::view::Family;
use rustix::process::Resource;
use rustix::time::ClockId;

use crate::app::stats::Figures;
use crate::http::traffic::Traffic;
use crate::serve::Gauge;

/// Answers and connections of the API, and the process.
pub(super) fn of(traffic: Arc<Traffic>, api: Gauge) -> Figures {
    Figures::of(move || {
        let mut families = traffic.families();
        families.extend(connections(&api));
        families.extend(process());
        families
    })
}

fn connections(api: &Gauge) -> [Family; 3] {
    [
        Family::gauge(
            "authd_http_connections_open",
            "Connections of the API that are open.",
        )
        .size(api.open()),
        Family::counter(
            "authd_http_connections_total",
            "Connections of the API that were accepted.",
        )
        .count(api.accepted()),
        Family::counter(
            "authd_http_connection_waits_total",
            "Times that a connection had to wait for a place or a descriptor.",
        )
        .count(api.waits()),
    ]
}

/// What the system says of this process; what it does not say is left out.
fn process() -> Vec<Family> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = |name: &str| kibibytes(&status, name).map(|kib| float(kib) * 1024.0);
    // The listing itself has one open.
    let open = fs::read_dir("/proc/self/fd").map(|open| open.count().saturating_sub(1));
    let limit = rustix::process::getrlimit(Resource::Nofile).current;
    let used = rustix::time::clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(used.tv_sec).map_or(0.0, float)
        + u64::try_from(used.tv_nsec).map_or(0.0, float) / 1e9;
    vec![
        Family::counter("authd_process_cpu_seconds_total", "Processor time used.").with(seconds),
        Family::gauge(
            "authd_process_resident_memory_bytes",
            "Memory that the process has in use.",
        )
        .maybe(memory("VmRSS")),
        Family::gauge(
            "authd_process_resident_memory_max_bytes",
            "The most that it had in use.",
        )
        .maybe(memory("VmHWM")),
        Family::gauge("authd_process_threads", "Threads of the process.")
            .maybe(number(&status, "Threads").map(float)),
        Family::gauge("authd_process_open_fds", "Descriptors that are open.").maybe(
            open.ok()
                .and_then(|open| u64::try_from(open).ok())
                .map(float),
        ),
        Family::gauge("authd_process_max_fds", "Most descriptors that may be.")
            .maybe(limit.map(float)),
    ]
}

/// A line of `/proc/self/status` that counts KiB.
fn kibibytes(status: &str, name: &str) -> Option<u64> {
    line(status, name)?.strip_suffix(" kB")?.parse().ok()
}

fn number(status: &str, name: &str) -> Option<u64> {
    line(status, name)?.parse().ok()
}

fn line<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_tells_of_itself() {
        let families = process();
        assert_eq!(families.len(), 6);
        for family in families {
            let value = family.samples.first().map(|sample| sample.value);
            assert!(value.is_some_and(|value| value > 0.0), "{family:?}");
        }
    }

    #[test]
    fn a_line_is_found_by_its_whole_name() {
        let status = "Name:\tauthd\nVmRSSx:\t 1 kB\nVmRSS:\t    1234 kB\nThreads:\t7\n";
        assert_eq!(kibibytes(status, "VmRSS"), Some(1234));
        assert_eq!(number(status, "Threads"), Some(7));
        assert_eq!(kibibytes(status, "VmHWM"), None);
    }
}
