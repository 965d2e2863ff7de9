//! Lines of a plain text: none is longer than mail programs show without folding it themselves, but
//! for words that are longer, which links are.

/// Longest line, in characters: room for the marks of an answer to an answer within 78 (RFC 5322,
/// 2.1.1).
const LONGEST: usize = 72;

/// Folds what is too long at its blanks; a line goes on under where its first word began. Lines that
/// fit stay as they are.
pub(super) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for line in text.trim_end().lines() {
        fold(line, &mut folded);
    }
    folded.truncate(folded.trim_end().len());
    folded
}

fn fold(line: &str, folded: &mut String) {
    if line.chars().count() <= LONGEST {
        folded.push_str(line.trim_end());
        folded.push('\n');
        return;
    }
    let indent: String = line.chars().take_while(|c| *c == ' ').collect();
    let mut width = 0;
    for word in line.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > LONGEST {
            folded.push('\n');
            width = 0;
        }
        if width == 0 {
            folded.push_str(&indent);
            width = indent.len();
        } else {
            folded.push(' ');
            width += 1;
        }
        folded.push_str(word);
        width += length;
    }
    folded.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_at_blanks_and_long_words_stay_whole() {
        let link = format!("https://app.example.com/reset-password#{}", "x".repeat(60));
        let words = "seven letters each ".repeat(8);
        let text = format!("short\n\n  {words}\n{link}\nsee {link} there\n\n\n");
        let folded = folded(&text);
        assert!(folded.starts_with("short\n\n  seven letters"), "{folded}");
        for line in folded.lines() {
            let fits = line.chars().count() <= LONGEST;
            assert!(fits || line == link, "{line}");
        }
        assert!(
            folded.contains("\n  letters each") || folded.contains("\n  each"),
            "{folded}"
        );
        assert!(folded.ends_with("there"), "{folded}");
        assert_eq!(folded.matches(&link).count(), 2);
        assert_eq!(
            super::folded(&folded),
            folded,
            "folding again changes nothing"
        );
    }
}
