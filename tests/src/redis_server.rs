//! A real Redis that a test starts, stops, freezes and fills: on a port of its own, behind a Unix socket,
//! or by TLS; with a folder of its own, and never longer alive than its value.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::authority::Authority;
use crate::process::Running;
use crate::program::{Program, free_address};
use crate::wait::eventually;

/// Where Debian's package redis-server puts it.
const SERVER: &str = "/usr/bin/redis-server";
/// Time for a start.
const START: Duration = Duration::from_secs(20);
/// Time for an answer to a test.
const ANSWER: Duration = Duration::from_secs(10);

/// How a daemon gets to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedisWay {
    /// A port of loopback.
    Port,
    /// A Unix socket.
    Socket,
    /// A port of loopback, by TLS, as `localhost`.
    Tls,
}

/// A Redis.
pub struct RedisServer {
    folder: TempDir,
    address: SocketAddr,
    way: RedisWay,
    password: Option<String>,
    running: Option<Running>,
}

/// What Redis answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisAnswer {
    /// A status, a text, or a number as text.
    Text(Vec<u8>),
    /// Nothing under that name.
    Nothing,
    /// Several.
    List(Vec<RedisAnswer>),
    /// An error.
    Error(String),
}

impl RedisAnswer {
    /// The bytes of a text.
    ///
    /// # Panics
    /// If it is something else.
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Self::Text(bytes) => bytes,
            other => panic!("no text: {other:?}"),
        }
    }

    /// The texts of a list.
    ///
    /// # Panics
    /// If it is something else.
    pub fn texts(self) -> Vec<String> {
        match self {
            Self::List(all) => all
                .into_iter()
                .map(|one| String::from_utf8_lossy(&one.bytes()).into_owned())
                .collect(),
            other => panic!("no list: {other:?}"),
        }
    }
}

impl RedisServer {
    /// Starts one on a free port.
    pub fn start() -> Self {
        Self::with(RedisWay::Port, None, None)
    }

    /// Starts one that asks for a password.
    pub fn with_password(password: &str) -> Self {
        Self::with(RedisWay::Port, Some(password), None)
    }

    /// Starts one that is reached by a Unix socket.
    pub fn at_socket() -> Self {
        Self::with(RedisWay::Socket, None, None)
    }

    /// Starts one that speaks TLS, with a certificate for a name.
    pub fn with_tls(authority: &Authority, name: &str) -> Self {
        Self::with(RedisWay::Tls, None, Some((authority, name)))
    }

    fn with(way: RedisWay, password: Option<&str>, tls: Option<(&Authority, &str)>) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("redis-")
            .tempdir()
            .expect("a folder for Redis");
        if let Some((authority, name)) = tls {
            let (certificate, key) = authority.pair(name);
            fs::write(folder.path().join("server.pem"), certificate).expect("a certificate");
            fs::write(folder.path().join("server.key"), key).expect("a key");
        }
        let mut server = Self {
            folder,
            address: free_address(),
            way,
            password: password.map(str::to_owned),
            running: None,
        };
        // The port was free a moment ago; somebody may have been quicker.
        let is_there = (0..10).any(|_| {
            let is_there = server.try_go();
            if !is_there {
                server.address = free_address();
            }
            is_there
        });
        assert!(is_there, "Redis does not start");
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it again, with what lies in its folder.
    ///
    /// # Panics
    /// If it runs, or does not start.
    pub fn go(&mut self) {
        assert!(self.running.is_none(), "Redis runs");
        assert!(self.try_go(), "Redis does not start");
    }

    /// Whether it started; not where its port is taken.
    fn try_go(&mut self) -> bool {
        let mut command = Program::command(SERVER, "redis-server", self.folder.path());
        let port = self.address.port().to_string();
        let is_tls = self.way == RedisWay::Tls;
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--daemonize", "no"])
            .args(["--dbfilename", "dump.rdb", "--appendonly", "no"])
            .args(["--loglevel", "warning", "--unixsocket", "redis.sock"])
            .args(["--enable-debug-command", "yes"])
            .args(["--port", if is_tls { "0" } else { port.as_str() }]);
        if is_tls {
            command
                .args(["--tls-port", &port, "--tls-auth-clients", "no"])
                .args(["--tls-cert-file", "server.pem"])
                .args(["--tls-key-file", "server.key"])
                .args(["--tls-ca-cert-file", "server.pem"]);
        }
        if let Some(password) = &self.password {
            command.args(["--requirepass", password]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut running = Running::spawn(command);
        let listens = eventually("Redis listens", START, || {
            if running.ended().is_some() {
                return Some(false);
            }
            let mut stream = UnixStream::connect(self.path("redis.sock")).ok()?;
            stream.write_all(b"PING\r\n").ok()?;
            stream.set_read_timeout(Some(ANSWER)).ok()?;
            let mut first = [0; 1];
            stream.read_exact(&mut first).ok()?;
            TcpStream::connect(self.address).ok().map(|_| true)
        });
        self.running = listens.then_some(running);
        listens
    }

    /// Kills it, as a crash does; its memory is gone.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
    }

    /// Stops it from doing anything: connections stay, and nobody answers.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = self.running.as_ref().map(Running::pid);
        let pid = pid.and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.and_then(Pid::from_raw).expect("Redis runs");
        kill_process(pid, signal).expect("Redis takes signals");
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `redis.url` says of it.
    pub fn url(&self) -> String {
        match self.way {
            RedisWay::Port => format!("redis://{}", self.address),
            RedisWay::Socket => format!("redis+unix://{}", self.path("redis.sock").display()),
            RedisWay::Tls => format!("rediss://localhost:{}", self.address.port()),
        }
    }

    /// Asks it something over its socket, whatever way the daemon takes.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn ask(&self, words: &[&[u8]]) -> RedisAnswer {
        let mut stream = self.connect();
        tell(&mut stream, words);
        answer(&mut BufReader::new(stream)).expect("an answer of Redis")
    }

