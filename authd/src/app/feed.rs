//! The feed of revocations, for services that check tokens without asking (rule 11): signed pages, in
//! the order of commits, for one client each. What it cannot tell whole it does not tell at all.

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::error::ErrorCode;
use common::id::TenantId;
use domain::client::ClientScope;
use domain::event::{FEED_SECONDS, FeedClaims, FeedItem, Revocation};
use store::ReadTx;
use tokio::time::{Instant, timeout};

use crate::app::authenticate::tenant_is_open;
use crate::app::client::invalid_client;
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
/// `permission_denied` without the scope; `invalid_client` where the client ended while it waited;
/// `validation_failed` for a longer wait; `feed_gap` where
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
    let found = wait(app, caller, wanted).await?;
    let now = app.now().seconds();
    let claims = FeedClaims {
        iss: app.settings().issuer.clone(),
        aud: caller.service.id,
        tid: caller.tenant.id,
        iat: now,
        exp: now.saturating_add(FEED_SECONDS),
        since: found.since,
        upto: found.upto,
        items: found.events.iter().map(FeedItem::from).collect(),
    };
    app.keys.sign_feed(&claims).map_err(Error::internal)
}

/// What one snapshot says.
struct Found {
    since: u64,
    upto: u64,
    events: Vec<Revocation>,
}

/// Reads until there is something, the time is over, or the daemon is about to end.
async fn wait(app: &App, caller: &ServiceCaller, wanted: Wanted) -> Result<Found, Error> {
    let mut commits = app.cache.commits();
    let started = Instant::now();
    loop {
        // Before the read: what commits meanwhile is heard.
        commits.mark_unchanged();
        let found = read(app, caller, wanted.since).await?;
        if !found.events.is_empty() || wanted.since.is_none() {
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

async fn read(app: &App, caller: &ServiceCaller, since: Option<u64>) -> Result<Found, Error> {
    let (id, generation) = (caller.service.id, caller.service.generation);
    let (now, grace) = (app.now(), app.settings().expiry_grace);
    app.store
        .read(move |tx| {
            // Somebody may have ended the client while it waited.
            let client = tx.client(id)?.filter(|client| {
                client.generation == generation
                    && !client.secrets.is_empty()
                    && !client.is_expired(now)
            });
            let client = client.ok_or_else(invalid_client)?;
            let tenant = tx.tenants().by_id(client.tenant_id)?;
            let tenant = tenant.ok_or_else(invalid_client)?;
            tenant_is_open(tenant.standing(now, grace)).map_err(|_| invalid_client())?;
            behind(tx, tenant.id, since)
        })
        .await
}

fn behind(tx: &dyn ReadTx, tenant: TenantId, since: Option<u64>) -> Result<Found, Error> {
    let range = tx.events().range()?;
    let Some(since) = since else {
        return Ok(Found {
            since: range.head,
            upto: range.head,
            events: Vec::new(),
        });
    };
    if !range.covers(since) {
        return Err(gap());
    }
    let events = tx.events().of(tenant, since, PAGE)?;
    let is_full = events.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
    let last = events.last().map(|event| event.number);
    Ok(Found {
        since,
        // All up to the head has been looked at, but where the page ended before.
        upto: last.filter(|_| is_full).unwrap_or(range.head),
        events,
    })
}

fn gap() -> Error {
    Error::new(
        ErrorCode::FeedGap,
        "the feed does not reach from this number on: begin anew without since, and ask about every \
         token that was made before",
    )
}
