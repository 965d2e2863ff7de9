//! What answers say to people, in their language: a folder a language, a line a text. What a language
//! lacks is said in English, text by text; the English ones stand with what they are about.

use std::borrow::Cow;

use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use common::error::Problem;
use common::language::Language;

/// The texts of a language: lines of `key key = text`, and of `#` for who translates.
struct Texts {
    /// By code of the error.
    problems: &'static str,
    /// By code of the field, or by its path and code.
    fields: &'static str,
}

const SWAHILI: Texts = Texts {
    problems: include_str!("sw/problems.txt"),
    fields: include_str!("sw/fields.txt"),
};

const fn texts(language: Language) -> Option<Texts> {
    match language {
        // Everything is in it from the beginning.
        Language::English => None,
        Language::Swahili => Some(SWAHILI),
    }
}

/// The language that a request asks for.
pub(super) fn asked_for(headers: &HeaderMap) -> Language {
    let values = headers.get_all(ACCEPT_LANGUAGE).iter();
    Language::asked_for(values.filter_map(|value| value.to_str().ok()))
}

/// What an answer in a language bears: that it is in it, and would be in another for other people.
pub(super) fn vary(headers: &mut HeaderMap, language: Language) {
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    headers.append(VARY, HeaderValue::from_static("Accept-Language"));
}

/// Says to people what a document says, in their language.
pub(super) fn translate(problem: &mut Problem, language: Language) {
    let Some(texts) = texts(language) else { return };
    if let Some(text) = find(texts.problems, problem.code.as_str()) {
        text.clone_into(&mut problem.message);
    }
    for field in &mut problem.fields {
        let special = format!("{}:{}", field.path, field.code);
        let text = find(texts.fields, &special).or_else(|| find(texts.fields, &field.code));
        if let Some(said) = text.and_then(|text| filled(text, field.limit)) {
            field.message = said;
        }
    }
}

/// The text with its limit in it; none where it takes one and there is none.
fn filled(text: &'static str, limit: Option<u64>) -> Option<Cow<'static, str>> {
    const PLACE: &str = "{limit}";
    if !text.contains(PLACE) {
        return Some(Cow::Borrowed(text));
    }
    limit.map(|limit| Cow::Owned(text.replace(PLACE, &limit.to_string())))
}

fn find(texts: &'static str, key: &str) -> Option<&'static str> {
    lines(texts).find_map(|(keys, text)| keys.split(' ').any(|known| known == key).then_some(text))
}

/// Keys and text of each line.
fn lines(texts: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    texts
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use common::error::{ErrorCode, FieldError};

    use super::*;

    #[test]
    fn every_code_has_a_text_in_every_language_and_every_text_a_code() {
        for language in Language::ALL {
            let Some(texts) = texts(language) else {
                continue;
            };
            for code in ErrorCode::ALL {
                let text = find(texts.problems, code.as_str());
                let text = text.unwrap_or_else(|| panic!("{} lacks {code}", language.tag()));
                assert_ne!(text, code.user_message());
                assert!(text.ends_with('.') && !text.contains('{'), "{text}");
            }
            let mut seen = HashSet::new();
            for (keys, _) in lines(texts.problems) {
                for key in keys.split(' ') {
                    let known = ErrorCode::ALL.iter().any(|code| code.as_str() == key);
                    assert!(known && seen.insert(key), "{key}");
                }
            }
            // Two codes that say one thing in English say one thing here: nothing that English
            // leaves open is told by another language.
            for one in ErrorCode::ALL {
                for other in ErrorCode::ALL {
                    if one.user_message() == other.user_message() {
                        let of = |code: &ErrorCode| find(texts.problems, code.as_str());
                        assert_eq!(of(one), of(other), "{one} {other}");
                    }
                }
            }
            let all = texts.problems.lines().chain(texts.fields.lines());
            for line in all.filter(|line| !line.starts_with('#')) {
                assert!(line.is_empty() || line.contains(" = "), "{line}");
            }
        }
    }

    #[test]
    fn a_text_that_is_missing_or_lacks_its_limit_stays_english() {
        let field = |code, limit| FieldError {
            limit,
            ..FieldError::new("/password", code, "English.")
        };
        let mut problem = crate::app::Error::new(ErrorCode::ValidationFailed, "why")
            .problem(common::id::RequestId::from_uuid(uuid::Uuid::from_u128(7)));
        problem.fields = vec![
            field("too_short", Some(15)),
            field("too_short", None),
            field("of_no_language", None),
            field("unchanged", None),
            FieldError::new("/new_email", "unchanged", "English."),
        ];
        translate(&mut problem, Language::Swahili);
        let said: Vec<&str> = problem.fields.iter().map(|f| f.message.as_ref()).collect();
        assert_eq!(said[0], "Tumia angalau herufi 15.");
        assert_eq!(said[1..3], ["English.", "English."]);
        assert_ne!(said[3], said[4]);
        assert_eq!(problem.developer_message, "why");
        assert_eq!(problem.title, "Validation failed");
    }
}
