//! The words after `bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::floor::http::Around;

/// The rows of the table of targets.
pub(crate) const ROWS: [&str; 11] = [
    "P1", "P1b", "P1r", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9",
];

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
    /// How often each figure is taken, the median counts; 3, or 1 with --quick.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: Option<u32>,
    /// Rows to measure, such as P1,P1b; all without.
    #[arg(long, value_delimiter = ',', value_name = "ROW", value_parser = ROWS)]
    pub(crate) only: Vec<String>,
    /// Seconds of one measurement; 3, or 1 with --quick.
    #[arg(long, value_parser = seconds)]
    seconds: Option<Duration>,
    /// About two minutes for all: one short round, and 100,000 users where a million is meant.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Folder for results.json, results.md and the plot; made if it is not there.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// File that has the lines `<!-- bench -->` and `<!-- /bench -->`: the table goes between them.
    #[arg(long, value_name = "FILE")]
    pub(crate) readme: Option<PathBuf>,
    /// Users of the small crowd; the large one is 500 times as many, or 50 times with --quick.
    #[arg(long, hide = true, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(100..=2000))]
    crowd: u64,
    /// Seconds until memory that idles should have been given back.
    #[arg(long, hide = true, value_parser = seconds)]
    settle: Option<Duration>,
}

impl Options {
    /// How often each figure is taken.
    pub(crate) fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 })
    }

    /// Time of one measurement.
    pub(crate) fn seconds(&self) -> Duration {
        let usual = if self.quick { 1 } else { 3 };
        self.seconds.unwrap_or(Duration::from_secs(usual))
    }

    /// Time from the last login to the look at the memory.
    pub(crate) fn settle(&self) -> Duration {
        let usual = if self.quick { 40 } else { 60 };
        self.settle.unwrap_or(Duration::from_secs(usual))
    }

    /// Sessions of each user, in both crowds.
    pub(crate) const SESSIONS_EACH: u64 = 5;

    /// Users of the small crowd.
    pub(crate) const fn few(&self) -> u64 {
        self.crowd
    }

    /// Users of the large crowd.
    pub(crate) const fn many(&self) -> u64 {
        self.crowd * if self.quick { 50 } else { 500 }
    }
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
    /// Hashes passwords on all processors.
    #[command(hide = true)]
    FloorHashes {
        #[arg(long)]
        threads: usize,
        #[arg(long, value_parser = seconds)]
        seconds: Duration,
    },
    /// Rotates refresh tokens in SQLite.
    #[command(hide = true)]
    FloorRotations {
        #[arg(long)]
        database: PathBuf,
        #[arg(long)]
        group: usize,
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
