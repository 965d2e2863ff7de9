//! The daemon's part of `doctor`.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Method, Socket};
use crate::view::{DoctorView, Section};

/// Looks at what most often goes wrong: the way to the mail server, room, keys, backups, the database.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Doctor {
    /// This part alone.
    pub section: Option<Section>,
}

impl AdminCall for Doctor {
    type Answer = DoctorView;
    const NAME: &'static str = "doctor";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/doctor";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
    const IS_JOB: bool = true;
}
