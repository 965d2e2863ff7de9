//! `If-Match`: under which tags of an entity a change is to be made (RFC 9110, 13.1.1).

use axum::extract::FromRequestParts;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use common::error::ErrorCode;

use super::error::Refusal;
use crate::app::Error;
use crate::app::entity::Expected;

/// What the request expects of the entity.
#[derive(Debug)]
pub(super) struct IfMatch(pub(super) Expected);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let lines: Option<Vec<&str>> = parts
            .headers
            .get_all(IF_MATCH)
            .iter()
            .map(|value| value.to_str().ok())
            .collect();
        lines
            .and_then(|lines| expected(&lines))
            .map(Self)
            .ok_or_else(|| {
                Refusal(Error::new(
                    ErrorCode::MalformedRequest,
                    "If-Match takes * or tags in quotation marks, as ETag gave them",
                ))
            })
    }
}

/// None where it is malformed.
fn expected(lines: &[&str]) -> Option<Expected> {
    let text = lines.join(",");
    if lines.is_empty() {
        return Some(Expected::Anything);
    }
    if text.trim() == "*" {
        return Some(Expected::Something);
    }
    let mut tags = Vec::new();
    for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        let (is_weak, quoted) = match tag.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, tag),
        };
        let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
        if inner.contains('"') {
            return None;
        }
        // The comparison is strong: a weak tag is none of ours, and matches nothing.
        if !is_weak {
            tags.push(quoted.to_owned());
        }
    }
    Some(Expected::OneOf(tags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_they_were_given() {
        let tags = |tags: &[&str]| {
            Some(Expected::OneOf(
                tags.iter().map(ToString::to_string).collect(),
            ))
        };
        for (lines, wanted) in [
            (&[][..], Some(Expected::Anything)),
            (&["*"], Some(Expected::Something)),
            (&["\"a\""], tags(&["\"a\""])),
            (
                &["\"a\", \"b\"", "\"c\""],
                tags(&["\"a\"", "\"b\"", "\"c\""]),
            ),
            (&["W/\"a\""], tags(&[])),
            (&[""], tags(&[])),
            (&["a"], None),
            (&["\"a"], None),
            (&["\"a\"b\""], None),
            (&["*, \"a\""], None),
        ] {
            assert_eq!(expected(lines), wanted, "{lines:?}");
        }
    }
}
