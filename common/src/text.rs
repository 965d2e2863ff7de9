//! Sanitised text: trimmed, NFC, no control or bidirectional characters, length in code points.
//! Never HTML-escaped: that is the business of who shows it (product.md, rule 29).

use unicode_normalization::UnicodeNormalization;

/// Why a text was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// More code points than the field takes.
    #[error("must have at most {limit} characters")]
    TooLong {
        /// Most code points that the field takes.
        limit: usize,
    },
    /// A control, line-breaking or direction-changing character.
    #[error("must not contain control or direction-changing characters")]
    Forbidden,
}

/// True for characters that no stored or shown text may hold.
pub fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// Trims, normalises to NFC and checks a text of 1 to `limit` code points.
///
/// # Errors
/// [`InvalidText`], never a silent cut.
pub fn sanitize(text: &str, limit: usize) -> Result<String, InvalidText> {
    // Refused before the work of normalising it: no NFC form is shorter than an eighteenth.
    if text.len() > limit.saturating_mul(64) {
        return Err(InvalidText::TooLong { limit });
    }
    let clean: String = text.trim().nfc().collect();
    if clean.is_empty() {
        return Err(InvalidText::Empty);
    }
    if clean.chars().any(is_forbidden) {
        return Err(InvalidText::Forbidden);
    }
    if clean.chars().count() > limit {
        return Err(InvalidText::TooLong { limit });
    }
    Ok(clean)
}

/// Writes a text for a terminal or a log line: forbidden characters become `\u{…}`.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_forbidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_normalised_and_bounded() {
        assert_eq!(sanitize("  Acme\u{0301} ", 10), Ok("Acm\u{e9}".to_owned()));
        assert_eq!(sanitize("   ", 10), Err(InvalidText::Empty));
        assert_eq!(sanitize("a\nb", 10), Err(InvalidText::Forbidden));
        assert_eq!(sanitize("a\u{202E}b", 10), Err(InvalidText::Forbidden));
        assert_eq!(
            sanitize("abcdef", 5),
            Err(InvalidText::TooLong { limit: 5 })
        );
        assert_eq!(sanitize("<b>{{x}}&\"", 20), Ok("<b>{{x}}&\"".to_owned()));
    }

    #[test]
    fn hostile_text_becomes_visible() {
        assert_eq!(visible("a\u{1b}[31m"), "a\\u{1b}[31m");
    }
}
