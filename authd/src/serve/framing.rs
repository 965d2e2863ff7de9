//! Where one request ends and the next begins, read strictly and before hyper reads it.
//!
//! hyper accepts messages whose borders another server could see elsewhere: bare line feeds, both
//! lengths at once, one length twice, chunk extensions, codings before `chunked`. Behind a proxy
//! each of them can hide a second request in the first, so none of them reaches hyper. This is no
//! parser of requests: what it lets pass is parsed, and may still be refused, by hyper.

/// What may be done with the bytes at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// So many of them may go to hyper.
    Pass(usize),
    /// More bytes are needed to tell.
    More,
    /// The message is ambiguous; nothing of the connection may be read any more.
    Refuse,
}

/// Follows the messages of one connection.
#[derive(Debug)]
pub(super) struct Framing {
    state: State,
    max_head_bytes: usize,
    /// Bytes of the head at hand that have been looked at, so that a drip is not read again.
    seen: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    Chunk(Chunk),
    /// The head is too large; hyper says so when it has all of it.
    TooLarge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    Size { digits: u8, size: u64 },
    SizeLineFeed { size: u64 },
    Data { rest: u64 },
    DataReturn,
    DataLineFeed,
    EndReturn,
    EndLineFeed,
    Over,
}

impl Framing {
    /// Waits for the first head, of at most so many bytes.
    pub(super) fn new(max_head_bytes: usize) -> Self {
        Self {
            state: State::Head,
            max_head_bytes,
            seen: 0,
        }
    }

    /// Whether the next byte belongs to a head.
    pub(super) fn awaits_head(&self) -> bool {
        self.state == State::Head
    }

    /// Judges the bytes that follow those passed before.
    pub(super) fn judge(&mut self, bytes: &[u8]) -> Step {
        if bytes.is_empty() {
            return Step::More;
        }
        match self.state {
            State::Head => self.judge_head(bytes),
            State::Length(rest) => {
                let passed = bounded(rest, bytes.len());
                let rest = rest.saturating_sub(length(passed));
                self.state = if rest == 0 {
                    State::Head
                } else {
                    State::Length(rest)
                };
                Step::Pass(passed)
            }
            State::Chunk(chunk) => self.judge_chunks(chunk, bytes),
            State::TooLarge => Step::Pass(bytes.len()),
        }
    }

    fn judge_head(&mut self, bytes: &[u8]) -> Step {
        let Ok(end) = head_end(bytes, self.seen) else {
            return Step::Refuse;
        };
        if end.unwrap_or(bytes.len()) > self.max_head_bytes {
            self.state = State::TooLarge;
            return Step::Pass(bytes.len());
        }
        let Some(end) = end else {
            self.seen = bytes.len();
            return Step::More;
        };
        self.seen = 0;
        let Some(state) = bytes.get(..end).and_then(body_after) else {
            return Step::Refuse;
        };
        self.state = state;
        Step::Pass(end)
    }

    fn judge_chunks(&mut self, mut chunk: Chunk, bytes: &[u8]) -> Step {
        let mut rest = bytes;
        while let Some((&byte, tail)) = rest.split_first() {
            if let Chunk::Data { rest: data } = chunk {
                let taken = bounded(data, rest.len());
                rest = rest.get(taken..).unwrap_or_default();
                let left = data.saturating_sub(length(taken));
                chunk = if left == 0 {
                    Chunk::DataReturn
                } else {
                    Chunk::Data { rest: left }
                };
                continue;
            }
            rest = tail;
            match chunk.after(byte) {
                Some(Chunk::Over) => {
                    self.state = State::Head;
                    return Step::Pass(bytes.len().saturating_sub(rest.len()));
                }
                Some(next) => chunk = next,
                None => return Step::Refuse,
            }
        }
        self.state = State::Chunk(chunk);
        Step::Pass(bytes.len())
    }
}

impl Chunk {
    const START: Self = Self::Size { digits: 0, size: 0 };

