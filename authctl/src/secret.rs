//! Passwords come from standard input, a file of one's own or a prompt without echo;
//! never from arguments or the environment, and they go nowhere but into the request.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::call::user::NewPassword;
use common::secret::Secret;
use common::text::visible;
use rustix::process::DumpableBehavior;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use zeroize::{Zeroize, Zeroizing};

use crate::args::PasswordArgs;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::remarks::complain;

/// Longest password that is read, with its line break; authd's own limit is lower.
const LIMIT: u64 = 4096;

/// Whether somebody will be asked, so that all else should be checked before.
pub(crate) fn is_asked(from: &PasswordArgs) -> bool {
    let told = from.generate || from.password_stdin || from.password_file.is_some();
    !told && io::stdin().is_terminal()
}

/// Fetches the password that the flags point at; a question names whose it is.
///
/// # Errors
/// A wrong command line, an unreadable source, or an interrupted prompt.
pub(crate) fn new_password(from: &PasswordArgs, whose: &str) -> Result<NewPassword, Error> {
    // A crash must not leave a password in a core file; where that fails the rest holds all the same.
    let _best_effort = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if from.generate {
        return Ok(NewPassword::Generate);
    }
    if from.password_stdin {
        return read("standard input", io::stdin()).map(NewPassword::Given);
    }
    if let Some(path) = &from.password_file {
        return from_file(path).map(NewPassword::Given);
    }
    if !io::stdin().is_terminal() {
        return Err(Error::usage("no password given: stdin is not a terminal")
            .hint("Use --generate, --password-stdin or --password-file FILE"));
    }
    let first = prompt(&format!("New password of {}: ", visible(whose)))?;
    let second = prompt("The same again: ")?;
    if !first.matches(second.expose().as_bytes()) {
        return Err(Error::usage(
            "the two passwords differ; nothing was changed",
        ));
    }
    Ok(NewPassword::Given(first))
}

/// Fetches a token: from standard input, or asked for on a terminal without echo.
///
/// # Errors
/// A wrong command line, or an interrupted prompt.
pub(crate) fn token() -> Result<Secret<String>, Error> {
    let _best_effort = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let token = if io::stdin().is_terminal() {
        prompt("Token: ")?
    } else {
        read("standard input", io::stdin()).map_err(|_| {
            Error::usage("no token given: expected a JWT of at most 4096 bytes on standard input")
        })?
    };
    // Copied out of a header or a terminal it may have space around it.
    Ok(Secret::new(token.expose().trim().to_owned()))
}

fn from_file(path: &Path) -> Result<Secret<String>, Error> {
    let fail =
        |error: io::Error| Error::usage(format!("--password-file {}: {error}", path.display()));
    let file = File::open(path).map_err(fail)?;
    let mode = file.metadata().map_err(fail)?.permissions().mode() & 0o7777;
    // systemd hands out credentials as 0440 in a folder that nobody else can enter.
    let from_systemd = std::env::var_os("CREDENTIALS_DIRECTORY")
        .is_some_and(|folder| !folder.is_empty() && path.starts_with(folder));
    if mode & 0o077 != 0 && !from_systemd {
        let shown = path.display();
        return Err(Error::usage(format!(
            "--password-file {shown} is readable by others ({mode:04o})"
        ))
        .hint(format!("Close it: chmod 600 {shown}")));
    }
    read(&format!("--password-file {}", path.display()), file)
}

/// Reads a password and takes one line break off its end.
fn read(source: &str, input: impl Read) -> Result<Secret<String>, Error> {
    // Room for all of it at once: a buffer that grows would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(4098));
    input
        .take(LIMIT.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Error::usage(format!("{source}: {error}")))?;
    if bytes.len() > 4096 {
        return Err(Error::usage(format!("{source}: longer than {LIMIT} bytes")));
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    text(source, &bytes)
}

fn text(source: &str, bytes: &[u8]) -> Result<Secret<String>, Error> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Error::usage(format!("{source}: the password is not UTF-8")))?;
    if text.is_empty() {
        return Err(Error::usage(format!("{source}: the password is empty")));
    }
    Ok(Secret::new(text.to_owned()))
}

/// Echo switched off until dropped, whatever happens between.
struct Silence(Termios);

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = rustix::termios::tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        // Without ISIG the interrupt key comes as a byte, so that the echo always comes back.
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        rustix::termios::tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // Nothing else can be done about a terminal that has gone.
        let _gone = rustix::termios::tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

fn prompt(question: &str) -> Result<Secret<String>, Error> {
    let read = Silence::begin().and_then(|silence| {
        // Asked only now: what is typed before the echo is off would be thrown away.
        complain(question);
        let typed = read_keys(&mut FdReader);
        drop(silence);
        typed
    });
    complain("\n");
    let fail = |error: io::Error| Error::usage(format!("cannot ask for a password: {error}"));
    match read.map_err(fail)? {
        Some(bytes) => text("prompt", &bytes),
        None => Err(Error::new(
            Exit::Interrupted,
            "interrupted",
            "interrupted; nothing was changed",
        )),
    }
}

/// Standard input without a buffer, so that no copy of a password stays in one.
struct FdReader;

impl Read for FdReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(io::stdin(), buffer)?)
    }
}

/// Reads keys up to the end of the line; none for an interrupt.
fn read_keys(input: &mut impl Read) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    const INTERRUPT: u8 = 3;
    const QUIT: u8 = 28;
    const END: u8 = 4;
    const ERASE_LINE: u8 = 21;
    const ERASE: [u8; 2] = [8, 127];
    let mut typed = Zeroizing::new(Vec::with_capacity(4097));
    let mut key = [0_u8];
    loop {
        let count = match input.read(&mut key) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        let [byte] = key;
        match byte {
            _ if count == 0 => return Ok(Some(typed)),
            INTERRUPT | QUIT => return Ok(None),
            END | b'\n' | b'\r' => break,
            ERASE_LINE => typed.clear(),
            byte if ERASE.contains(&byte) => erase(&mut typed),
            byte if typed.len() < 4096 => typed.push(byte),
            _ => return Err(io::Error::other("the password is too long")),
        }
    }
    key.zeroize();
    Ok(Some(typed))
}

/// Takes back one character, all of its bytes.
fn erase(typed: &mut Vec<u8>) {
    while typed.pop().is_some_and(|byte| byte & 0xC0 == 0x80) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Option<Vec<u8>> {
        read_keys(&mut &*keys).unwrap().map(|bytes| bytes.to_vec())
    }

    #[test]
    fn keys_are_edited_as_at_a_terminal() {
        assert_eq!(typed(b"abc\x7fd\n").as_deref(), Some(&b"abd"[..]));
        assert_eq!(typed("aé\u{7f}b\r".as_bytes()).as_deref(), Some(&b"ab"[..]));
        assert_eq!(typed(b"wrong\x15right\n").as_deref(), Some(&b"right"[..]));
        assert_eq!(typed(b"abc\x03"), None);
    }

    #[test]
    fn one_line_break_is_taken_off() {
        let taken = |bytes: &[u8]| read("x", bytes).map(|s| s.expose().clone());
        assert_eq!(taken(b"pass\n").unwrap(), "pass");
        assert_eq!(taken(b"pass\r\n").unwrap(), "pass");
        assert_eq!(taken(b" pass \n\n").unwrap(), " pass \n");
        assert!(taken(b"\n").is_err() && taken(b"\xff").is_err() && taken(&[b'a'; 5000]).is_err());
    }
}
