//! Arguments in, exit status out; everything else is in the library.

use std::io::Write;
use std::process::ExitCode;

use authd::args::{self, Args, Command};
use authd::commands::version::Storage;
use authd::commands::{
    check_config, completion, db, healthcheck, keys, man, openapi, print_config, recover, run,
    version,
};
use authd::print::Printer;
use clap::Parser;

fn main() -> ExitCode {
    let mut errors = Printer::stderr();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error, &mut errors),
    };
    let (command, source) = args.split(args::environment());
    let out = Printer::stdout();
    let status = match command {
        Command::CheckConfig(args) => check_config::run(args, &source, out, &mut errors),
        Command::PrintConfig(args) => print_config::run(args, &source, out, &mut errors),
        Command::Man(args) => man::run(&args.dir, out, &mut errors),
        Command::OpenApi(file) => openapi::run(file.as_deref(), out, &mut errors),
        Command::Completion(shell) => completion::run(shell, out, &mut errors),
        Command::Version(args) => version::run(args, &Storage::built_in(), out, &mut errors),
        Command::Run(args) => return run::run(args, source, &mut errors),
        Command::Keys(args) => keys::run(args, &source, out, &mut errors),
        Command::Recover(user) => recover::run(&user, &source, out, &mut errors),
        Command::Db(args) => db::run(args, &source, out, &mut errors),
        Command::Healthcheck => healthcheck::run(&source, &mut errors),
    };
    ExitCode::from(status)
}

fn usage<W: Write>(error: &clap::Error, errors: &mut Printer<W>) -> ExitCode {
    match args::complaint(error) {
        Some(complaint) => errors.text(&complaint),
        // Help goes where clap sends it; there is nobody to tell of a closed output.
        None => drop(error.print()),
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
