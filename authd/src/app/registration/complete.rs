//! Completing a registration: the token of its mail proves the mailbox, the password proves that it is
//! the same person's. A seat is taken here and not before (rule 15).

use std::collections::BTreeMap;
use std::sync::Arc;

use common::email::Email;
use common::error::ErrorCode;
use common::id::{TenantId, UserId};
use common::secret::Secret;
use common::time::Time;
use common::view::{EmployeeView, UserStatus};
use domain::lockout::CounterKey;
use domain::password::Password;
use domain::registration::{Registration, TRIES};
use domain::tenant::{Slug, Tenant};
use domain::user::{CredentialKind, User};
use store::{Claim, CredentialWrite, Priority, ReadTx, StoreError, WriteTx};

use super::closed;
use crate::app::authenticate::tenant_is_open;
use crate::app::tenant::effective;
use crate::app::{App, Client, Error, Settings};
use crate::crypto::{Lane, MailedSecret, Place};

/// With what the new user signs in.
#[derive(Debug, Clone)]
pub struct Completed {
    /// Slug of the tenant.
    pub tenant: Slug,
    /// The address.
    pub email: Email,
}

/// Makes the user of a registration, if the password is the one that was chosen for it. All other
/// registrations of the address are gone then.
///
/// # Errors
/// `link_expired` for a token that is used, old, replaced or unknown; `invalid_credentials` for
/// another password, the fifth of which ends the registration; `user_limit_reached`, which leaves it
/// as it was; `registration_closed`, `tenant_suspended`, `subscription_ended`; `overloaded`.
pub async fn complete(
    app: &Arc<App>,
    client: Client,
    token: &Secret<String>,
    password: Password,
) -> Result<Completed, Error> {
    let hash = MailedSecret::hash_of(token).ok_or_else(expired)?;
    let (now, settings) = (app.now(), app.settings());
    let (waiting, tenant) = app
        .store
        .read(move |tx| find(tx, &hash, &settings, now))
        .await?;
    let place = app
        .pool
        .place(Lane::Kept)
        .map_err(|_| Error::overloaded())?;
    let completion = Completion {
        subject: app.keys.subject(tenant.slug.as_str(), &waiting.email),
        completed: Completed {
            tenant: tenant.slug,
            email: waiting.email.clone(),
        },
        waiting,
        hash,
    };
    // From here on it settles, whatever the client does.
    let task = tokio::spawn(run(Arc::clone(app), client, completion, password, place));
    task.await.map_err(Error::internal)?
}

/// The registration of a token that is alive, with a tenant that takes it.
fn find(
    tx: &dyn ReadTx,
    hash: &[u8; 32],
    settings: &Settings,
    now: Time,
) -> Result<(Registration, Tenant), Error> {
    let waiting = tx.registration(hash)?.ok_or_else(expired)?;
    if !waiting.is_alive(now) {
        return Err(expired());
    }
    let tenant = open(tx, &waiting, settings, now)?;
    Ok((waiting, tenant))
}

/// Its tenant, if that takes it now: registration and the address's domain may have been closed since.
fn open(
    tx: &dyn ReadTx,
    waiting: &Registration,
    settings: &Settings,
    now: Time,
) -> Result<Tenant, Error> {
    let tenant = tx.tenants().by_id(waiting.tenant_id)?;
    let tenant = tenant.ok_or_else(expired)?;
    tenant_is_open(tenant.standing(now, settings.expiry_grace))?;
    let own = effective::read(Arc::clone(&settings.tenant), tx, tenant.id)?;
    if own.registration.enabled && own.registration.allows(&waiting.email) {
        Ok(tenant)
    } else {
        Err(closed())
    }
}

struct Completion {
    waiting: Registration,
    hash: [u8; 32],
    subject: CounterKey,
    completed: Completed,
}

