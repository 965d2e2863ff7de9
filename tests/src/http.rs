//! A small blocking HTTP/1.1 client that can also send what no client should.
//! It follows nothing, retries nothing and keeps no pool: a test sees what was on the wire.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use serde_json::Value;

/// Longest wait for anything from the daemon; above every timeout of its own that tests use.
const PATIENCE: Duration = Duration::from_secs(45);

/// A request that is well formed, whatever it asks for.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Any method; the path is sent as it is.
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A GET.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST.
    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Sets a JSON body with its content type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        let text = body.to_string();
        self.json_text(&text)
    }

    /// Sets a body that says it is JSON.
    #[must_use]
    pub fn json_text(self, body: &str) -> Self {
        self.header("Content-Type", "application/json")
            .body(body.as_bytes())
    }

    /// Sets a body.
    #[must_use]
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// The bytes on the wire.
    pub fn bytes(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        }
        if !self.body.is_empty() || !matches!(self.method.as_str(), "GET" | "HEAD" | "DELETE") {
            head.push_str("Content-Length: ");
            head.push_str(&self.body.len().to_string());
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status.
    pub status: u16,
    /// Headers as they came.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// First value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} {:?}", self.status, self.text()))
    }

    /// A text member of the body; empty where it is absent.
    ///
    /// # Panics
    /// If the body is no JSON.
    pub fn field(&self, pointer: &str) -> String {
        let value = self.json();
        let found = value.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    }

    /// Status and error code together, as tests compare them: `401 invalid_credentials`.
    pub fn outcome(&self) -> String {
        if self.status < 400 || self.body.is_empty() {
            return self.status.to_string();
        }
        format!("{} {}", self.status, self.field("/code"))
    }

    /// What two answers that must not differ are compared by: status, header names and body, without
    /// request id, date and the rest of a lock.
    pub fn likeness(&self) -> (u16, Vec<String>, String) {
        let mut names: Vec<String> = self
            .headers
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect();
        names.sort();
        let mut body = self.text();
        if let Ok(Value::Object(mut object)) = serde_json::from_slice::<Value>(&self.body) {
            object.remove("request_id");
            // The rest of a lock differs by the time between the two; that there is one must not.
            let waits = object
                .get("retry_after_seconds")
                .is_some_and(Value::is_number);
            object.insert("retry_after_seconds".to_owned(), waits.into());
            body = Value::Object(object).to_string();
        }
        (self.status, names, body)
    }
}

