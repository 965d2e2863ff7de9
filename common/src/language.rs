//! The languages that authd speaks to people in its answers and pages, and which of them somebody
//! asked for (RFC 9110, 12.5.4). Mails may be in others too: those are the operator's.

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English; stands in for what another one lacks.
    #[default]
    English,
    /// Swahili.
    Swahili,
}

/// More than anybody lists; what comes after is not looked at.
const RANGES_LIMIT: usize = 32;

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Swahili];

    /// The tag (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Swahili => "sw",
        }
    }

    /// The language of a tag, whatever its script and region: `sw-KE` is Swahili.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The language that the values of `Accept-Language` ask for: the one of the highest quality, of
    /// equal ones the first; English where none of them is spoken here.
    pub fn asked_for<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let ranges = values
            .into_iter()
            .flat_map(|value| value.split(','))
            .take(RANGES_LIMIT)
            .filter_map(Range::of);
        let mut best: Option<(u16, Self)> = None;
        let mut named = [None; Self::ALL.len()];
        let mut any = None;
        for range in ranges {
            let Some(language) = Self::of_tag(range.tag) else {
                if range.tag == "*" {
                    any = Some(range.quality);
                }
                continue;
            };
            if let Some(place) = named.get_mut(language as usize) {
                *place = Some(range.quality);
            }
            if range.quality > best.map_or(0, |(quality, _)| quality) {
                best = Some((range.quality, language));
            }
        }
        // The mark for all others stands for those that no range names, English first.
        let others = Self::ALL
            .into_iter()
            .zip(named)
            .filter(|(_, quality)| quality.is_none());
        let other = others.map(|(language, _)| language).next();
        match (best, any.zip(other)) {
            (Some((quality, language)), Some((of_any, other))) => {
                if of_any > quality {
                    other
                } else {
                    language
                }
            }
            (Some((_, language)), None) => language,
            (None, Some((of_any, other))) if of_any > 0 => other,
            (None, _) => Self::default(),
        }
    }
}

/// One member of `Accept-Language`.
struct Range<'a> {
    tag: &'a str,
    /// In thousandths.
    quality: u16,
}

impl<'a> Range<'a> {
    /// Reads a member; none of one that is not well-formed.
    fn of(member: &'a str) -> Option<Self> {
        let (tag, weight) = match member.split_once(';') {
            Some((tag, weight)) => (tag, Some(weight)),
            None => (member, None),
        };
        let quality = match weight {
            None => 1000,
            Some(weight) => {
                let value = weight.trim();
                let value = value.strip_prefix("q=").or(value.strip_prefix("Q="))?;
                quality(value)?
            }
        };
        Some(Self {
            tag: tag.trim(),
            quality,
        })
    }
}

/// `0.8` as 800 (RFC 9110, 12.4.2).
fn quality(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if rest.len() > 3 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{rest:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{self, English, Swahili};

    #[test]
    fn the_best_of_what_is_spoken_is_chosen() {
        for (asked, expected) in [
            ("", English),
            ("sw", Swahili),
            ("sw-KE", Swahili),
            ("SW-ke", Swahili),
            ("sw-Latn-TZ, en;q=0.9", Swahili),
            ("en-GB,en;q=0.9,sw;q=0.8", English),
            ("en;q=0.7, sw;q=0.8", Swahili),
            ("fr, de;q=0.9, sw;q=0.1", Swahili),
            ("fr, de", English),
            ("sw, en", Swahili),
            ("en, sw", English),
            ("sw;q=0", English),
            ("sw;q=0, *", English),
            ("en;q=0, *", Swahili),
            ("en;q=0, *;q=0.1", Swahili),
            ("en;q=0", English),
            ("*", English),
            ("fr, *;q=0.5", English),
            ("en;q=0.2, *;q=0.5", Swahili),
            ("sw;q=0.5, *;q=0.5", Swahili),
            ("sw ; q=1.000 , en", Swahili),
            // What is not well-formed says nothing.
            ("sw;q=2, en;q=0.1", English),
            ("sw;q=0.12345", English),
            ("sw;level=1", English),
            ("swe, sw_KE, ;;, q=1", English),
        ] {
            assert_eq!(Language::asked_for([asked]), expected, "{asked}");
        }
        assert_eq!(Language::asked_for(["fr", "sw;q=0.5"]), Swahili);
        let long = "fr,".repeat(100_000) + "sw";
        assert_eq!(Language::asked_for([long.as_str()]), English);
    }

    #[test]
    fn tags_are_read_back() {
        for language in Language::ALL {
            assert_eq!(Language::of_tag(language.tag()), Some(language));
        }
        assert_eq!(Language::of_tag("fr"), None);
    }
}
