//! A daemon that answers as it is told and remembers what it was asked; and a way to run authctl.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use common::error::{ErrorCode, Problem};
use serde::Serialize;
use serde_json::Value;
use tempfile::TempDir;

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

/// What is answered: status and body, or nothing at all.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Json(u16, Value),
    Headers(Vec<(&'static str, String)>, Value),
    Raw(&'static str),
    Silence,
}

impl Reply {
    pub(crate) fn of<T: Serialize>(value: &T) -> Self {
        Self::Json(200, serde_json::to_value(value).unwrap())
    }

    pub(crate) fn problem(code: ErrorCode, developer: &str) -> Self {
        let problem = Problem {
            type_uri: format!("urn:authd:error:{code}"),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            message: code.user_message().to_owned(),
            developer_message: developer.to_owned(),
            fields: Vec::new(),
            request_id: "req_01h455vb4pex5vsknk084sn02q".to_owned(),
            retry_after_seconds: None,
            hint: Some("Look: authctl user list".to_owned()),
        };
        Self::Json(code.status(), serde_json::to_value(problem).unwrap())
    }
}

type Handler = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A folder with a home and, perhaps, a daemon behind `admin.sock`.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) socket: PathBuf,
    asked: Arc<Mutex<Vec<Asked>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let ended = Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert_ne!(ended.code, Some(101), "a panic: {}", ended.err);
        ended
    }
}

impl World {
    /// No daemon.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("admin.sock");
        Self {
            folder,
            socket,
            asked: Arc::default(),
            over: Arc::default(),
            thread: None,
        }
    }

    /// A daemon behind `admin.sock`.
    pub(crate) fn new(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::behind("admin.sock", handler)
    }

    /// A daemon behind a socket of another name.
    pub(crate) fn behind(
        name: &str,
        handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let mut world = Self::empty();
        world.socket = world.folder.path().join(name);
        let listener = UnixListener::bind(&world.socket).unwrap();
        let asked = Arc::clone(&world.asked);
        let over = Arc::clone(&world.over);
        let handler: Box<Handler> = Box::new(handler);
        world.thread = Some(std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                serve(&stream.unwrap(), &handler, &asked);
            }
        }));
        world
    }

    /// A daemon that gives the same answer to everything.
    pub(crate) fn saying<T: Serialize>(answer: &T) -> Self {
        let reply = Reply::of(answer);
        Self::new(move |_| reply.clone())
    }

    /// authctl with an empty environment, its socket named.
    pub(crate) fn authctl(&self) -> Command {
        let mut command = self.bare();
        command.env("AUTHCTL_SOCKET", &self.socket);
        command
    }

    /// authctl with an empty environment.
    pub(crate) fn bare(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_authctl"));
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env("XDG_RUNTIME_DIR", self.folder.path().join("run"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs one command line, split at blanks.
    pub(crate) fn run(&self, line: &str) -> Ended {
        self.authctl()
            .args(line.split_whitespace())
            .output()
            .unwrap()
            .into()
    }

    /// Runs one command line with something on standard input.
    pub(crate) fn run_with(&self, line: &str, input: &str) -> Ended {
        let mut child = self
            .authctl()
            .args(line.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses before it reads closes the pipe: no concern of the test.
        let _ = child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .is_ok();
        child.wait_with_output().unwrap().into()
    }

    /// All that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The only thing that was asked.
    pub(crate) fn only(&self) -> Asked {
        let asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked[0].clone()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let awake = UnixStream::connect(&self.socket).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| awake) {
            assert!(thread.join().is_ok() || std::thread::panicking());
        }
    }
}

fn serve(stream: &UnixStream, handler: &Handler, asked: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let reply = handler(&request);
        asked.lock().unwrap().push(request);
        let (status, more, body) = match reply {
            Reply::Json(status, body) => (status, standard(), body),
            Reply::Headers(headers, body) => (200, headers, body),
            Reply::Raw(text) => {
                (&*stream).write_all(text.as_bytes()).unwrap();
                return;
            }
            Reply::Silence => {
                // Until the client gives up.
                let _ = reader.read_to_end(&mut Vec::new()).is_ok();
                return;
            }
        };
        let body = body.to_string();
        let mut lines = vec![
            format!("HTTP/1.1 {status} X"),
            format!("content-length: {}", body.len()),
        ];
        lines.extend(more.iter().map(|(name, value)| format!("{name}: {value}")));
        let text = format!("{}\r\n\r\n{body}", lines.join("\r\n"));
        if (&*stream).write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn standard() -> Vec<(&'static str, String)> {
    vec![
        ("authd-version", common::VERSION.to_owned()),
        ("authd-protocol", common::ADMIN_PROTOCOL.to_string()),
        ("x-request-id", "req_01h455vb4pex5vsknk084sn02q".to_owned()),
    ]
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Asked {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    })
}
