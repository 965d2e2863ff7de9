//! What a daemon asks of the kernel, recorded by strace and read back call by call.
//! It says what happened in which order; what that means is the test's affair.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::wait::eventually;

/// Bytes of one buffer that are recorded; a longer one fails the test.
const BUFFER: &str = "1000000";

/// A recording that a daemon is started under.
pub struct Recording {
    file: PathBuf,
    calls: String,
}

/// One system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// The file behind its descriptor; empty if it has none.
    pub file: String,
    /// What stands between the parentheses, without file names and buffers: `7, , 4096, 0`.
    pub arguments: String,
    /// All buffers and names that it was given, one after the other.
    pub bytes: Vec<u8>,
    /// When it was entered, in lines of the recording.
    pub entered: usize,
    /// When it came back with success; none if it failed, or never came back.
    pub done: Option<usize>,
}

impl Call {
    /// The last number of its arguments: an offset, a length.
    ///
    /// # Panics
    /// If there is none.
    pub fn last_number(&self) -> u64 {
        let last = self.arguments.rsplit(',').next().map(str::trim);
        last.and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("no number at the end of {}({})", self.name, self.arguments))
    }
}

impl Recording {
    /// Into a file, of these calls (names with commas).
    pub fn into(file: PathBuf, calls: &str) -> Self {
        Self {
            file,
            calls: calls.to_owned(),
        }
    }

    /// What a daemon is started through, for [`crate::Home::through`].
    pub fn wrapper(&self) -> Vec<String> {
        let trace = format!("trace={}", self.calls);
        let output = self.file.display().to_string();
        [
            "/usr/bin/strace",
            "-D",
            "-f",
            "--seccomp-bpf",
            "-q",
            "-y",
            "-xx",
            "-s",
            BUFFER,
            "-e",
            "signal=none",
            "-e",
            &trace,
            "-o",
            &output,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// The calls of a daemon that has ended, in the order in which they were entered.
    ///
    /// # Panics
    /// If the recording does not end with the daemon, or cannot be read.
    pub fn calls(&self, pid: u32) -> Vec<Call> {
        let pid = pid.to_string();
        // Process ids are padded.
        let is_end = |line: &str| {
            let line = line.trim_start().split_once(' ');
            line.is_some_and(|(id, rest)| id == pid && rest.trim_start().starts_with("+++ "))
        };
        let text = eventually("strace has written all", Duration::from_secs(20), || {
            let text = fs::read_to_string(&self.file).unwrap_or_default();
            let is_whole = text.lines().rev().take(64).any(is_end);
            is_whole.then_some(text)
        });
        read(&text)
    }
}

/// Reads a recording.
fn read(text: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    // Where a thread's unfinished call is in the list.
    let mut open: HashMap<&str, usize> = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        // Process ids are padded.
        let Some((thread, rest)) = line.trim_start().split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        if rest.starts_with("<... ") {
            let call = open.remove(thread).and_then(|index| calls.get_mut(index));
            if let (Some(call), true) = (call, is_success(rest)) {
                call.done = Some(number);
            }
            continue;
        }
        let Some((name, arguments)) = rest.split_once('(') else {
            continue;
        };
        if !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            continue;
        }
        let is_open = rest.ends_with("<unfinished ...>");
        if is_open {
            open.insert(thread, calls.len());
        }
        let mut call = parse(name, arguments, number);
        call.done = (!is_open && is_success(rest)).then_some(number);
        calls.push(call);
    }
    calls
}

fn is_success(line: &str) -> bool {
    // Blanks may fill the space before the result.
    let parts = line.rsplit_once(" = ");
    parts.is_some_and(|(call, result)| {
        call.trim_end().ends_with(')') && !result.starts_with(['-', '?'])
    })
}

fn parse(name: &str, text: &str, entered: usize) -> Call {
    let mut call = Call {
        name: name.to_owned(),
        file: String::new(),
        arguments: String::new(),
        bytes: Vec::new(),
        entered,
        done: None,
    };
    let mut rest = text;
    while let Some(at) = rest.find(['"', '<', ')']) {
        let (before, from) = rest.split_at(at);
        call.arguments.push_str(before);
        let Some(inner) = from.strip_prefix(['"', '<']) else {
            break;
        };
        let close = if from.starts_with('"') { '"' } else { '>' };
        let Some((inner, after)) = inner.split_once(close) else {
            break;
        };
        if close == '"' {
            assert!(!after.starts_with("..."), "a buffer was cut: {name}");
            call.bytes.extend(decode(inner));
        } else if call.file.is_empty() && !inner.starts_with("unfinished") {
            call.file = String::from_utf8_lossy(&decode(inner)).into_owned();
        }
        rest = after;
    }
    call
}

/// Undoes strace's `\x41` and leaves the rest.
fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let hex = rest.strip_prefix("\\x").and_then(|rest| rest.get(..2));
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let (Some(byte), Some(after)) = (byte, rest.get(4..)) {
            bytes.push(byte);
            rest = after;
        } else {
            let mut buffer = [0_u8; 4];
            bytes.extend_from_slice(first.encode_utf8(&mut buffer).as_bytes());
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_and_interrupted_calls_are_read() {
        let calls = read(
            "16 pwrite64(3<\\x2f\\x61>, \"\\x68\\x69\\x22\", 3, 32) = 3\n\
             17 fdatasync(3<\\x2f\\x61> <unfinished ...>\n\
             16 writev(9<\\x54\\x43\\x50>, [{iov_base=\"\\x61\", iov_len=1}, \
             {iov_base=\"\\x62\", iov_len=1}], 2) = 2\n\
             17 <... fdatasync resumed>)          = 0\n\
             16 ftruncate(3<\\x2f\\x61>, 7) = -1 EIO (Input/output error)\n\
             16 +++ exited with 0 +++\n",
        );
        let seen: Vec<_> = calls
            .iter()
            .map(|call| {
                (
                    call.name.as_str(),
                    call.file.as_str(),
                    call.entered,
                    call.done,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("pwrite64", "/a", 0, Some(0)),
                ("fdatasync", "/a", 1, Some(3)),
                ("writev", "TCP", 2, Some(2)),
                ("ftruncate", "/a", 4, None),
            ]
        );
        assert_eq!(calls[0].bytes, b"hi\"");
        assert_eq!(calls[0].last_number(), 32);
        assert_eq!(calls[2].bytes, b"ab");
        assert_eq!(calls[3].last_number(), 7);
    }
}
