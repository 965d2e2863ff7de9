//! A form with one file (RFC 7578), read from memory: one part of the name `file`. What the form calls
//! the file, and what it says that it is, are not looked at.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use common::error::ErrorCode;

use crate::app::Error;

/// Bytes that boundary lines and heads of a form may take beside its file.
pub(super) const OVERHEAD: usize = 4096;
/// Longest boundary (RFC 2046, 5.1.1).
const BOUNDARY_LIMIT: usize = 70;
const LINE: &[u8] = b"\r\n";

fn malformed(what: &'static str) -> Error {
    Error::new(ErrorCode::MalformedRequest, what)
}

/// The boundary of a form; none where the body is said to be something else.
///
/// # Errors
/// `malformed_request` for a form without one boundary.
pub(super) fn boundary(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let fault = || malformed("multipart: expected one boundary of at most 70 characters");
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Ok(None);
    };
    let Ok(value) = value.to_str() else {
        return Ok(None);
    };
    let mut parts = value.split(';').map(str::trim);
    let is_form = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/form-data"));
    if !is_form {
        return Ok(None);
    }
    let mut boundaries = parts.filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_boundary = name.trim().eq_ignore_ascii_case("boundary");
        is_boundary.then(|| value.trim().trim_matches('"'))
    });
    let (Some(boundary), None) = (boundaries.next(), boundaries.next()) else {
        return Err(fault());
    };
    let is_plain = (1..=BOUNDARY_LIMIT).contains(&boundary.len())
        && boundary
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&b));
    if is_plain {
        Ok(Some(boundary.to_owned()))
    } else {
        Err(fault())
    }
}

/// The file of a form.
///
/// # Errors
/// `malformed_request` for anything but one part of the name `file`; `unknown_field` for a part of
/// another name.
pub(super) fn file(mut body: Vec<u8>, boundary: &str) -> Result<Vec<u8>, Error> {
    let place = place(&body, boundary)?;
    body.truncate(place.end);
    body.drain(..place.start);
    Ok(body)
}

/// Where the file lies within the form.
fn place(body: &[u8], boundary: &str) -> Result<std::ops::Range<usize>, Error> {
    let begins = || malformed("multipart: expected the boundary first, and one part behind it");
    let opening = format!("--{boundary}\r\n");
    let rest = body.strip_prefix(opening.as_bytes()).ok_or_else(begins)?;
    let head_end = find(
        rest.get(..OVERHEAD.min(rest.len())).unwrap_or(rest),
        b"\r\n\r\n",
    );
    let (head, content) = head_end
        .and_then(|at| Some((rest.get(..at)?, rest.get(at.checked_add(4)?..)?)))
        .ok_or_else(|| malformed("multipart: the head of the part does not end"))?;
    check_head(head)?;
    let closing = format!("\r\n--{boundary}");
    let length = find(content, closing.as_bytes())
        .ok_or_else(|| malformed("multipart: the part does not end"))?;
    let behind = content
        .get(length.saturating_add(closing.len())..)
        .unwrap_or_default();
    let tail = behind.strip_prefix(b"--");
    if !tail.is_some_and(|tail| tail.is_empty() || tail == LINE) {
        return Err(malformed(
            "multipart: expected one part, and nothing behind it",
        ));
    }
    let start = body.len().saturating_sub(content.len());
    Ok(start..start.saturating_add(length))
}

/// The part must be called `file`, and its content must stand there as it is.
fn check_head(head: &[u8]) -> Result<(), Error> {
    let head = std::str::from_utf8(head)
        .map_err(|_| malformed("multipart: the head of the part is not text"))?;
    let mut named = None;
    for line in head.split("\r\n") {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| malformed("multipart: a line of the part's head has no name"))?;
        let name = name.trim();
        if name.eq_ignore_ascii_case("content-transfer-encoding") {
            let encoding = value.trim();
            if !encoding.eq_ignore_ascii_case("binary") && !encoding.eq_ignore_ascii_case("8bit") {
                return Err(malformed("multipart: the part must be sent as it is"));
            }
        }
        if name.eq_ignore_ascii_case("content-disposition") {
            if named.is_some() {
                return Err(malformed("multipart: the part has two names"));
            }
            named = Some(part_name(value)?);
        }
    }
    match named {
        Some("file") => Ok(()),
        Some(_) => Err(Error::new(
            ErrorCode::UnknownField,
            "multipart: expected one part of the name \"file\"",
        )),
        None => Err(malformed("multipart: the part has no name")),
    }
}

