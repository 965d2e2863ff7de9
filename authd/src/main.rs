//! Arguments in, exit status out; everything else is in the library.

use std::process::ExitCode;

use authd::args::{self, Args, Command};
use authd::commands::version::Storage;
use authd::commands::{check_config, healthcheck, print_config, run, version};
use authd::print::Printer;
use clap::Parser;

fn main() -> ExitCode {
    let (command, source) = Args::parse().split(args::environment());
    let out = Printer::stdout();
    let mut errors = Printer::stderr();
    let status = match command {
        Command::CheckConfig(args) => check_config::run(args, &source, out, &mut errors),
        Command::PrintConfig(args) => print_config::run(args, &source, out, &mut errors),
        Command::Version(args) => version::run(args, &Storage::built_in(), out, &mut errors),
        Command::Run(args) => return run::run(args, source, &mut errors),
        Command::Healthcheck => healthcheck::run(&source, &mut errors),
    };
    ExitCode::from(status)
}
