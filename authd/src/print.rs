//! Output for people and scripts: a closed pipe ends it in silence, any other failure is kept for
//! the exit status. Nothing here panics, as `println!` would.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes lines until the reader goes away.
#[derive(Debug)]
pub struct Printer<W: Write> {
    out: W,
    state: State,
}

#[derive(Debug)]
enum State {
    Open,
    /// The reader has enough: `authd print-config | head -1`.
    Closed,
    Failed(io::Error),
}

impl Printer<io::BufWriter<io::Stdout>> {
    /// Prints to the standard output.
    pub fn stdout() -> Self {
        Self::new(io::BufWriter::new(io::stdout()))
    }
}

impl Printer<io::Stderr> {
    /// Prints to the standard error output.
    pub fn stderr() -> Self {
        Self::new(io::stderr())
    }
}

impl<W: Write> Printer<W> {
    /// Prints to a writer.
    pub fn new(out: W) -> Self {
        let state = State::Open;
        Self { out, state }
    }

    /// Prints a text and the end of its line.
    pub fn line(&mut self, text: impl Display) {
        self.write(&format!("{text}\n"));
    }

    /// Prints a text as it is.
    pub fn text(&mut self, text: &str) {
        self.write(text);
    }

    /// Brings out what is left.
    ///
    /// # Errors
    /// The first write that failed, other than for a closed pipe.
    pub fn finish(mut self) -> io::Result<()> {
        if matches!(self.state, State::Open) {
            let flushed = self.out.flush();
            self.note(flushed);
        }
        match self.state {
            State::Open | State::Closed => Ok(()),
            State::Failed(error) => Err(error),
        }
    }

    fn write(&mut self, text: &str) {
        if matches!(self.state, State::Open) {
            let written = self.out.write_all(text.as_bytes());
            self.note(written);
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.state = match error.kind() {
                io::ErrorKind::BrokenPipe => State::Closed,
                _ => State::Failed(error),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn lines_come_out_whole() {
        let mut out = Vec::new();
        let mut printer = Printer::new(&mut out);
        printer.line("a");
        printer.text("b\n");
        printer.finish().unwrap();
        assert_eq!(out, b"a\nb\n");
    }

    #[test]
    fn r25_a_closed_pipe_is_no_failure_and_a_full_disk_is_one() {
        let mut printer = Printer::new(Broken(io::ErrorKind::BrokenPipe));
        printer.line("a");
        printer.line("b");
        assert!(printer.finish().is_ok());
        let mut printer = Printer::new(Broken(io::ErrorKind::StorageFull));
        printer.line("a");
        assert!(printer.finish().is_err());
    }
}
