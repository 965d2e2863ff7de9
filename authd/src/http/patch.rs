//! What a PATCH brings: a JSON Merge Patch (RFC 7396) in either of its two content types, and the tags
//! that it is bound to. What a patch may change is its type's matter.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{HeaderMap, IF_MATCH};
use axum::http::request::Parts;
use common::error::ErrorCode;
use serde::de::DeserializeOwned;

use super::body::{self, JSON, MERGE_PATCH};
use super::error::Refusal;
use crate::app::Error;
use crate::app::entity::IfMatch;

/// Most tags that one request may name.
const TAGS: usize = 16;

/// A merge patch, read whole and strictly. It comes last among a handler's arguments, as every body.
#[derive(Debug)]
pub(super) struct MergePatch<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for MergePatch<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        body::read_json(request, &[JSON, MERGE_PATCH])
            .await
            .map(Self)
    }
}

/// `If-Match`: a star, or entity tags. A weak tag matches nothing (RFC 9110, 13.1.1).
impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        if_match(&parts.headers).ok_or_else(|| {
            Refusal(Error::new(
                ErrorCode::MalformedRequest,
                "If-Match: expected * or tags in quotes",
            ))
        })
    }
}

fn if_match(headers: &HeaderMap) -> Option<IfMatch> {
    let mut is_any = false;
    let mut tags = Vec::new();
    let mut weak = 0_usize;
    let mut is_said = false;
    for value in headers.get_all(IF_MATCH) {
        is_said = true;
        for part in value.to_str().ok()?.split(',').map(str::trim) {
            match part {
                "" => {}
                "*" => is_any = true,
                tag => match read_tag(tag)? {
                    Tag::Strong(tag) => tags.push(tag),
                    Tag::Weak => weak = weak.saturating_add(1),
                },
            }
        }
    }
    if !is_said {
        return Some(IfMatch::Unsaid);
    }
    match (is_any, tags.len().saturating_add(weak)) {
        (true, 0) => Some(IfMatch::Any),
        (false, 1..=TAGS) => Some(IfMatch::OneOf(tags)),
        _ => None,
    }
}

/// An entity tag.
enum Tag {
    /// With its quotes.
    Strong(String),
    /// One that never matches.
    Weak,
}

fn read_tag(text: &str) -> Option<Tag> {
    let (is_weak, tag) = text
        .strip_prefix("W/")
        .map_or((false, text), |tag| (true, tag));
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('"') {
        return None;
    }
    Some(if is_weak {
        Tag::Weak
    } else {
        Tag::Strong(tag.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of(values: &[&str]) -> Option<IfMatch> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, HeaderValue::from_str(value).unwrap());
        }
        if_match(&headers)
    }

    #[test]
    fn tags_are_read_and_a_weak_one_matches_nothing() {
        let tags = |tags: &[&str]| {
            Some(IfMatch::OneOf(
                tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ))
        };
        assert_eq!(of(&[]), Some(IfMatch::Unsaid));
        assert_eq!(of(&["*"]), Some(IfMatch::Any));
        assert_eq!(of(&["\"a\""]), tags(&["\"a\""]));
        assert_eq!(
            of(&["\"a\", \"b\"", "\"c\""]),
            tags(&["\"a\"", "\"b\"", "\"c\""])
        );
        assert_eq!(of(&["W/\"a\""]), tags(&[]));
        for bad in [
            &[""][..],
            &["a"],
            &["\"a"],
            &["\"a\" \"b\""],
            &["*, \"a\""],
            &["\"a\",*"],
            &[&"\"a\",".repeat(17)],
        ] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
    }
}
