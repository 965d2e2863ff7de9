//! Where something came from, as a list is narrowed to it: one address, which the store looks for, or a
//! range, by which rows are dropped after reading.

use ipnet::IpNet;

use crate::app::{App, Error, names};

/// The address or range that a list is narrowed to, if it is.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The one address, in the spelling that is stored.
    pub stored: Option<String>,
    range: Option<IpNet>,
}

impl Origin {
    /// Reads an address, or a range in CIDR notation.
    ///
    /// # Errors
    /// `validation_failed` at `/ip`.
    pub fn parse(app: &App, text: Option<&str>) -> Result<Self, Error> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        let range = names::range(text)?;
        if range.prefix_len() == range.max_prefix_len() {
            return Ok(Self {
                stored: Some(app.stored_ip(range.addr())),
                range: None,
            });
        }
        Ok(Self {
            stored: None,
            range: Some(range),
        })
    }

    /// Whether a row from that address, as it is stored, is wanted.
    pub fn keeps(&self, stored: Option<&str>) -> bool {
        self.range
            .is_none_or(|range| names::is_within(stored, &range))
    }
}
