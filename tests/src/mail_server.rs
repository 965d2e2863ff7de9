//! An SMTP server for tests: it speaks the real protocol over TCP and TLS (RFC 5321, 3207, 4954),
//! keeps what it is given, and does wrong what it is told to do wrong.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use data_encoding::BASE64;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::authority::Authority;
use crate::letter::Received;
use crate::wait::eventually;

/// Longest wait for a client; a test's own patience is shorter.
const PATIENCE: Duration = Duration::from_secs(60);

/// How connections are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// Offered by STARTTLS.
    Starttls,
    /// From the first byte on.
    Implicit,
    /// Not at all.
    None,
}

/// How the server behaves, as far as it does not change.
#[derive(Debug, Clone)]
pub struct Conduct {
    /// How connections are encrypted.
    pub tls: MailTls,
    /// The name or address in its certificate.
    pub name: String,
    /// The user and password that it demands.
    pub credentials: Option<(String, String)>,
}

impl Conduct {
    /// A server for `127.0.0.1` that demands nothing.
    pub fn new(tls: MailTls) -> Self {
        Self {
            tls,
            name: "127.0.0.1".to_owned(),
            credentials: None,
        }
    }
}

/// What it does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Takes connections and never says a word.
    Silent,
    /// Takes connections and hangs up at once, as a host does that nobody serves on.
    HangUp,
    /// Says this again and again instead of a greeting, as long as somebody listens.
    Endless(&'static str),
    /// Answers a command with a line of its own: the command's first word (`MAIL`, `RCPT`, `DATA`,
    /// `AUTH`, `EHLO`), or `.` for the end of the message.
    Answer(&'static str, &'static str),
    /// Takes the message and never answers.
    SilentAfterMessage,
    /// Takes the message, keeps it, and hangs up without an answer.
    HangUpAfterMessage,
    /// Does not offer STARTTLS, as if somebody in between had cut the offer.
    NoStarttls,
}

struct State {
    conduct: Conduct,
    tls: Arc<ServerConfig>,
    fault: Mutex<Fault>,
    letters: Mutex<Vec<Received>>,
    heard: Mutex<Vec<String>>,
    connections: AtomicUsize,
    is_over: AtomicBool,
}

/// A server that runs until its value goes.
pub struct MailServer {
    state: Arc<State>,
    address: SocketAddr,
    authority: Authority,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MailServer {
    /// Starts one on a port of its own.
    ///
    /// # Panics
    /// If it cannot listen.
    pub fn start(conduct: Conduct) -> Self {
        Self::start_at("127.0.0.1:0", conduct)
    }

    /// The same at an address of its own, for people and scripts.
    ///
    /// # Panics
    /// If the address is not to be had.
    pub fn start_at(address: &str, conduct: Conduct) -> Self {
        let listener = TcpListener::bind(address).expect("a free address");
        let address = listener.local_addr().expect("an address");
        let authority = Authority::new();
        let state = Arc::new(State {
            tls: authority.server(&conduct.name),
            conduct,
            fault: Mutex::new(Fault::None),
            letters: Mutex::default(),
            heard: Mutex::default(),
            connections: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
                let state = Arc::clone(&shared);
                // A client that goes away is no failure of a test.
                thread::spawn(move || drop(serve(&state, stream, number)));
            }
        });
        Self {
            state,
            address,
            authority,
        }
    }

    /// Its port on `127.0.0.1`.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Who vouches for it.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Does something wrong from the next command on.
    pub fn set_fault(&self, fault: Fault) {
        *locked(&self.state.fault) = fault;
    }

    /// What it has taken so far.
    pub fn letters(&self) -> Vec<Received> {
        locked(&self.state.letters).clone()
    }

    /// Waits for that many letters, and gives all.
    ///
    /// # Panics
    /// If they do not come in time.
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        eventually("letters", Duration::from_secs(30), || {
            let letters = self.letters();
            (letters.len() >= count).then_some(letters)
        })
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// The commands so far, a line each, without the messages.
    pub fn heard(&self) -> Vec<String> {
        locked(&self.state.heard).clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener, which then ends.
        drop(TcpStream::connect(self.address));
    }
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

/// One conversation, and how far it is.
struct Conversation<'a> {
    state: &'a State,
    wire: BufReader<Box<dyn Wire>>,
    /// For hanging up.
    socket: TcpStream,
    is_encrypted: bool,
    user: Option<String>,
    from: Option<String>,
    to: Vec<String>,
    number: usize,
}

fn serve(state: &State, socket: TcpStream, number: usize) -> io::Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    let fault = *locked(&state.fault);
    match fault {
        Fault::Silent => return wait(&socket),
        Fault::HangUp => return socket.shutdown(Shutdown::Both),
        Fault::Endless(text) => return say_for_ever(&socket, text),
        _ => {}
    }
    let is_encrypted = state.conduct.tls == MailTls::Implicit;
    let raw = socket.try_clone()?;
    let wire: Box<dyn Wire> = if is_encrypted {
        Box::new(encrypted(state, raw)?)
    } else {
        Box::new(raw)
    };
    let mut conversation = Conversation {
        state,
        wire: BufReader::new(wire),
        socket,
        is_encrypted,
        user: None,
        from: None,
        to: Vec::new(),
        number,
    };
    conversation.say("220 mail.test ESMTP")?;
    while conversation.hear()? {}
    Ok(())
}

fn encrypted(
    state: &State,
    socket: TcpStream,
) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
    let connection = ServerConnection::new(Arc::clone(&state.tls)).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, socket);
    stream.conn.complete_io(&mut stream.sock)?;
    Ok(stream)
}

