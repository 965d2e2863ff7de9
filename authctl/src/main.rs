//! The sysadmin's command for authd: reads the command line, asks the daemon, shows the answer.
//! It decides nothing by itself; rights and rules are the daemon's.

mod args;
mod client;
mod commands;
mod config;
mod confirm;
mod connect;
mod error;
mod exit;
mod filter;
mod names;
mod output;
mod secret;

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    commands::run(&words).into()
}