    /// The same with words.
    pub fn say(&self, words: &str) -> RedisAnswer {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        self.ask(&words)
    }

    fn connect(&self) -> UnixStream {
        let mut stream = UnixStream::connect(self.path("redis.sock")).expect("Redis runs");
        stream.set_read_timeout(Some(ANSWER)).expect("a timeout");
        if let Some(password) = &self.password {
            tell(&mut stream, &[b"AUTH", password.as_bytes()]);
            let mut ok = [0; 5];
            stream.read_exact(&mut ok).expect("an answer to AUTH");
        }
        stream
    }

    /// Closes all connections but the one that asks, which knows a password.
    pub fn cut_clients(&self, password: &str) {
        // One that listens to a channel is of the second kind.
        for kind in [b"normal".as_slice(), b"pubsub"] {
            self.as_knowing(password, &[b"CLIENT", b"KILL", b"TYPE", kind]);
        }
    }

    /// Asks for no password any more.
    pub fn give_up_password(&self, password: &str) {
        self.as_knowing(password, &[b"ACL", b"SETUSER", b"default", b"nopass"]);
    }

    fn as_knowing(&self, password: &str, words: &[&[u8]]) {
        let mut stream = self.connect();
        tell(&mut stream, &[b"AUTH", password.as_bytes()]);
        tell(&mut stream, words);
        let mut reader = BufReader::new(stream);
        for _ in 0..2 {
            let answered = answer(&mut reader).expect("an answer of Redis");
            assert!(!matches!(answered, RedisAnswer::Error(_)), "{answered:?}");
        }
    }

    /// All names that it has, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.say("KEYS *").texts();
        names.sort_unstable();
        names
    }

    /// Waits until it has names that a test looks for, and gives them.
    ///
    /// # Panics
    /// If they do not come.
    pub fn wait_for_names(&self, has: impl Fn(&str) -> bool, count: usize) -> Vec<String> {
        eventually("names in Redis", ANSWER, || {
            let found: Vec<String> = self.names().into_iter().filter(|name| has(name)).collect();
            (found.len() >= count).then_some(found)
        })
    }

    /// How often it has executed a command since its start.
    pub fn calls(&self, command: &str) -> u64 {
        let text = self.say("INFO commandstats").bytes();
        let text = String::from_utf8_lossy(&text).into_owned();
        let prefix = format!("cmdstat_{command}:calls=");
        text.lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .and_then(|rest| rest.split(',').next())
            .and_then(|count| count.parse().ok())
            .unwrap_or(0)
    }

    /// Begins to write down every command that comes, and gives them when asked.
    ///
    /// # Panics
    /// If it does not begin.
    pub fn monitor(&self) -> RedisMonitor {
        let mut stream = self.connect();
        tell(&mut stream, &[b"MONITOR"]);
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first).expect("an answer to MONITOR");
        RedisMonitor { reader }
    }

    /// Writes all that it has into its folder, where the next start finds it.
    ///
    /// # Panics
    /// If it cannot.
    pub fn save(&self) {
        assert_eq!(self.say("SAVE"), RedisAnswer::Text(b"OK".to_vec()));
    }

    /// Keeps the snapshot of [`RedisServer::save`] apart, or brings it back.
    ///
    /// # Panics
    /// If there is none.
    pub fn copy_snapshot(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).expect("a snapshot");
    }
}

/// The commands that came since it was made.
pub struct RedisMonitor {
    reader: BufReader<UnixStream>,
}

impl RedisMonitor {
    /// The lines up to one that holds a text.
    ///
    /// # Panics
    /// If none comes.
    pub fn until(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).expect("a line of MONITOR");
            let is_last = line.contains(text);
            lines.push(line.trim_end().to_owned());
            if is_last {
                return lines;
            }
        }
    }
}

fn tell(stream: &mut UnixStream, words: &[&[u8]]) {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    stream.write_all(&bytes).expect("Redis takes a question");
}

fn answer(reader: &mut impl BufRead) -> std::io::Result<RedisAnswer> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let line = line.trim_end();
    let (kind, rest) = line.split_at_checked(1).unwrap_or(("", ""));
    let number = || rest.parse::<i64>().unwrap_or(-1);
    Ok(match kind {
        "+" | ":" => RedisAnswer::Text(rest.as_bytes().to_vec()),
        "$" => {
            let Ok(length) = usize::try_from(number()) else {
                return Ok(RedisAnswer::Nothing);
            };
            let mut bytes = vec![0; length + 2];
            reader.read_exact(&mut bytes)?;
            bytes.truncate(length);
            RedisAnswer::Text(bytes)
        }
        "*" => RedisAnswer::List(
            (0..number().max(0))
                .map(|_| answer(reader))
                .collect::<Result<_, _>>()?,
        ),
        _ => RedisAnswer::Error(rest.to_owned()),
    })
}
