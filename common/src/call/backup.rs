//! Calls about backups.

use serde::{Deserialize, Serialize};

use crate::call::{AdminCall, Change, Method, Paging, Socket};
use crate::view::{BackupMade, BackupView, CheckView, Page};

/// Where a backup goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// A new file in `backup.dir`.
    Folder,
    /// To the caller, as frames of data.
    Caller,
}

/// Makes a verified backup of the whole database while it is in use.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Where it goes.
    pub goal: Goal,
    /// Whether it is compressed; as `backup.compress` says where it is absent.
    pub compress: Option<bool>,
}

impl AdminCall for Create {
    type Answer = BackupMade;
    const NAME: &'static str = "backup create";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/backup/create";
    const IS_JOB: bool = true;
}

/// Lists the backups in `backup.dir`, the newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct List {
    /// Rows wanted, 1 to 200.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl List {
    /// The page that is asked for.
    pub fn paging(&self) -> Paging {
        Paging {
            limit: self.limit,
            cursor: self.cursor.clone(),
        }
    }
}

impl AdminCall for List {
    type Answer = Page<BackupView>;
    const NAME: &'static str = "backup list";
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/backup/list";
    const ALSO_ON: &'static [Socket] = &[Socket::Monitor];
}

/// Checks a backup in `backup.dir` by all that a restore needs of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// Its name, as listed.
    pub name: String,
}

impl AdminCall for Verify {
    type Answer = CheckView;
    const NAME: &'static str = "backup verify";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/backup/verify";
    const IS_JOB: bool = true;
}

/// Removes the oldest backups from `backup.dir`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prune {
    /// How many stay, at least one.
    pub keep: u32,
}

impl AdminCall for Prune {
    type Answer = Change;
    const NAME: &'static str = "backup prune";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/backup/prune";
}