    /// What comes after one byte that is no data; none if it may not stand there. Extensions and
    /// trailers have no meaning here and are refused.
    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Size { digits: 1.., size }, b'\r') => Self::SizeLineFeed { size },
            (
                Self::Size {
                    digits: ..=14,
                    size,
                },
                byte,
            ) => {
                let digit = char::from(byte).to_digit(16)?;
                let Self::Size { digits, .. } = self else {
                    return None;
                };
                Self::Size {
                    digits: digits.saturating_add(1),
                    size: size.checked_mul(16)?.checked_add(u64::from(digit))?,
                }
            }
            (Self::SizeLineFeed { size: 0 }, b'\n') => Self::EndReturn,
            (Self::SizeLineFeed { size }, b'\n') => Self::Data { rest: size },
            (Self::DataReturn, b'\r') => Self::DataLineFeed,
            (Self::DataLineFeed, b'\n') => Self::START,
            (Self::EndReturn, b'\r') => Self::EndLineFeed,
            (Self::EndLineFeed, b'\n') => Self::Over,
            _ => return None,
        })
    }
}

/// Index behind the empty line that ends a head, none if it is not there yet. One empty line may
/// stand before the request line (RFC 9112, 2.2).
fn head_end(bytes: &[u8], seen: usize) -> Result<Option<usize>, ()> {
    let mut previous = seen.checked_sub(1).and_then(|at| bytes.get(at)).copied();
    let mut seen = seen;
    while let Some(&byte) = bytes.get(seen) {
        let at = seen;
        seen = seen.saturating_add(1);
        if matches!(previous, None | Some(b'\n')) {
            // A stretch without any end of a line has one reading, whatever stands in it.
            let plain = plain_stretch(bytes.get(at..).unwrap_or_default());
            if plain > 0 {
                previous = Some(b' ');
                seen = at.saturating_add(plain);
                continue;
            }
        }
        if (byte == b'\n') != (previous == Some(b'\r')) {
            return Err(());
        }
        if byte == b'\n' {
            let head = bytes.get(..=at).unwrap_or_default();
            if head == b"\r\n\r\n" {
                return Err(());
            }
            if head.ends_with(b"\r\n\r\n") {
                return Ok(Some(head.len()));
            }
        }
        previous = Some(byte);
    }
    Ok(None)
}

/// How many of the first bytes certainly hold no return and no line feed: whole steps of a size
/// that the compiler compares at once.
fn plain_stretch(bytes: &[u8]) -> usize {
    const STEP: usize = 32;
    let is_plain = |step: &&[u8; STEP]| {
        let mut ends = false;
        for &byte in *step {
            ends |= byte == b'\n' || byte == b'\r';
        }
        !ends
    };
    let (steps, _) = bytes.as_chunks::<STEP>();
    steps
        .iter()
        .take_while(is_plain)
        .count()
        .saturating_mul(STEP)
}