async fn run(
    app: Arc<App>,
    client: Client,
    completion: Completion,
    password: Password,
    mut place: Place,
) -> Result<Completed, Error> {
    let (tenant, id) = (completion.waiting.tenant_id, completion.waiting.id);
    // Counted before it is looked at: of many side by side five are evaluated, and one that is cut
    // off counts as wrong.
    if !change(&app, move |tx| {
        tx.tenant_mut(tenant)
            .waiting_mut()
            .try_registration(id, TRIES)
    })
    .await?
    {
        return Err(expired());
    }
    let stored = Some(completion.waiting.hash.clone());
    let verified = place.verify(&password, stored).await;
    drop(place);
    match verified {
        Ok(true) => settle(&app, client, completion).await,
        Ok(false) => {
            change(&app, move |tx| fail(tx, tenant, id)).await?;
            Err(Error::new(
                ErrorCode::InvalidCredentials,
                "this is not the password of the registration",
            ))
        }
        Err(error) => {
            change(&app, move |tx| untry(tx, tenant, id)).await?;
            Err(Error::from(error))
        }
    }
}

async fn change<T: Send + 'static>(
    app: &App,
    work: impl Fn(&dyn WriteTx) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    app.store
        .write(Priority::Normal, Claim::detached(), work)
        .await
        .map_err(Error::from)
}

/// Ends a registration whose last try was wrong.
fn fail(tx: &dyn WriteTx, tenant: TenantId, id: UserId) -> Result<(), StoreError> {
    let rows = tx.tenant_mut(tenant);
    let is_over = rows
        .waiting()
        .registration(id)?
        .is_some_and(|waiting| waiting.tries >= TRIES);
    if is_over {
        rows.waiting_mut().delete_registration(id)?;
    }
    Ok(())
}

fn untry(tx: &dyn WriteTx, tenant: TenantId, id: UserId) -> Result<(), StoreError> {
    tx.tenant_mut(tenant).waiting_mut().untry_registration(id)
}

async fn settle(app: &App, client: Client, completion: Completion) -> Result<Completed, Error> {
    let (now, settings) = (app.now(), app.settings());
    let completed = completion.completed.clone();
    let (tenant, id) = (completion.waiting.tenant_id, completion.waiting.id);
    let made = app
        .store
        .write(Priority::Urgent, client.claim, move |tx| {
            completion.make(tx, &settings, now)
        })
        .await;
    if let Err(refused) = made {
        // Nothing was wrong with the password: the try is taken back.
        change(app, move |tx| untry(tx, tenant, id)).await?;
        return Err(refused);
    }
    Ok(completed)
}

impl Completion {
    /// Makes the user, after another look at all that it stands on.
    fn make(&self, tx: &dyn WriteTx, settings: &Settings, now: Time) -> Result<(), Error> {
        // Of many side by side one finds it; a mail that was sent since replaced the token.
        let found = tx.registration(&self.hash)?.ok_or_else(expired)?;
        if now >= found.expires_at {
            return Err(expired());
        }
        let tenant = open(tx, &found, settings, now)?;
        let rows = tx.tenant_mut(tenant.id);
        if rows.users().by_email(&found.email)?.is_some() {
            return Err(expired());
        }
        let users = rows.users().count()?;
        if tenant.max_users.is_some_and(|seats| users >= seats) {
            return Err(Error::new(
                ErrorCode::UserLimitReached,
                "the tenant has no seat left; the registration goes on waiting",
            ));
        }
        rows.users_mut().insert(&self.user(&found, now))?;
        let credential = CredentialWrite {
            user_id: found.id,
            hash: found.hash.clone(),
            kind: CredentialKind::Own,
            changed_at: now,
        };
        if !rows.credentials_mut().set(&credential, 0)? {
            return Err(Error::internal("a new user already has a password"));
        }
        rows.waiting_mut().delete_registrations_of(&found.email)?;
        Ok(())
    }

    fn user(&self, waiting: &Registration, now: Time) -> User {
        User {
            id: waiting.id,
            tenant_id: waiting.tenant_id,
            email: waiting.email.clone(),
            email_verified: true,
            name: waiting.name.clone(),
            phone: waiting.phone.clone(),
            address: waiting.address.clone(),
            picture: None,
            locale: waiting.locale.clone(),
            employee: EmployeeView::default(),
            external_refs: BTreeMap::new(),
            status: UserStatus::Active,
            is_tenant_admin: false,
            roles: Vec::new(),
            subject: self.subject,
            last_login_at: None,
            created_at: now,
            updated_at: now,
        }
    }
}

/// A mailed token that is used, old, replaced or unknown: all alike.
pub(in crate::app) fn expired() -> Error {
    Error::new(
        ErrorCode::LinkExpired,
        "the token is used, old, replaced by a newer one, or none of ours",
    )
}
