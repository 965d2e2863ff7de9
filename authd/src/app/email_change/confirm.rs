//! The new address's owner confirms it: from now on it signs in, and what was mailed to the former
//! one or known by it is void.

use std::sync::Arc;
use std::time::Duration;

use common::email::Email;
use common::secret::Secret;
use common::time::Time;
use common::view::UserStatus;
use domain::lockout::{CounterKey, ManualLock};
use domain::mail::Template;
use domain::tenant::Tenant;
use domain::user::{Credential, CredentialKind, User};
use store::{CredentialWrite, Priority, ReadTx, Scope, StoreError, WriteTx};

use crate::app::authenticate::tenant_is_open;
use crate::app::registration::expired;
use crate::app::{App, Client, Error};
use crate::crypto::MailedSecret;

/// Gives a user the address that waited for the token, and tells the former one. Known devices, links
/// and passwords that were mailed die; sessions go on.
///
/// # Errors
/// `link_expired` for a token that is used, old, replaced or unknown, and for an address that another
/// user has by now; `tenant_suspended`, `subscription_ended`.
pub async fn confirm(app: &Arc<App>, client: Client, token: &Secret<String>) -> Result<(), Error> {
    let hash = MailedSecret::hash_of(token).ok_or_else(expired)?;
    let now = app.now();
    let grace = app.settings().expiry_grace;
    let (tenant, user, email) = app
        .store
        .read(move |tx| holder(tx, &hash, now, grace))
        .await?;
    let changed = User {
        subject: app.keys.subject(tenant.slug.as_str(), &email),
        email,
        email_verified: true,
        updated_at: now,
        ..user
    };
    let draft = app.draft(Template::EmailChanged, now)?;
    let draft = draft.map(|draft| draft.from(app.stored_ip(client.ip), None));
    let queued = draft.clone();
    app.store
        .write(Priority::Urgent, client.claim, move |tx| {
            // Looked at again: of many uses side by side one finds it.
            let (_, former, email) = holder(tx, &hash, now, grace)?;
            if email != changed.email || former.id != changed.id {
                return Err(expired());
            }
            give(tx, &former, &changed, now)?;
            if let Some(draft) = &queued {
                draft.put(tx, &former)?;
            }
            Ok::<(), Error>(())
        })
        .await?;
    app.post_drafts(&draft);
    Ok(())
}

/// Whose token it is, and the address that waits.
fn holder(
    tx: &dyn ReadTx,
    hash: &[u8; 32],
    now: Time,
    grace: Duration,
) -> Result<(Tenant, User, Email), Error> {
    let (tenant_id, waiting) = tx.pending_email(hash)?.ok_or_else(expired)?;
    let tenant = tx.tenants().by_id(tenant_id)?.ok_or_else(expired)?;
    let rows = tx.tenant(tenant_id);
    let user = rows.users().by_id(waiting.user_id)?.ok_or_else(expired)?;
    let is_free = rows.users().by_email(&waiting.email)?.is_none();
    if !waiting.is_alive(now) || user.status == UserStatus::Disabled || !is_free {
        return Err(expired());
    }
    tenant_is_open(tenant.standing(now, grace))?;
    Ok((tenant, user, waiting.email))
}

fn give(tx: &dyn WriteTx, former: &User, changed: &User, now: Time) -> Result<(), StoreError> {
    let rows = tx.tenant_mut(former.tenant_id);
    // With the address go all links that were mailed.
    rows.users_mut().set_email(changed)?;
    rows.devices_mut().delete_of(former.id)?;
    if let Some(credential) = rows.credentials().of(former.id)? {
        void_temporary(tx, former, credential, now)?;
    }
    rows.waiting_mut().delete_registrations_of(&changed.email)?;
    move_lock(tx, former, &changed.subject, now)?;
    tx.invalidate(Scope::User(former.id));
    Ok(())
}

/// A password that was mailed to the former address, or read from a screen for it, is void: the owner
/// of the new one asks for a link.
fn void_temporary(
    tx: &dyn WriteTx,
    user: &User,
    credential: Credential,
    now: Time,
) -> Result<(), StoreError> {
    let CredentialKind::Temporary { expires_at, .. } = credential.kind else {
        return Ok(());
    };
    let void = CredentialWrite {
        user_id: user.id,
        hash: credential.hash,
        kind: CredentialKind::Temporary {
            expires_at: expires_at.min(now),
            logins_left: 0,
        },
        changed_at: credential.changed_at,
    };
    tx.tenant_mut(user.tenant_id)
        .credentials_mut()
        .set(&void, credential.version)
        .map(drop)
}

/// A lock by hand is on the person, not on the spelling: only an administrator ends it early.
fn move_lock(
    tx: &dyn WriteTx,
    former: &User,
    subject: &CounterKey,
    now: Time,
) -> Result<(), StoreError> {
    let lock_of = |key: &CounterKey| -> Result<Option<ManualLock>, StoreError> {
        let state = tx.counters().state(key, now)?;
        Ok(state.manual.filter(|lock| lock.holds(now)))
    };
    let Some(lock) = lock_of(&former.subject)? else {
        return Ok(());
    };
    let lasts_longer = match (lock_of(subject)?, lock.until) {
        (None, _) => true,
        (Some(other), Some(until)) => other.until.is_some_and(|other| other < until),
        (Some(other), None) => other.until.is_some(),
    };
    if lasts_longer {
        tx.counters_mut()
            .lock_by_hand(subject, former.tenant_id, lock)?;
    }
    tx.counters_mut().clear_manual(&former.subject).map(drop)
}
