//! A mailbox as it stands in a mail's header: an address, perhaps with a name for people. Nothing in
//! it can end the header or begin another recipient.

use std::fmt;
use std::str::FromStr;

use common::email::Email;
use common::text;

/// Longest name, in code points.
const NAME_LIMIT: usize = 60;

/// An address, perhaps with a name for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    /// The name.
    pub name: Option<String>,
    /// The address.
    pub address: Email,
}

/// Why a text is no mailbox: the end of a sentence that begins with the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an address, like \"no-reply@example.com\" or \"Example <no-reply@example.com>\"")]
pub struct InvalidMailbox;

impl FromStr for Mailbox {
    type Err = InvalidMailbox;

    /// Reads `user@host`, or `Name <user@host>`. Names with marks of the mail's own grammar are
    /// refused, although they could be quoted.
    fn from_str(text: &str) -> Result<Self, InvalidMailbox> {
        let (name, address) = match text
            .strip_suffix('>')
            .and_then(|rest| rest.rsplit_once('<'))
        {
            Some((name, address)) => (Some(name.trim_end()), address),
            None => (None, text),
        };
        let bare = address == address.trim() && !address.contains(|c: char| "<>\",;".contains(c));
        let address = address.parse().map_err(|_| InvalidMailbox)?;
        let name_fits = name.is_none_or(|name| {
            text::sanitize(name, NAME_LIMIT).is_ok_and(|clean| clean == name)
                && !name.contains(|c: char| "<>\"\\,;:@".contains(c))
        });
        if !bare || !name_fits {
            return Err(InvalidMailbox);
        }
        Ok(Self {
            name: name.map(str::to_owned),
            address,
        })
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_read_back_as_it_was_written() {
        for text in ["a@b.example", "Acme Hotels <no-reply@acme.test>"] {
            let mailbox: Mailbox = text.parse().unwrap();
            assert_eq!(mailbox.to_string(), text);
        }
        let mailbox: Mailbox = "Acme <No-Reply@Acme.TEST>".parse().unwrap();
        assert_eq!(mailbox.to_string(), "Acme <no-reply@acme.test>");
    }

    #[test]
    fn v1_2_1_v1_3_11_no_mailbox_holds_another_header_or_recipient() {
        for hostile in [
            "a@b.example\r\nBcc: c@d.example",
            "A\r\nBcc: c@d.example <a@b.example>",
            "A <a@b.example>, B <b@b.example>",
            "A <a@b.example\n.\n>",
            "\"A\" <a@b.example>",
            "A, B <a@b.example>",
            "A\u{202e} <a@b.example>",
            "=?utf-8?q?a?= <a@b,c@d.example>",
            "A <<a@b.example>>",
        ] {
            assert_eq!(hostile.parse::<Mailbox>(), Err(InvalidMailbox), "{hostile}");
        }
    }
}
