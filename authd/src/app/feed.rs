//! The feed of revocations, for services that check tokens without asking (rule 11): signed pages, in
//! the order of commits, for one client each. What it cannot tell whole it does not tell at all.

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::error::ErrorCode;
use common::id::TenantId;
use domain::client::ClientScope;
use domain::event::{FEED_SECONDS, FeedClaims, FeedItem, Revocation};
use store::StoreError;
use tokio::time::{Instant, timeout};

use crate::app::{App, Error, ServiceCaller};

/// Longest time that a call waits for something to tell, in seconds.
pub const LONGEST_WAIT: u64 = 25;
/// Most revocations of one page.
const PAGE: u32 = 500;
/// Time between two looks at whether the daemon is about to end.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The number that the page before went up to; none to begin.
    pub since: Option<u64>,
    /// How long to wait for something to tell.
    pub wait: Duration,
}

/// The next page, signed.
///
/// # Errors
/// `permission_denied` without the scope; `validation_failed` for a longer wait; `feed_gap` where
/// what came since `since` is not there any more, or never was; `unavailable`.
pub async fn page(app: &App, caller: &ServiceCaller, wanted: Wanted) -> Result<String, Error> {
    caller.may(ClientScope::Revocations)?;
    if wanted.wait.as_secs() > LONGEST_WAIT {
        return Err(Error::field(
            "/wait_seconds",
            "out_of_range",
            format!("expected 0 to {LONGEST_WAIT}"),
        ));
    }
    let tenant = caller.tenant.id;
    let (since, upto, events) = wait(app, tenant, wanted).await?;
    let now = app.now().seconds();
    let claims = FeedClaims {
        iss: app.settings().issuer.clone(),
        aud: caller.service.id,
        tid: tenant,
        iat: now,
        exp: now.saturating_add(FEED_SECONDS),
        since,
        upto,
        items: events.iter().map(FeedItem::from).collect(),
    };
    app.keys.sign_feed(&claims).map_err(Error::internal)
}

type Found = (u64, u64, Vec<Revocation>);

/// Reads until there is something, the time is over, or the daemon is about to end.
async fn wait(app: &App, tenant: TenantId, wanted: Wanted) -> Result<Found, Error> {
    let mut commits = app.cache.commits();
    let started = Instant::now();
    loop {
        // Before the read: what commits meanwhile is heard.
        commits.mark_unchanged();
        let found = read(app, tenant, wanted.since).await?;
        if !found.2.is_empty() || wanted.since.is_none() {
            return Ok(found);
        }
        loop {
            let left = wanted.wait.saturating_sub(started.elapsed());
            if left.is_zero() || app.draining.load(Ordering::Acquire) {
                return Ok(found);
            }
            let heard = timeout(left.min(LOOK_EVERY), commits.changed()).await;
            if heard.is_ok() {
                break;
            }
        }
    }
}

async fn read(app: &App, tenant: TenantId, since: Option<u64>) -> Result<Found, Error> {
    app.store
        .read(move |tx| -> Result<Result<Found, Error>, StoreError> {
            let range = tx.events().range()?;
            let Some(since) = since else {
                return Ok(Ok((range.head, range.head, Vec::new())));
            };
            if !range.covers(since) {
                return Ok(Err(gap()));
            }
            let events = tx.events().of(tenant, since, PAGE)?;
            let is_whole = events.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            let last = events.last().map(|event| event.number);
            let upto = if is_whole { None } else { last };
            Ok(Ok((since, upto.unwrap_or(range.head), events)))
        })
        .await
        .map_err(Error::from)?
}

fn gap() -> Error {
    Error::new(
        ErrorCode::FeedGap,
        "the feed does not reach from this number on: begin anew without since, and ask about every \
         token that was made before",
    )
}
