//! CSV by RFC 4180, for spreadsheets: no cell of theirs can turn into a formula.
//! Lines end in CR LF, as the standard has it.

use common::text::visible;

/// One line.
pub(crate) fn line<S: AsRef<str>>(cells: &[S]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text.as_ref())).collect();
    format!("{}\r\n", cells.join(","))
}

fn cell(text: &str) -> String {
    let mut text = visible(text);
    // A spreadsheet runs what begins like this; the apostrophe makes it a text.
    if text.starts_with(['=', '+', '-', '@']) {
        text.insert(0, '\'');
    }
    let quoted = text.contains([',', '"', '\r', '\n']) || text.trim() != text;
    if quoted {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_never_a_formula() {
        assert_eq!(
            line(&["a", "b c", "d,e", "f\"g", ""]),
            "a,b c,\"d,e\",\"f\"\"g\",\r\n"
        );
        assert_eq!(
            line(&["=1+1", "+254", "-x", "@y", "=a,b"]),
            "'=1+1,'+254,'-x,'@y,\"'=a,b\"\r\n"
        );
        assert_eq!(line(&["a\nb\u{1b}"]), "a\\u{a}b\\u{1b}\r\n");
        // These begin formulas too, where they come through as they are.
        assert_eq!(line(&["\t=1", "\r=1"]), "\\u{9}=1,\\u{d}=1\r\n");
    }
}