/// Talks until the client goes.
fn say_for_ever(mut socket: &TcpStream, text: &str) -> io::Result<()> {
    let much = text.repeat(4096);
    loop {
        socket.write_all(much.as_bytes())?;
    }
}

/// Reads until the client goes.
fn wait(mut socket: &TcpStream) -> io::Result<()> {
    let mut nothing = [0; 1024];
    while socket.read(&mut nothing)? > 0 {}
    Ok(())
}

impl Conversation<'_> {
    fn say(&mut self, line: &str) -> io::Result<()> {
        let wire = self.wire.get_mut();
        wire.write_all(format!("{line}\r\n").as_bytes())?;
        wire.flush()
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        if self.wire.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn fault(&self) -> Fault {
        *locked(&self.state.fault)
    }

    /// Takes one command; whether the conversation goes on.
    fn hear(&mut self) -> io::Result<bool> {
        let Some(line) = self.line()? else {
            return Ok(false);
        };
        locked(&self.state.heard).push(line.clone());
        let verb = line.split(' ').next().unwrap_or_default();
        let verb = verb.to_ascii_uppercase();
        if let Fault::Answer(at, answer) = self.fault()
            && at == verb
        {
            self.say(answer)?;
            return Ok(true);
        }
        match verb.as_str() {
            "EHLO" | "HELO" => self.greet()?,
            "STARTTLS" => self.encrypt()?,
            "AUTH" => self.sign_in(&line)?,
            "MAIL" if self.must_sign_in() => self.say("530 5.7.0 Authentication required")?,
            "MAIL" => {
                self.from = Some(path(&line));
                self.to.clear();
                self.say("250 2.1.0 Ok")?;
            }
            "RCPT" if self.from.is_none() => self.say("503 5.5.1 MAIL first")?,
            "RCPT" => {
                self.to.push(path(&line));
                self.say("250 2.1.5 Ok")?;
            }
            "DATA" if self.to.is_empty() => self.say("503 5.5.1 RCPT first")?,
            "DATA" => return self.take_message(),
            "NOOP" => self.say("250 2.0.0 Ok")?,
            "RSET" => {
                self.from = None;
                self.to.clear();
                self.say("250 2.0.0 Ok")?;
            }
            "QUIT" => {
                self.say("221 2.0.0 Bye")?;
                return Ok(false);
            }
            _ => self.say("502 5.5.2 Unknown command")?,
        }
        Ok(true)
    }

    fn must_sign_in(&self) -> bool {
        self.state.conduct.credentials.is_some() && self.user.is_none()
    }

    fn greet(&mut self) -> io::Result<()> {
        let mut lines = vec!["mail.test", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
        let offers = self.state.conduct.tls == MailTls::Starttls;
        if offers && !self.is_encrypted && self.fault() != Fault::NoStarttls {
            lines.push("STARTTLS");
        }
        if self.state.conduct.credentials.is_some() {
            lines.push("AUTH PLAIN LOGIN");
        }
        let last = lines.len() - 1;
        for (index, line) in lines.iter().enumerate() {
            let mark = if index == last { ' ' } else { '-' };
            self.say(&format!("250{mark}{line}"))?;
        }
        Ok(())
    }

    fn encrypt(&mut self) -> io::Result<()> {
        self.say("220 2.0.0 Ready")?;
        let stream = encrypted(self.state, self.socket.try_clone()?)?;
        self.wire = BufReader::new(Box::new(stream));
        self.is_encrypted = true;
        Ok(())
    }

    /// AUTH PLAIN with its initial response (RFC 4616).
    fn sign_in(&mut self, line: &str) -> io::Result<()> {
        let given = line.split(' ').nth(2).unwrap_or_default();
        let given = BASE64.decode(given.as_bytes()).unwrap_or_default();
        let given = String::from_utf8_lossy(&given).into_owned();
        let mut fields = given.split('\0').skip(1);
        let pair = (
            fields.next().unwrap_or_default().to_owned(),
            fields.next().unwrap_or_default().to_owned(),
        );
        if self.state.conduct.credentials.as_ref() == Some(&pair) {
            self.user = Some(pair.0);
            self.say("235 2.7.0 Welcome")
        } else {
            self.say("535 5.7.8 Wrong user or password")
        }
    }

    fn take_message(&mut self) -> io::Result<bool> {
        self.say("354 End with a dot")?;
        let mut raw = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.wire.read_until(b'\n', &mut line)? == 0 {
                return Ok(false);
            }
            if line == b".\r\n" {
                break;
            }
            let unstuffed = line.strip_prefix(b".").unwrap_or(&line);
            raw.extend_from_slice(unstuffed);
        }
        match self.fault() {
            Fault::SilentAfterMessage => {
                wait(&self.socket)?;
                return Ok(false);
            }
            Fault::Answer(".", answer) => {
                self.say(answer)?;
                return Ok(true);
            }
            _ => {}
        }
        locked(&self.state.letters).push(Received {
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            raw,
            is_encrypted: self.is_encrypted,
            user: self.user.clone(),
            connection: self.number,
        });
        if self.fault() == Fault::HangUpAfterMessage {
            self.socket.shutdown(Shutdown::Both)?;
            return Ok(false);
        }
        self.say("250 2.0.0 Queued as 4711")?;
        Ok(true)
    }
}

/// What stands between the angle brackets of MAIL and RCPT.
fn path(line: &str) -> String {
    let inner = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or_else(String::new, |(path, _)| path.to_owned())
}
