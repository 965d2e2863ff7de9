//! A mail as a server received it, and what its recipient would see of it: headers, text, HTML,
//! links. As much of MIME as the mails of the daemon use (RFC 2045, 2047, 5322).

use data_encoding::BASE64_MIME_PERMISSIVE;

/// A message with its envelope.
#[derive(Debug, Clone)]
pub struct Received {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// The message as it came, dots unstuffed.
    pub raw: Vec<u8>,
    /// Whether the connection was encrypted.
    pub is_encrypted: bool,
    /// Who had signed in.
    pub user: Option<String>,
    /// Which connection it came by, from 1.
    pub connection: usize,
}

impl Received {
    /// The decoded value of a header; none if it is absent.
    ///
    /// # Panics
    /// If it is there more than once.
    pub fn header(&self, name: &str) -> Option<String> {
        let text = self.text_of_message();
        let (head, _) = split(&text);
        let mut found = headers(head).filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, value) = found.next()?;
        assert!(found.next().is_none(), "{name} stands twice");
        Some(words(&value))
    }

    /// The names of all headers, in their order.
    pub fn header_names(&self) -> Vec<String> {
        let text = self.text_of_message();
        let (head, _) = split(&text);
        headers(head).map(|(name, _)| name).collect()
    }

    /// The plain text.
    pub fn text(&self) -> String {
        self.part("text/plain")
    }

    /// The HTML.
    pub fn html(&self) -> String {
        self.part("text/html")
    }

    /// The addresses in the plain text.
    pub fn links(&self) -> Vec<String> {
        let text = self.text();
        let words = text.split_whitespace();
        words
            .filter(|word| word.starts_with("https://") || word.starts_with("http://"))
            .map(str::to_owned)
            .collect()
    }

    /// The addresses that the HTML links to, as a browser reads the attributes.
    pub fn html_links(&self) -> Vec<String> {
        let html = self.html();
        html.split("href=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .map(unescape)
            .collect()
    }

    /// The token in the fragment of the one link.
    ///
    /// # Panics
    /// If there is no such link.
    pub fn token(&self) -> String {
        let links = self.links();
        let link = links.first().expect("a link");
        let (_, token) = link.split_once('#').expect("a fragment");
        token.to_owned()
    }

    fn text_of_message(&self) -> String {
        String::from_utf8_lossy(&self.raw).replace("\r\n", "\n")
    }

    fn part(&self, kind: &str) -> String {
        let text = self.text_of_message();
        find(&text, kind).unwrap_or_else(|| panic!("no {kind} in {text}"))
    }
}

/// Headers and body.
fn split(text: &str) -> (&str, &str) {
    text.split_once("\n\n").unwrap_or((text, ""))
}

/// Names and values, continuation lines joined.
fn headers(head: &str) -> impl Iterator<Item = (String, String)> {
    let joined = head.replace("\n ", " ").replace("\n\t", " ");
    let lines: Vec<String> = joined.lines().map(str::to_owned).collect();
    lines.into_iter().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().to_owned()))
    })
}

/// The decoded part of a kind, however deep.
fn find(text: &str, kind: &str) -> Option<String> {
    let (head, body) = split(text);
    let value = |name: &str| {
        let mut all = headers(head).filter(|(known, _)| known.eq_ignore_ascii_case(name));
        all.next().map(|(_, value)| value)
    };
    let content_type = value("Content-Type")?;
    if content_type.starts_with(kind) {
        let is_utf8 = content_type.to_ascii_lowercase().contains("charset=utf-8");
        assert!(is_utf8, "{content_type}");
        let encoding = value("Content-Transfer-Encoding").unwrap_or_default();
        return Some(decode(body, &encoding.to_ascii_lowercase()));
    }
    let (_, rest) = content_type.split_once("boundary=")?;
    let boundary = rest.trim_matches('"').split('"').next()?;
    let mark = format!("--{boundary}");
    let parts = body.split(&mark).skip(1);
    parts
        .map(|part| part.trim_start_matches('\n'))
        .take_while(|part| !part.starts_with("--"))
        .find_map(|part| find(part, kind))
}

fn decode(body: &str, encoding: &str) -> String {
    let bytes = match encoding {
        "base64" => BASE64_MIME_PERMISSIVE
            .decode(body.trim().as_bytes())
            .expect("base64"),
        "quoted-printable" => quoted_printable(&body.replace("=\n", "")),
        _ => body.as_bytes().to_vec(),
    };
    String::from_utf8(bytes)
        .expect("UTF-8")
        .replace("\r\n", "\n")
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'=' {
            bytes.push(byte);
            continue;
        }
        let pair: Vec<u8> = rest.by_ref().take(2).collect();
        let digits = std::str::from_utf8(&pair).expect("two digits");
        bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
    }
    bytes
}

/// Encoded words (RFC 2047) as what they say.
fn words(value: &str) -> String {
    let mut shown = String::new();
    let mut rest = value;
    let mut after_word = false;
    while let Some((before, word)) = rest.split_once("=?") {
        // White space between two encoded words is no part of the text.
        if !(after_word && before.trim().is_empty()) {
            shown.push_str(before);
        }
        let mut fields = word.splitn(3, '?');
        let _charset = fields.next();
        let encoding = fields.next().expect("an encoding").to_ascii_lowercase();
        let (content, behind) = fields
            .next()
            .and_then(|rest| rest.split_once("?="))
            .expect("an end");
        let bytes = match encoding.as_str() {
            "b" => BASE64_MIME_PERMISSIVE
                .decode(content.as_bytes())
                .expect("base64"),
            _ => quoted_printable(&content.replace('_', " ")),
        };
        shown.push_str(&String::from_utf8(bytes).expect("UTF-8"));
        rest = behind;
        after_word = true;
    }
    shown.push_str(rest);
    shown
}

/// An attribute's value as a browser reads it.
fn unescape(text: &str) -> String {
    text.replace("&#x2f;", "/")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_its_recipient_would() {
        let raw = "Subject: =?utf-8?b?w5xi?= =?utf-8?q?er_x?=\r\n\
            Content-Type: multipart/alternative;\r\n boundary=\"b\"\r\n\r\n\
            --b\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\n\
            a =C3=BC https://a.example/x#to=\r\nken\r\n\
            --b\r\nContent-Type: text/html; charset=utf-8\r\n\
            Content-Transfer-Encoding: base64\r\n\r\nPGEgaHJlZj0iYSZhbXA7YiI+\r\n--b--\r\n";
        let received = Received {
            from: String::new(),
            to: Vec::new(),
            raw: raw.as_bytes().to_vec(),
            is_encrypted: false,
            user: None,
            connection: 1,
        };
        assert_eq!(received.header("subject").unwrap(), "Über x");
        assert_eq!(received.text().trim(), "a ü https://a.example/x#token");
        assert_eq!(received.token(), "token");
        assert_eq!(received.html_links(), ["a&b"]);
        assert_eq!(received.header("cc"), None);
    }
}
