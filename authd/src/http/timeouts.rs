//! How long a request may take: one time for all, and others by path.

use std::time::Duration;

/// `api.request_timeout` and `api.timeout_overrides`.
#[derive(Debug, Clone)]
pub struct Timeouts {
    general: Option<Duration>,
    /// The longest prefix first; none excludes the path.
    overrides: Vec<(String, Option<Duration>)>,
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
        Self { general, overrides }
    }

    /// The time that a path has; none for as long as it takes.
    pub fn of(&self, path: &str) -> Option<Duration> {
        let fits = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.overrides
            .iter()
            .find(|(prefix, _)| fits(prefix))
            .map_or(self.general, |(_, time)| *time)
    }
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
}