/// One TCP connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects, from an address of the caller's choice if one is given.
    ///
    /// # Panics
    /// If that fails.
    pub fn open(to: SocketAddr, from: Option<IpAddr>) -> Self {
        Self::try_open(to, from).unwrap_or_else(|error| panic!("no connection to {to}: {error}"))
    }

    /// As [`Connection::open`].
    ///
    /// # Errors
    /// Those of the sockets.
    pub fn try_open(to: SocketAddr, from: Option<IpAddr>) -> std::io::Result<Self> {
        let stream = if let Some(from) = from {
            let family = if to.is_ipv4() {
                AddressFamily::INET
            } else {
                AddressFamily::INET6
            };
            let socket = socket(family, SocketType::STREAM, None)?;
            bind(&socket, &SocketAddr::new(from, 0))?;
            connect(&socket, &to)?;
            TcpStream::from(socket)
        } else {
            TcpStream::connect_timeout(&to, PATIENCE)?
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// Changes how long reads wait.
    ///
    /// # Panics
    /// For no time at all.
    pub fn patience(&self, time: Duration) {
        self.stream
            .set_read_timeout(Some(time))
            .expect("a time above zero");
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// If the other end does not take them.
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// If the connection breaks before the answer is whole.
    pub fn ask(&mut self, request: &Request) -> std::io::Result<Response> {
        let is_head = request.method == "HEAD";
        // A refusal may come, and the connection go, before all was sent: the answer counts.
        let sent = self.send(&request.bytes("127.0.0.1"));
        let answer = self.read(is_head);
        if answer.is_err() {
            sent?;
        }
        answer
    }

    /// Reads one answer.
    ///
    /// # Errors
    /// If the connection breaks before the answer is whole, or it is no HTTP.
    pub fn read(&mut self, is_head: bool) -> std::io::Result<Response> {
        let head = self.read_head()?;
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| broken(&format!("no status line in {head:?}")))?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut response = Response {
            status,
            headers,
            body: Vec::new(),
        };
        if !is_head && status >= 200 && status != 204 && status != 304 {
            response.body = self.read_body(&response)?;
        }
        Ok(response)
    }

    /// Whether the other end closes without another byte, within the present patience.
    pub fn is_closed(&mut self) -> bool {
        if !self.buffer.is_empty() {
            return false;
        }
        let mut byte = [0_u8; 1];
        match self.stream.read(&mut byte) {
            Ok(length) => length == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }

    fn read_head(&mut self) -> std::io::Result<String> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                let text = head.get(..end).unwrap_or_default();
                return Ok(String::from_utf8_lossy(text).into_owned());
            }
            self.fill()?;
        }
    }

    fn read_body(&mut self, response: &Response) -> std::io::Result<Vec<u8>> {
        if let Some(length) = response.header("content-length") {
            let length = length.parse().map_err(|_| broken("content-length"))?;
            return self.take(length);
        }
        let is_chunked = response
            .header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        if is_chunked {
            return self.read_chunks();
        }
        while self.fill().is_ok() {}
        Ok(std::mem::take(&mut self.buffer))
    }

    fn read_chunks(&mut self) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(end) = find(&self.buffer, b"\r\n") {
                    break self.take(end + 2)?;
                }
                self.fill()?;
            };
            let text = String::from_utf8_lossy(&line);
            let size = usize::from_str_radix(text.trim(), 16).map_err(|_| broken("chunk"))?;
            let chunk = self.take(size + 2)?;
            if size == 0 {
                return Ok(body);
            }
            body.extend(chunk.into_iter().take(size));
        }
    }

    fn take(&mut self, length: usize) -> std::io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            self.fill()?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn fill(&mut self) -> std::io::Result<()> {
        let mut chunk = [0_u8; 16 * 1024];
        let length = self.stream.read(&mut chunk)?;
        if length == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer
            .extend_from_slice(chunk.get(..length).unwrap_or_default());
        Ok(())
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

fn broken(what: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Serves one connection the same bytes whatever it asks.
    fn answering(bytes: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0_u8; 1024];
            let _: usize = stream.read(&mut request).expect("a request");
            stream.write_all(bytes).expect("sent");
        });
        address
    }

    fn ask(bytes: &'static [u8]) -> Vec<Response> {
        let mut connection = Connection::open(answering(bytes), None);
        let first = connection.ask(&Request::get("/")).expect("an answer");
        let mut all = vec![first];
        while let Ok(next) = connection.read(false) {
            all.push(next);
        }
        assert!(connection.is_closed());
        all
    }

    #[test]
    fn bodies_of_every_framing_are_read() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\nabc",
        ] {
            let answers = ask(bytes);
            let [answer] = answers.as_slice() else {
                panic!("one answer, not {answers:?}");
            };
            assert_eq!((answer.status, answer.text().as_str()), (200, "abc"));
        }
    }

    #[test]
    fn answers_that_follow_each_other_are_told_apart() {
        let answers = ask(
            b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\nHTTP/1.1 404 Not Found\r\n\
              content-length: 22\r\n\r\n{\"code\":\"not_found\"}\r\n",
        );
        let outcomes: Vec<String> = answers.iter().map(Response::outcome).collect();
        assert_eq!(outcomes, ["204", "404 not_found"]);
        assert_eq!(answers[0].header("x-a"), Some("1"));
    }

    #[test]
    fn a_client_can_choose_its_own_address() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let from = "127.0.0.9".parse().expect("an address");
        let _connection = Connection::open(address, Some(from));
        let (_, peer) = listener.accept().expect("a client");
        assert_eq!(peer.ip(), from);
    }
}
