//! The stream of events.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Method, Socket, TenantFilter};
use crate::time::Time;

/// Stage of the progress that tells, before the first event, behind which number the stream begins.
pub const FROM: &str = "from";
/// Stage of the progress that tells up to which number all was looked at.
pub const UPTO: &str = "upto";

/// Tells what happens, in the order of commits: lines of JSON, an
/// [`EventView`](crate::view::EventView) each.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    /// Slug or id of the tenant; all of them where it is absent.
    pub tenant: TenantFilter,
    /// Those behind this number.
    pub since: Option<u64>,
    /// Those from this time on.
    pub since_time: Option<Time>,
    /// Only those whose type fits, with `*` for any characters.
    pub kind: Option<String>,
    /// Whether to go on with those to come; without a beginning from now on.
    pub follow: bool,
}

/// Answer of [`Events`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsEnd {
    /// The number to go on behind.
    pub upto: u64,
}

impl AdminCall for Events {
    type Answer = EventsEnd;
    const NAME: &'static str = "events";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/events";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
    const IS_JOB: bool = true;
}
