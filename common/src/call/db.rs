//! Calls about the database as a whole.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Method, Socket};
use crate::view::{CheckView, DatabaseView, MigrationView, Page, VacuumView};

/// How the database lies on the disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {}

impl AdminCall for Status {
    type Answer = DatabaseView;
    const NAME: &'static str = "db status";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/db/status";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// The steps of the schema.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Migrations {
    /// Rows wanted; there are never many.
    pub limit: Option<u32>,
    /// Where the page before ended; there is one page.
    pub cursor: Option<String>,
}

impl AdminCall for Migrations {
    type Answer = Page<MigrationView>;
    const NAME: &'static str = "db migrations";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/db/migrations";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Checks every page, index and reference.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {}

impl AdminCall for Check {
    type Answer = CheckView;
    const NAME: &'static str = "db check";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/db/check";
    const IS_JOB: bool = true;
}

/// Has the database look again at how large its tables are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimize {}

impl AdminCall for Optimize {
    type Answer = DatabaseView;
    const NAME: &'static str = "db optimize";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/db/optimize";
    const IS_JOB: bool = true;
}

/// Gives pages that hold nothing back to the disk, in small parts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vacuum {}

impl AdminCall for Vacuum {
    type Answer = VacuumView;
    const NAME: &'static str = "db vacuum";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/db/vacuum";
    const IS_JOB: bool = true;
}
