//! The ids of tokens that were denied one by one, if they are few: then a token that is seen for the
//! first time asks no database about them.

use std::collections::HashSet;

use arc_swap::ArcSwapOption;

use super::versions::TokenTicket;

/// Most ids that are kept: one page of the list.
pub(crate) const DENIED_LIMIT: u32 = 200;

/// What is known of a token's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// It is on the list.
    Denied,
    /// It is not.
    Free,
    /// The list is too long to be kept; the database knows.
    TooMany,
    /// The list has not been read since it last changed.
    Unread,
}

#[derive(Debug)]
struct List {
    ticket: TokenTicket,
    /// None if there are too many.
    ids: Option<HashSet<String>>,
}

/// The list as it was at a version of the tokens.
#[derive(Debug)]
pub(super) struct DeniedIds(ArcSwapOption<List>);

impl DeniedIds {
    pub(super) fn new() -> Self {
        Self(ArcSwapOption::empty())
    }

    /// What is known at the version `now`.
    pub(super) fn look(&self, jti: &str, now: TokenTicket) -> Listed {
        match self.0.load().as_deref() {
            Some(list) if list.ticket == now => match &list.ids {
                None => Listed::TooMany,
                Some(ids) if ids.contains(jti) => Listed::Denied,
                Some(_) => Listed::Free,
            },
            _ => Listed::Unread,
        }
    }

    /// Keeps a list that was read after its ticket was taken.
    pub(super) fn put(&self, ticket: TokenTicket, ids: Vec<String>) {
        let fits = u32::try_from(ids.len()).is_ok_and(|count| count < DENIED_LIMIT);
        let ids = fits.then(|| ids.into_iter().collect());
        self.0.store(Some(List { ticket, ids }.into()));
    }
}
