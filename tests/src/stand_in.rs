//! Stands between a browser and a daemon: it passes GETs on and answers POSTs itself, as a test
//! says, and keeps what came.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::http::{Connection, Request};

/// What it answers to the next POST.
#[derive(Debug, Clone)]
pub enum StandInAnswer {
    /// A status and a body; none for 204.
    Answer(u16, Option<Value>),
    /// Hangs up without a word.
    HangUp,
}

struct State {
    behind: SocketAddr,
    answer: Mutex<StandInAnswer>,
    asked: Mutex<Vec<String>>,
    posted: Mutex<Vec<Value>>,
    is_over: AtomicBool,
}

/// One that runs until its value goes.
pub struct StandIn {
    address: SocketAddr,
    state: Arc<State>,
}

impl StandIn {
    /// Stands before a daemon.
    ///
    /// # Panics
    /// If it cannot listen.
    pub fn before(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            behind,
            answer: Mutex::new(StandInAnswer::Answer(204, None)),
            asked: Mutex::default(),
            posted: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                // Browsers open connections that they never use.
                thread::spawn(move || drop(serve(&state, stream)));
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of a page behind it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Chooses the answer to POSTs from now on.
    pub fn answer(&self, answer: StandInAnswer) {
        *locked(&self.state.answer) = answer;
    }

    /// The first lines of all requests so far.
    pub fn asked(&self) -> Vec<String> {
        locked(&self.state.asked).clone()
    }

    /// The bodies of all POSTs so far.
    pub fn posted(&self) -> Vec<Value> {
        locked(&self.state.posted).clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener, which then ends.
        drop(TcpStream::connect(self.address));
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(state: &State, mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let (head, body) = request(&mut stream)?;
    let first = head.lines().next().unwrap_or_default().to_owned();
    let language = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_it = name.eq_ignore_ascii_case("accept-language");
        is_it.then(|| value.to_owned())
    });
    // Whatever a browser sends of a page's address would stand in one of its headers.
    locked(&state.asked).push(head);
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or("/"));
    let (status, headers, body) = if method == "GET" {
        let mut request = Request::get(path).header("Connection", "close");
        if let Some(language) = language {
            request = request.header("Accept-Language", &language);
        }
        let answer = Connection::try_open(state.behind, None)?.ask(&request)?;
        (answer.status, answer.headers, answer.body)
    } else {
        let value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        locked(&state.posted).push(value);
        match locked(&state.answer).clone() {
            StandInAnswer::HangUp => return Ok(()),
            StandInAnswer::Answer(status, value) => {
                let kind = ("Content-Type", "application/problem+json");
                let headers = vec![(kind.0.to_owned(), kind.1.to_owned())];
                let body = value.map_or_else(Vec::new, |value| value.to_string().into_bytes());
                (status, headers, body)
            }
        }
    };
    let mut answer = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
    for (name, value) in headers {
        let is_ours = ["content-length", "connection", "transfer-encoding"];
        if !is_ours.contains(&name.to_ascii_lowercase().as_str()) {
            for text in [&name, ": ", &value, "\r\n"] {
                answer.push_str(text);
            }
        }
    }
    if status != 204 && status != 304 {
        answer.push_str("Content-Length: ");
        answer.push_str(&body.len().to_string());
        answer.push_str("\r\n");
    }
    answer.push_str("\r\n");
    stream.write_all(answer.as_bytes())?;
    stream.write_all(&body)
}

/// The head and the body of one request.
fn request(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse::<usize>().ok())
                .unwrap_or(0);
            let body = bytes.get(head.len() + 4..).unwrap_or_default();
            if body.len() >= length {
                return Ok((head.to_owned(), body.to_vec()));
            }
        }
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(part.get(..count).unwrap_or_default());
    }
}
