//! Measures the real daemon against floors that run interleaved with it, row by row of the table of
//! targets, and says ratios first. `cargo run --release --locked -p authd-bench` is the whole use.
//!
//! One program: the generator and the floors are itself, started again with another word. It judges
//! figures against the targets and never fails a run for missing one.

mod args;
mod floor;
mod load;
mod report;
mod rows;
mod stage;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Arguments, Part};

/// What can go wrong here ends the run with its message.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    match &arguments.part {
        None => rows::run(&arguments.options)?,
        Some(Part::Load { order }) => load::run(order)?,
        Some(Part::FloorHttp { answer, around }) => floor::http::run(answer, *around)?,
        Some(Part::FloorVerify {
            requests,
            key,
            seconds,
        }) => floor::verify::run(requests, key, *seconds)?,
        Some(Part::FloorHashes { threads, seconds }) => floor::hashes::run(*threads, *seconds)?,
        Some(Part::FloorRotations {
            database,
            group,
            seconds,
        }) => floor::rotations::run(database, *group, *seconds)?,
    }
    Ok(ExitCode::SUCCESS)
}
