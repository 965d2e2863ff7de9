//! The part of the tree about files of permissions, roles and settings; doc comments are help texts.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What `diff` takes.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// TOML file of what tenants are to have; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Also what the file lacks of roles and permissions
    #[arg(long)]
    pub(crate) prune: bool,
}

/// What `apply` takes.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// TOML file of what tenants are to have; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Remove roles and permissions that the file lacks
    #[arg(long)]
    pub(crate) prune: bool,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// What `tenant export` takes.
#[derive(Debug, Args)]
pub(crate) struct TenantExport {
    /// Slug or ten_… id; that of -t where it is absent
    #[arg(value_name = "TENANT")]
    pub(crate) name: Option<String>,
    /// File that is made; standard output where it is absent, or -
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Write toml, which apply reads, or jsonl
    #[arg(
        long = "as",
        value_name = "FORM",
        default_value = "toml",
        hide_possible_values = true
    )]
    pub(crate) form: TenantForm,
}

/// What `tenant export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TenantForm {
    /// What `apply` reads.
    Toml,
    /// One object a line.
    Jsonl,
}
