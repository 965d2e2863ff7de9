//! A Redis beside the database, with a real one: what it is good for, and that it is never needed and
//! never believed.

mod connections;
mod faults;
mod forged;
mod shared;

use std::time::Duration;

use harness::{Daemon, Home, RedisServer, eventually};
use serde_json::Value;

/// Time for a daemon to notice that Redis is there, or is not.
pub(crate) const NOTICED: Duration = Duration::from_secs(20);

/// A home that is to use a Redis.
pub(crate) fn beside(redis: &RedisServer) -> Home {
    beside_url(&redis.url())
}

/// The same by what `redis.url` says.
pub(crate) fn beside_url(url: &str) -> Home {
    Home::new().setting("redis.url", &format!("\"{url}\""))
}

/// What `authctl status` says of it.
pub(crate) fn standing(daemon: &Daemon) -> Value {
    let status = daemon.authctl().json(&["status"]);
    let found = status.pointer("/item/cache/redis").cloned();
    found.expect("a Redis in status")
}

/// One of its figures.
pub(crate) fn figure(daemon: &Daemon, name: &str) -> u64 {
    let standing = standing(daemon);
    let figure = standing.get(name).and_then(Value::as_u64);
    figure.unwrap_or_else(|| panic!("no {name} in {standing}"))
}

/// Waits until it is asked.
pub(crate) fn is_up(daemon: &Daemon) {
    is(daemon, true);
}

/// Waits until it is not asked.
pub(crate) fn is_down(daemon: &Daemon) {
    is(daemon, false);
}

fn is(daemon: &Daemon, up: bool) {
    eventually("Redis is noticed", NOTICED, || {
        let standing = standing(daemon);
        (standing.get("connected") == Some(&Value::Bool(up))).then_some(())
    });
}

/// How often the log warned of it.
pub(crate) fn warnings(daemon: &Daemon) -> usize {
    daemon.log().matches("\"redis.down\"").count()
}
