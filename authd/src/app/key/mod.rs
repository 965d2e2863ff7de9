//! The keys that sign tokens: looking at them, and changing them by hand. What follows by itself
//! stands in `rotation.rs`, how a change is written and takes effect in `exchange.rs`.

mod exchange;
mod offline;
mod renewal;
mod rotation;

use std::sync::Arc;
use std::time::Duration;

use common::call::Change;
use common::call::key::{List, Retire, Revoke, Rotate};
use common::error::ErrorCode;
use common::id::KeyId;
use common::view::{KeyView, Page};
use domain::key::{KeyPolicy, KeyPurpose, KeyState, RETIRING_LIMIT, StoredKey, planned_end};
use store::{Scope, StoreError};

pub use offline::{
    Making, PEPPER_ID, Renewal, Renewed, WRAP_KEY_CHECK, WRAP_KEY_ID, next_number, rewrapped,
    succeed, write_succession,
};
pub use renewal::renew;
pub use rotation::tend;

use self::exchange::{Draft, detached, live};
use crate::app::audit::Record;
use crate::app::cursor::{self, Place};
use crate::app::{App, Error, Operator};
use crate::crypto::SigningSet;

/// Longest announcement.
const LONGEST_ANNOUNCE: Duration = Duration::from_hours(30 * 24);
/// Longest time that a verifier may keep the published keys.
const JWKS_LONGEST: Duration = Duration::from_mins(15);

/// How long a verifier may keep the published keys: far less than a new one is announced.
pub fn jwks_max_age(policy: &KeyPolicy) -> Duration {
    (policy.announce / 4).min(JWKS_LONGEST)
}

/// Lists the signing keys, the latest first.
///
/// # Errors
/// Those of the page.
pub async fn list(
    app: &Arc<App>,
    _operator: &Operator,
    request: List,
) -> Result<Page<KeyView>, Error> {
    let place = Place::of(&app.keys, &request, &request.paging())?;
    let policy = app.settings().keys;
    app.store
        .read(move |tx| {
            let after = match &place.after {
                None => u32::MAX,
                Some(after) => after.parse().map_err(|_| cursor::invalid())?,
            };
            let limit = u32::try_from(place.limit()).unwrap_or(cursor::LIMIT);
            let more = limit.saturating_add(1);
            let mut keys = tx.keys().of(KeyPurpose::Signing, after, more)?;
            let next = (keys.len() > place.limit())
                .then(|| keys.pop())
                .and_then(|_| keys.last().map(|key| key.number.to_string()));
            let views = keys.iter().map(|key| view(key, &policy)).collect();
            Ok(place.page(views, next.as_deref()))
        })
        .await
}

fn view(key: &StoredKey, policy: &KeyPolicy) -> KeyView {
    let planned = (key.state == KeyState::Active).then(|| planned_end(key, policy));
    KeyView {
        id: key.id,
        alg: key.algorithm.clone(),
        state: key.state.as_str().to_owned(),
        created_at: key.created_at,
        activates_at: key.activates_at,
        retires_at: key.retires_at.or(planned),
        ends_at: key.ends_at,
    }
}

/// Announces the next key, or moves the one that is announced.
///
/// # Errors
/// `validation_failed` at `/activate_after_seconds` for over 30 days; `conflict` while too many keys
/// are retiring.
pub async fn rotate(app: &Arc<App>, operator: &Operator, request: Rotate) -> Result<Change, Error> {
    let record = Record::draw(app, operator, app.now(), request.reason.as_deref())?;
    let after = match request.activate_after_seconds.map(Duration::from_secs) {
        None => app.settings().keys.announce,
        Some(after) if after <= LONGEST_ANNOUNCE => after,
        Some(_) => {
            return Err(Error::field(
                "/activate_after_seconds",
                "out_of_range",
                "expected at most 30 days",
            ));
        }
    };
    let (inner, operator) = (Arc::clone(app), operator.clone());
    detached(async move {
        let app = inner;
        let _turn = app.keys.change().await;
        let policy = app.settings().keys;
        let mut draft = Draft::of(&app).await?;
        let now = draft.now();
        let announced = draft.announced_as(policy.algorithm.as_str());
        draft.withdraw_but(announced);
        let id = match announced {
            Some(id) => id,
            None => draft.make(&app, policy.algorithm).await?,
        };
        if after.is_zero() {
            if draft.count(KeyState::Retiring) >= RETIRING_LIMIT {
                return Err(too_many());
            }
            draft.take_over(id, policy.overlap);
        } else {
            draft.announce(id, now.plus(after));
        }
        let mut change = draft
            .write(&app, &operator.claim, &record, "key.rotate", id)
            .await?;
        change.notes = notes(&app, after);
        Ok(change)
    })
    .await
}

fn notes(app: &App, after: Duration) -> Vec<String> {
    let kept = jwks_max_age(&app.settings().keys);
    if after >= kept {
        return Vec::new();
    }
    vec![format!(
        "verifiers keep the published keys for up to {}, and refuse its tokens until they look again",
        common::units::format_duration(kept)
    )]
}

fn too_many() -> Error {
    Error::new(
        ErrorCode::Conflict,
        format!("{RETIRING_LIMIT} keys are retiring already; wait until one is gone"),
    )
}

