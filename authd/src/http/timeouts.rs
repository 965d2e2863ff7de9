//! How long a request may take: one time for all, and others by path.

use std::time::Duration;

/// `api.request_timeout` and `api.timeout_overrides`.
#[derive(Debug, Clone)]
pub struct Timeouts {
    general: Option<Duration>,
    /// The longest prefix first; none excludes the path.
    overrides: Vec<(String, Option<Duration>)>,
    /// For uploading a picture, where it has a time of its own.
    pictures: Option<Duration>,
}

impl Timeouts {
    /// One time for all paths, and others for those under a prefix: the longest one that fits
    /// counts, by whole segments. None excludes a path.
    pub fn new(
        general: Option<Duration>,
        overrides: impl IntoIterator<Item = (String, Option<Duration>)>,
    ) -> Self {
        let mut overrides: Vec<_> = overrides
            .into_iter()
            .map(|(prefix, time)| (prefix.trim_end_matches('/').to_owned(), time))
            .collect();
        overrides.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Self {
            general,
            overrides,
            pictures: None,
        }
    }

    /// `timeouts.picture`: whatever ends at a user's picture has this time, unless an override names
    /// just that path.
    #[must_use]
    pub fn for_pictures(mut self, time: Duration) -> Self {
        self.pictures = Some(time);
        self
    }

    /// The time that a path has; none for as long as it takes.
    pub fn of(&self, path: &str) -> Option<Duration> {
        let fits = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let found = self.overrides.iter().find(|(prefix, _)| fits(prefix));
        match (self.pictures, found) {
            (Some(time), found)
                if is_picture(path) && found.is_none_or(|(prefix, _)| prefix != path) =>
            {
                Some(time)
            }
            (_, Some((_, time))) => *time,
            (_, None) => self.general,
        }
    }
}

/// Whether a path is that of a user's picture: `/v1/me/picture`, `/v1/users/{id}/picture`.
fn is_picture(path: &str) -> bool {
    let of_user = || {
        let id = path.strip_prefix("/v1/users/")?.strip_suffix("/picture")?;
        Some(!id.is_empty() && !id.contains('/'))
    };
    path == "/v1/me/picture" || of_user() == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a54_the_longest_prefix_wins() {
        let second = Duration::from_secs(1);
        let timeouts = Timeouts::new(
            Some(second * 30),
            [
                ("/v1/me".to_owned(), Some(second)),
                ("/v1/me/picture/".to_owned(), Some(second * 60)),
                ("/v1/revocations".to_owned(), None),
            ],
        );
        assert_eq!(timeouts.of("/v1/users"), Some(second * 30));
        assert_eq!(timeouts.of("/v1/me"), Some(second));
        assert_eq!(timeouts.of("/v1/me/sessions"), Some(second));
        assert_eq!(timeouts.of("/v1/members"), Some(second * 30));
        assert_eq!(timeouts.of("/v1/me/picture"), Some(second * 60));
        assert_eq!(timeouts.of("/v1/revocations"), None);
    }

    #[test]
    fn a54_an_upload_has_a_time_of_its_own() {
        let second = Duration::from_secs(1);
        let of = |overrides: &[(&str, u32)], path: &str| {
            let overrides = overrides
                .iter()
                .map(|(prefix, seconds)| ((*prefix).to_owned(), Some(second * *seconds)));
            Timeouts::new(Some(second * 30), overrides)
                .for_pictures(second * 60)
                .of(path)
        };
        let user = "/v1/users/usr_01/picture";
        assert_eq!(of(&[], "/v1/me/picture"), Some(second * 60));
        assert_eq!(of(&[], user), Some(second * 60));
        assert_eq!(of(&[("/v1/me", 2)], "/v1/me/picture"), Some(second * 60));
        assert_eq!(
            of(&[("/v1/me/picture", 9)], "/v1/me/picture"),
            Some(second * 9)
        );
        for other in [
            "/v1/me",
            "/v1/me/pictures",
            "/v1/pictures/ab",
            "/v1/users/picture",
            "/v1/users/a/b/picture",
        ] {
            assert_eq!(of(&[], other), Some(second * 30), "{other}");
        }
    }
}