/// The `name` of a part: the parameter right behind its kind, where every client writes it.
fn part_name(disposition: &str) -> Result<&str, Error> {
    let name = || {
        let rest = disposition.trim().strip_prefix("form-data")?;
        let rest = rest.trim_start().strip_prefix(';')?.trim_start();
        let rest = rest.strip_prefix("name=")?;
        match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').map(|(name, _)| name),
            None => rest.split(';').next().map(str::trim),
        }
    };
    name().ok_or_else(|| malformed("multipart: expected form-data; name=\"file\""))
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|part| part == what)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn form(head: &str, content: &[u8]) -> Vec<u8> {
        [
            b"--XX\r\n",
            head.as_bytes(),
            b"\r\n\r\n",
            content,
            b"\r\n--XX--\r\n",
        ]
        .concat()
    }

    fn of(text: &str) -> Result<Option<String>, ErrorCode> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(text).unwrap());
        boundary(&headers).map_err(|error| error.code)
    }

    #[test]
    fn a_boundary_is_found_or_refused() {
        let found = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(of("multipart/form-data; boundary=XX"), found("XX"));
        assert_eq!(of("Multipart/Form-Data;boundary=\"a-b\""), found("a-b"));
        assert_eq!(of("image/png"), Ok(None));
        for bad in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=a; boundary=b",
            "multipart/form-data; boundary=a b",
            &format!("multipart/form-data; boundary={}", "a".repeat(71)),
        ] {
            assert_eq!(of(bad), Err(ErrorCode::MalformedRequest), "{bad}");
        }
    }

    #[test]
    fn v5_3_2_the_name_of_a_file_is_ignored() {
        for name in [
            "a.png",
            "../../x",
            "/etc/passwd",
            "a\0.png",
            "C:\\\\x",
            "\u{202e}gnp.exe",
            "x\"; name=\"other",
        ] {
            let head =
                format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"");
            assert_eq!(file(form(&head, b"abc"), "XX").unwrap(), b"abc", "{name:?}");
        }
        let head = "content-type: text/html\r\ncontent-disposition: form-data; name=file";
        assert_eq!(file(form(head, b"a\r\n--X"), "XX").unwrap(), b"a\r\n--X");
        assert_eq!(file(form(head, b""), "XX").unwrap(), b"");
    }

    #[test]
    fn anything_but_one_part_of_that_name_is_refused() {
        let good = "Content-Disposition: form-data; name=\"file\"";
        let twice = [
            &form(good, b"a")[..form(good, b"a").len() - 4],
            b"\r\n",
            good.as_bytes(),
            b"\r\n\r\nb\r\n--XX--",
        ]
        .concat();
        let mut behind = form(good, b"a");
        behind.extend(b"more");
        let other = form("Content-Disposition: form-data; name=\"avatar\"", b"a");
        assert_eq!(file(other, "XX").unwrap_err().code, ErrorCode::UnknownField);
        for bad in [
            twice,
            behind,
            form("Content-Type: image/png", b"a"),
            form(&format!("{good}\r\n{good}"), b"a"),
            form(
                &format!("{good}\r\nContent-Transfer-Encoding: base64"),
                b"YQ==",
            ),
            form("Content-Disposition: attachment; name=\"file\"", b"a"),
            form(&format!("{good}\r\nX: {}", "a".repeat(OVERHEAD)), b"a"),
            b"--XX\r\n".to_vec(),
            b"preamble\r\n--XX\r\n".to_vec(),
            form(good, b"a")[..40].to_vec(),
            Vec::new(),
        ] {
            let refused = file(bad.clone(), "XX").unwrap_err();
            assert_eq!(refused.code, ErrorCode::MalformedRequest, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a60_any_form_ends_in_a_part_of_it_or_a_refusal(
            body in proptest::collection::vec(any::<u8>(), 0..200),
            is_form in any::<bool>(),
        ) {
            let body = if is_form {
                form("Content-Disposition: form-data; name=\"file\"", &body)
            } else {
                body
            };
            if let Ok(file) = file(body.clone(), "XX") {
                prop_assert!(file.len() <= body.len());
            }
        }
    }
}
