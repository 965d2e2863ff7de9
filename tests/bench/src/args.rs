//! The words after `bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::floor::http::Around;

/// Measures authd against floors that run interleaved with it.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) part: Option<Part>,
}

/// What is measured, and for how long.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// How often each figure is taken; its median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) rounds: u32,
    /// Rows to measure, such as P1,P1b; all without.
    #[arg(long, value_delimiter = ',', value_name = "ROW")]
    pub(crate) only: Vec<String>,
    /// Seconds of one measurement.
    #[arg(long, default_value = "3", value_parser = seconds)]
    pub(crate) seconds: Duration,
    /// Two minutes for all: short measurements, and a smaller crowd where a million is meant.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Folder for results.json, results.md and the plots; made if it is not there.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

/// The processes that a run starts beside itself.
#[derive(Debug, Subcommand)]
pub(crate) enum Part {
    /// Generates load.
    #[command(hide = true)]
    Load { order: String },
    /// Answers every request with the same bytes.
    #[command(hide = true)]
    FloorHttp {
        #[arg(long)]
        answer: PathBuf,
        #[arg(long)]
        around: Around,
    },
    /// Verifies signatures.
    #[command(hide = true)]
    FloorVerify {
        #[arg(long)]
        requests: PathBuf,
        #[arg(long)]
        key: String,
        #[arg(long, value_parser = seconds)]
        seconds: Duration,
    },
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if (0.05..=60.0).contains(&seconds) => Ok(time),
        _ => Err("between 0.05 and 60 seconds".to_owned()),
    }
}
