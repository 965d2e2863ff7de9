//! One answer as it comes in on a connection: where it ends, its status, a text within its body.
//! It reads what authd and the floors send (a length, no chunks) and nothing else.

use crate::Result;

/// Bytes of an answer that is not whole yet.
#[derive(Default)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
    /// Where the body begins and where the answer ends, once the head is there.
    ends: Option<(usize, usize)>,
}

/// A whole answer.
pub(super) struct Answer<'a> {
    /// Status code.
    pub(super) status: u16,
    /// Body.
    pub(super) body: &'a [u8],
    /// Whether the server closes after it.
    pub(super) closes: bool,
}

impl Incoming {
    /// Takes bytes from the wire.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The answer, if all of it is there. One request is under way at a time: bytes beyond its answer
    /// are an error.
    pub(super) fn answer(&mut self) -> Result<Option<Answer<'_>>> {
        if self.ends.is_none() {
            let Some(at) = memchr::memmem::find(&self.bytes, b"\r\n\r\n") else {
                return Ok(None);
            };
            let (head, _) = self.bytes.split_at(at);
            let length = header(head, b"content-length").map_or(Ok(0), number)?;
            self.ends = Some((at + 4, at + 4 + length));
        }
        let Some((body, end)) = self.ends else {
            return Ok(None);
        };
        match self.bytes.len().cmp(&end) {
            std::cmp::Ordering::Less => return Ok(None),
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => return Err("an answer that nobody asked for".into()),
        }
        let (head, body) = self.bytes.split_at(body);
        let status = head.get(9..12).map(number).ok_or("no status line")??;
        Ok(Some(Answer {
            status: u16::try_from(status)?,
            body,
            closes: header(head, b"connection").is_some_and(|how| how == b"close"),
        }))
    }

    /// Makes room for the next answer.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends = None;
    }
}

fn number(digits: &[u8]) -> Result<usize> {
    Ok(std::str::from_utf8(digits)?.trim().parse()?)
}

fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let begins = memchr::memchr_iter(b'\n', head).map(|end| end + 1);
    begins
        .filter_map(|begin| head.get(begin..))
        .find_map(|line| {
            let (before, after) = line.split_at_checked(name.len())?;
            let value = after.strip_prefix(b":")?;
            if !before.eq_ignore_ascii_case(name) {
                return None;
            }
            let end = memchr::memchr(b'\n', value).unwrap_or(value.len());
            value.get(..end).map(<[u8]>::trim_ascii)
        })
}

/// The text member of that name in a JSON body, found without reading the whole.
pub(super) fn member<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let begin = format!("\"{name}\":\"");
    let at = memchr::memmem::find(body, begin.as_bytes())? + begin.len();
    let after = body.get(at..)?;
    let value = after.get(..memchr::memchr(b'"', after)?)?;
    std::str::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_last_byte_and_not_before() {
        let bytes = b"HTTP/1.1 503 Service Unavailable\r\nCONTENT-LENGTH: 4\r\nconnection: close\r\n\r\nbody";
        let mut incoming = Incoming::default();
        for byte in bytes.iter().take(bytes.len() - 1) {
            incoming.push(&[*byte]);
            assert!(incoming.answer().unwrap().is_none());
        }
        incoming.push(b"y");
        let answer = incoming.answer().unwrap().unwrap();
        assert_eq!((answer.status, answer.body), (503, b"body".as_slice()));
        assert!(answer.closes);
        incoming.push(b"!");
        assert!(incoming.answer().is_err());
        incoming.clear();
        incoming.push(b"HTTP/1.1 204 No Content\r\n\r\n");
        let answer = incoming.answer().unwrap().unwrap();
        assert_eq!((answer.status, answer.closes), (204, false));
    }

    #[test]
    fn a_member_is_found_by_its_whole_name() {
        let body = br#"{"access_token":"a","refresh_token":"b"}"#;
        assert_eq!(member(body, "refresh_token"), Some("b"));
        assert_eq!(member(body, "token"), None);
    }
}