/// Takes a key out of use; whatever it signed stays good for its time. An announced key is taken
/// back, the active one hands over to the announced one.
///
/// # Errors
/// `not_found`; `conflict` for the active key while no announced one can take over.
pub async fn retire(app: &Arc<App>, operator: &Operator, request: Retire) -> Result<Change, Error> {
    let record = Record::draw(app, operator, app.now(), request.reason.as_deref())?;
    let id = key_id(&request.key)?;
    let (inner, operator) = (Arc::clone(app), operator.clone());
    detached(async move {
        let app = inner;
        let _turn = app.keys.change().await;
        let policy = app.settings().keys;
        let mut draft = Draft::of(&app).await?;
        match draft.state(&app, id).await? {
            KeyState::Retiring | KeyState::Gone => {
                return Ok(exchange::act("key.retire", id).unchanged());
            }
            KeyState::Announced => draft.end(id),
            KeyState::Active => {
                let Some(next) = draft.successor(jwks_max_age(&policy)) else {
                    return Err(alone(draft.keys(), jwks_max_age(&policy)));
                };
                draft.take_over(next, policy.overlap);
            }
        }
        draft
            .write(&app, &operator.claim, &record, "key.retire", id)
            .await
    })
    .await
}

/// No other key can take over yet; an announced one is told with its times.
fn alone(keys: &[StoredKey], published: Duration) -> Error {
    let announced = keys.iter().find(|key| key.state == KeyState::Announced);
    let Some(next) = announced else {
        let why = "the key signs, and no other one is announced to take over";
        return Error::new(ErrorCode::Conflict, why)
            .with_hint("Announce one first: authctl key rotate");
    };
    let (known, by_itself) = (next.created_at.plus(published), next.activates_at);
    let why = format!("the key signs, and verifiers may not know {} yet", next.id);
    let hint = if known < by_itself {
        format!("Retire it after {known}, or wait: the other one takes over at {by_itself}")
    } else {
        format!("Wait: the other one takes over at {by_itself}")
    };
    Error::new(ErrorCode::Conflict, why).with_hint(hint)
}

/// Ends a key at once: every token that it signed is refused from the next request on. The active
/// one is followed by the announced one, or by a new one.
///
/// # Errors
/// `not_found`; `validation_failed` at `/confirm` without the key's id.
pub async fn revoke(app: &Arc<App>, operator: &Operator, request: Revoke) -> Result<Change, Error> {
    let record = Record::draw(app, operator, app.now(), request.reason.as_deref())?;
    let id = key_id(&request.key)?;
    let (inner, operator) = (Arc::clone(app), operator.clone());
    detached(async move {
        let app = inner;
        let _turn = app.keys.change().await;
        let policy = app.settings().keys;
        let mut draft = Draft::of(&app).await?;
        let state = draft.state(&app, id).await?;
        confirmed(id, request.confirm.as_deref())?;
        if state == KeyState::Gone {
            return Ok(exchange::act("key.revoke", id).unchanged());
        }
        let next = match draft.announced_as(policy.algorithm.as_str()) {
            _ if state != KeyState::Active => None,
            Some(next) => Some(next),
            None => Some(draft.make(&app, policy.algorithm).await?),
        };
        draft.end(id);
        if let Some(next) = next {
            draft.take_over(next, policy.overlap);
        }
        let mut change = draft
            .write(&app, &operator.claim, &record, "key.revoke", id)
            .await?;
        if let Some(next) = next {
            change.notes.push(format!(
                "{next} signs from now on; verifiers keep the published keys for up to {}",
                common::units::format_duration(jwks_max_age(&policy))
            ));
        }
        Ok(change)
    })
    .await
}

fn key_id(text: &str) -> Result<KeyId, Error> {
    text.parse().map_err(|_| no_key())
}

fn no_key() -> Error {
    Error::not_found().with_hint("List: authctl key list")
}

/// The server demands the confirmation too, whatever a client asked before (operator.md 2.1).
fn confirmed(id: KeyId, confirm: Option<&str>) -> Result<(), Error> {
    if confirm == Some(id.to_string().as_str()) {
        return Ok(());
    }
    let error = Error::field(
        "/confirm",
        "not_confirmed",
        format!("expected the key's id, {id}"),
    );
    Err(error.with_hint(format!(
        "In scripts: authctl key revoke {id} --confirm={id}"
    )))
}

/// The signing keys that are not gone.
///
/// # Errors
/// `unavailable`.
/// Opens the signing keys anew if those in memory are not the stored ones: another node changed them.
///
/// # Errors
/// `unavailable`, `internal` if the stored ones cannot be opened.
pub(in crate::app) async fn reload(app: &App) -> Result<(), Error> {
    let _turn = app.keys.change().await;
    let keys = stored(app).await?;
    let mut now: Vec<StoredKey> = keys
        .iter()
        .filter(|key| key.state != KeyState::Gone)
        .map(|key| StoredKey {
            wrapped: Vec::new(),
            ..key.clone()
        })
        .collect();
    let mut known = app.keys.signing().rows().to_vec();
    now.sort_by_key(|key| key.id);
    known.sort_by_key(|key| key.id);
    if now == known {
        return Ok(());
    }
    let set = SigningSet::open(&keys, app.keys.wrap()).map_err(Error::internal)?;
    app.keys.exchange(set);
    app.cache.committed(&[Scope::Tokens]);
    tracing::info!("the signing keys are those that another node stored");
    Ok(())
}

async fn stored(app: &App) -> Result<Vec<StoredKey>, Error> {
    app.store
        .read(|tx| -> Result<_, StoreError> { Ok(live(tx.keys().all()?)) })
        .await
        .map_err(Error::from)
}