/// The state behind a whole head; none if its length can be read in two ways.
fn body_after(head: &[u8]) -> Option<State> {
    let text = head.trim_ascii();
    let mut lines = text
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let request_line = lines.next()?;
    // No target has a fragment (RFC 9112, 3.2); hyper would cut it off, a proxy may match it.
    if request_line.contains(&b'#') {
        return None;
    }
    let is_http_11 = request_line.ends_with(b" HTTP/1.1");
    if !is_http_11 && !request_line.ends_with(b" HTTP/1.0") {
        return None;
    }
    let (mut content_length, mut is_chunked, mut has_host) = (None, false, false);
    for line in lines {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.is_empty() || name.iter().any(u8::is_ascii_whitespace) {
            return None;
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = decimal(value)?;
            if content_length.replace(length).is_some() {
                return None;
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if is_chunked || !is_http_11 || !value.eq_ignore_ascii_case(b"chunked") {
                return None;
            }
            is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"host") && std::mem::replace(&mut has_host, true) {
            return None;
        }
    }
    // RFC 9112, 3.2: a request of HTTP/1.1 without the header is refused.
    if is_http_11 && !has_host {
        return None;
    }
    match (content_length, is_chunked) {
        (Some(_), true) => None,
        (None, true) => Some(State::Chunk(Chunk::START)),
        (Some(1..), false) => content_length.map(State::Length),
        _ => Some(State::Head),
    }
}

/// Digits alone: no sign, no list, nothing empty.
fn decimal(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

fn bounded(rest: u64, available: usize) -> usize {
    usize::try_from(rest).unwrap_or(usize::MAX).min(available)
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that pass in all, and whether the rest is refused; fed in pieces of `piece` bytes.
    fn follow(text: &str, piece: usize) -> (usize, bool) {
        let mut framing = Framing::new(4096);
        let (mut at_hand, mut passed) = (Vec::new(), 0);
        for part in text.as_bytes().chunks(piece) {
            at_hand.extend_from_slice(part);
            loop {
                match framing.judge(&at_hand) {
                    Step::Pass(count) => {
                        passed += count;
                        at_hand.drain(..count);
                    }
                    Step::More => break,
                    Step::Refuse => return (passed, true),
                }
            }
        }
        (passed, false)
    }

    #[test]
    fn a56_messages_with_one_reading_pass_whole() {
        for text in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\nGET / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0A\r\n0123456789\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            for piece in [1, 3, 4096] {
                assert_eq!(follow(text, piece), (text.len(), false), "{piece} {text:?}");
            }
        }
    }

    /// Whole steps of a line are looked at together: a lone return or line feed is found at every
    /// place, and the end of the head nowhere else.
    #[test]
    fn a56_line_ends_are_seen_at_every_place_of_a_long_line() {
        for length in 0..100 {
            let line = format!("X: {}", "v".repeat(length));
            let head = |line: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\nrest");
            let whole = head(&line);
            let end = whole.len() - "rest".len();
            for piece in [1, 7, 32, 4096] {
                assert_eq!(follow(&whole, piece).0, end, "{length} {piece}");
                for at in 0..=length {
                    for lone in ['\r', '\n'] {
                        let mut broken = line.clone();
                        broken.insert(3 + at, lone);
                        // Behind the last one stands the line's own end.
                        let is_refused = follow(&head(&broken), piece) == (0, true);
                        assert!(is_refused, "{length} {at} {piece} {lone:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a56_heads_with_two_readings_are_refused() {
        for text in [
            "GET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\u{b}chunked\r\n\r\n",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nX: a\r\n Content-Length: 5\r\n\r\n",
            "POST / HTTP/1.1\nContent-Length: 5\n\nhello",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\nGET",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "GET /a#/b HTTP/1.1\r\nHost: a\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            for piece in [1, 4096] {
                assert_eq!(follow(text, piece), (0, true), "{piece} {text:?}");
            }
        }
    }

    #[test]
    fn a56_chunks_with_two_readings_are_refused() {
        for body in [
            "5;a=b\r\nhello\r\n0\r\n\r\n",
            "5 \r\nhello\r\n0\r\n\r\n",
            "5\nhello\r\n0\r\n\r\n",
            "5\r\nhelloX\r\n0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            "-5\r\nhello\r\n0\r\n\r\n",
            "\r\nhello\r\n0\r\n\r\n",
            "10000000000000005\r\nhello\r\n0\r\n\r\n",
            "0\r\nX-Trailer: a\r\n\r\n",
            "0\r\n\n",
        ] {
            let text =
                format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
            assert!(follow(&text, 1).1, "{body:?}");
            assert!(follow(&text, 4096).1, "{body:?}");
        }
    }

    #[test]
    fn a_head_over_its_limit_goes_on_for_hyper_to_refuse() {
        let mut framing = Framing::new(64);
        assert_eq!(framing.judge(&[b'a'; 64]), Step::More);
        assert_eq!(framing.judge(&[b'a'; 65]), Step::Pass(65));
        assert!(!framing.awaits_head());
    }
}
