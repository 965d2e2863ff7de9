//! Changing one's own password: by a session, or by the token of a temporary password (rules 3, 13,
//! 24). Wrong current passwords count on a counter of the session's (or the token's) own.

use std::sync::Arc;
use std::time::Duration;

use common::error::ErrorCode;
use common::id::{SessionId, TenantId, UserId};
use common::secret::Secret;
use common::time::Time;
use common::view::UserStatus;
use domain::lockout::{AfterFailure, CounterKind, ReservationId};
use domain::mail::Template;
use domain::password::{Password, PasswordRejection};
use domain::session::EndReason;
use domain::setting::Effective;
use domain::tenant::Tenant;
use domain::token::PasswordChangeClaims;
use domain::user::{Credential, CredentialKind, User};
use store::{
    Claim, CredentialWrite, Denial, Priority, Scope, StoreError, TenantRow, TenantWrite, WriteTx,
};

use crate::app::again::{self, Who};
use crate::app::authenticate::{
    authenticate, ended, keys_are_current, password_change_claims, tenant_is_open,
};
use crate::app::counter::{self, Admitted, Counter, SESSION_POLICY};
use crate::app::tenant::effective;
use crate::app::{App, Client, Error, password};
use crate::crypto::{Lane, Place};

/// What the change is made by.
#[derive(Debug, Clone)]
enum Proof {
    /// A session's access token.
    Session(SessionId),
    /// The token of a temporary password.
    Token(Box<PasswordChangeClaims>),
}

/// Somebody who may change a password, if the present one is known: proved before anything of the
/// request's body is read.
#[derive(Debug, Clone)]
pub struct Changer {
    proof: Proof,
    client: Client,
    tenant_id: TenantId,
    user_id: UserId,
}

impl Changer {
    fn who(&self) -> Who {
        Who {
            tenant: self.tenant_id,
            user: self.user_id,
            session: match &self.proof {
                Proof::Session(id) => Some(*id),
                Proof::Token(_) => None,
            },
        }
    }
}

/// A wish to change a password.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// The present password.
    pub current: Password,
    /// The new one.
    pub new: Password,
}

/// Whose password it is, and what holds for its tenant.
struct Owner {
    tenant: Tenant,
    user: User,
    settings: Effective,
}

struct Change {
    by: Changer,
    wish: PasswordChange,
}

/// Proves a token that may change its user's password: of a session, or of a temporary password.
///
/// # Errors
/// Those of a bearer token.
pub async fn prove(app: &App, client: Client, token: &str) -> Result<Changer, Error> {
    keys_are_current(app).await?;
    if let Some(claims) = password_change_claims(app, token)? {
        return Ok(Changer {
            client,
            tenant_id: claims.tid,
            user_id: claims.sub,
            proof: Proof::Token(Box::new(claims)),
        });
    }
    let caller = authenticate(app, client, token).await?.caller;
    Ok(Changer {
        client: caller.client,
        tenant_id: caller.tenant_id,
        user_id: caller.user_id,
        proof: Proof::Session(caller.session_id),
    })
}

/// Changes the password of whoever the token was made for.
///
/// # Errors
/// `password_rejected`; `invalid_credentials` for a wrong current password, whose fifth ends the
/// session (or the token); `overloaded`; `conflict` if the password was changed meanwhile.
pub async fn change(app: &Arc<App>, by: Changer, wish: PasswordChange) -> Result<(), Error> {
    let change = Change { by, wish };
    let (owner, credential) = change.owner(app).await?;
    change.accept(app, &owner)?;
    let place = app
        .pool
        .place(Lane::Kept)
        .map_err(|_| Error::overloaded())?;
    let task = tokio::spawn(run(Arc::clone(app), change, credential, place));
    task.await.map_err(Error::internal)?
}

async fn run(
    app: Arc<App>,
    change: Change,
    credential: Credential,
    mut place: Place,
) -> Result<(), Error> {
    let counter = change.counter(&app);
    let reservation = match counter::admit(&app, counter, None).await? {
        Admitted::Reserved(id) => id,
        Admitted::Locked(_) => {
            change.end(&app).await?;
            return Err(ended(EndReason::Revoked));
        }
        Admitted::Wait => return Err(Error::overloaded()),
    };
    let hashed = change.hash(&mut place, &credential).await;
    drop(place);
    let result = match hashed {
        Ok(Some(hash)) => {
            change
                .store(&app, counter, reservation, &credential, hash)
                .await
        }
        Ok(None) => change.count_failure(&app, counter, reservation).await,
        Err(error) => {
            counter::release(&app, &counter, reservation).await?;
            return Err(error);
        }
    };
    app.waiters.settled(counter.key);
    result
}

impl Change {
    /// The owner as it is now; a token of a temporary password dies with that password.
    async fn owner(&self, app: &App) -> Result<(Owner, Credential), Error> {
        let base = Arc::clone(&app.settings().tenant);
        let (tenant_id, user_id) = (self.by.tenant_id, self.by.user_id);
        let jti = match &self.by.proof {
            Proof::Token(claims) => Some(claims.jti.clone()),
            Proof::Session(_) => None,
        };
        let found = app
            .store
            .read(move |tx| -> Result<_, StoreError> {
                if let Some(jti) = &jti
                    && tx.is_denied(jti)?
                {
                    return Ok(None);
                }
                let rows = tx.tenant(tenant_id);
                let tenant = tx.tenants().ever_by_id(tenant_id)?;
                let user = rows.users().by_id(user_id)?;
                let credential = rows.credentials().of(user_id)?;
                let settings = effective::read(base, tx, tenant_id)?;
                let owner = tenant.zip(user).map(|(row, user)| (row, user, settings));
                Ok(owner.zip(credential))
            })
            .await
            .map_err(Error::from)?;
        let ((row, user, settings), credential) = found.ok_or_else(dead_token)?;
        let owner = Owner {
            tenant: self.present(row).ok_or_else(dead_token)?,
            user,
            settings,
        };
        tenant_is_open(
            owner
                .tenant
                .standing(app.now(), app.settings().expiry_grace),
        )?;
        if owner.user.status == UserStatus::Disabled {
            return Err(ended(EndReason::Revoked));
        }
        if let Proof::Token(claims) = &self.by.proof
            && claims.cver != credential.version
        {
            return Err(dead_token());
        }
        Ok((owner, credential))
    }

    /// The tenant, unless it is deleted, or was restored after the token was made (rule 19).
    fn present(&self, row: TenantRow) -> Option<Tenant> {
        let is_void = match (&self.by.proof, row.restored_at) {
            (Proof::Token(claims), Some(at)) => claims.iat <= at.seconds(),
            _ => false,
        };
        (row.deletion.is_none() && !is_void).then_some(row.tenant)
    }

    fn accept(&self, app: &App, owner: &Owner) -> Result<(), Error> {
        let result = if self.wish.new.expose() == self.wish.current.expose() {
            Err(PasswordRejection::Unchanged)
        } else {
            password::check(
                app,
                &owner.settings,
                &self.wish.new,
                &password::own_words(&owner.user.email, &owner.user.name, &owner.tenant),
            )
        };
        result.map_err(|rejection| Error::password("/new_password", &rejection))
    }

    fn counter(&self, app: &App) -> Counter {
        let key = match &self.by.proof {
            Proof::Session(id) => app.keys.session_counter(id.as_bytes()),
            Proof::Token(claims) => app.keys.session_counter(claims.jti.as_bytes()),
        };
        Counter {
            key,
            kind: CounterKind::Session,
            tenant: Some(self.by.tenant_id),
            policy: SESSION_POLICY,
        }
    }

    /// The hash of the new password, if the current one is right.
    async fn hash(
        &self,
        place: &mut Place,
        credential: &Credential,
    ) -> Result<Option<Secret<String>>, Error> {
        let hash = Some(credential.hash.clone());
        if !place
            .verify(&self.wish.current, hash)
            .await
            .map_err(Error::from)?
        {
            return Ok(None);
        }
        place
            .hash(&self.wish.new)
            .await
            .map(Some)
            .map_err(Error::from)
    }

    /// Ends what the change was tried by, where an earlier run left it at its limit.
    async fn end(&self, app: &App) -> Result<(), Error> {
        let now = app.now();
        let (tenant_id, proof) = (self.by.tenant_id, self.by.proof.clone());
        app.store
            .write(
                Priority::Urgent,
                Claim::detached(),
                move |tx| -> Result<(), StoreError> { end_proof(tx, tenant_id, &proof, now) },
            )
            .await
            .map_err(Error::from)
    }

    async fn count_failure(
        &self,
        app: &App,
        counter: Counter,
        reservation: ReservationId,
    ) -> Result<(), Error> {
        let now = app.now();
        let ip = app.stored_ip(self.by.client.ip);
        let (tenant_id, proof) = (self.by.tenant_id, self.by.proof.clone());
        app.store
            .write(
                Priority::Normal,
                Claim::detached(),
                move |tx| -> Result<(), StoreError> {
                    let after = counter::fail(tx, &counter, reservation, now, Some(&ip))?;
                    if matches!(after, AfterFailure::Locked { .. }) {
                        end_proof(tx, tenant_id, &proof, now)?;
                    }
                    Ok(())
                },
            )
            .await?;
        Err(Error::new(
            ErrorCode::InvalidCredentials,
            "current_password is wrong",
        ))
    }

    async fn store(
        &self,
        app: &App,
        counter: Counter,
        reservation: ReservationId,
        credential: &Credential,
        hash: Secret<String>,
    ) -> Result<(), Error> {
        let now = app.now();
        let write = CredentialWrite {
            user_id: self.by.user_id,
            hash,
            kind: CredentialKind::Own,
            changed_at: now,
        };
        let (tenant_id, user_id, expected) =
            (self.by.tenant_id, self.by.user_id, credential.version);
        let draft = app
            .draft(Template::PasswordChanged, now)?
            .map(|draft| draft.from(app.stored_ip(self.by.client.ip), None));
        let queued = draft.clone();
        let (proof, claim) = (self.by.proof.clone(), self.by.client.claim.clone());
        let (who, grace) = (self.by.who(), app.settings().expiry_grace);
        let outcome = app
            .store
            .write(
                Priority::Urgent,
                Claim::detached(),
                move |tx| -> Result<Stored, StoreError> {
                    tx.counters_mut().release(reservation)?;
                    if !claim.begin() {
                        return Ok(Stored::Abandoned);
                    }
                    if let Err(refused) = proof_holds(tx, who, &proof, now, grace)? {
                        return Ok(Stored::Refused(refused));
                    }
                    let rows = tx.tenant_mut(tenant_id);
                    if !rows.credentials_mut().set(&write, expected)? {
                        return Ok(Stored::Overtaken);
                    }
                    tx.counters_mut().clear(&counter.key)?;
                    rows.devices_mut().delete_of(user_id)?;
                    let kept = match &proof {
                        Proof::Session(id) => Some(*id),
                        Proof::Token(_) => None,
                    };
                    rows.sessions_mut()
                        .end_of(user_id, kept, now, EndReason::Revoked)?;
                    let user = activate(rows.as_ref(), user_id, now)?;
                    if let (Some(draft), Some(user)) = (&queued, user) {
                        draft.put(tx, &user)?;
                    }
                    tx.invalidate(Scope::User(user_id));
                    Ok(Stored::Changed)
                },
            )
            .await?;
        app.post_drafts(&draft);
        outcome.answer()
    }
}

/// What became of the write.
enum Stored {
    Changed,
    Overtaken,
    /// What let the request in does not hold any more.
    Refused(Error),
    Abandoned,
}

impl Stored {
    fn answer(self) -> Result<(), Error> {
        match self {
            Self::Changed => Ok(()),
            Self::Overtaken => Err(Error::new(
                ErrorCode::Conflict,
                "the password was changed by another request; nothing was done",
            )),
            Self::Refused(refused) => Err(refused),
            Self::Abandoned => Err(Error::new(
                ErrorCode::RequestTimeout,
                "the request took too long; nothing was done",
            )),
        }
    }
}

/// An invited user who has chosen a password is active. Returns the user as it was.
fn activate(rows: &dyn TenantWrite, user: UserId, now: Time) -> Result<Option<User>, StoreError> {
    let found = rows.users().by_id(user)?;
    if let Some(user) = &found
        && user.status == UserStatus::Invited
    {
        rows.users_mut()
            .set_status(user.id, UserStatus::Active, now)?;
    }
    Ok(found)
}

/// Whether the change may still be made by what let it in (G16).
fn proof_holds(
    tx: &dyn WriteTx,
    who: Who,
    proof: &Proof,
    now: Time,
    grace: Duration,
) -> Result<Result<(), Error>, StoreError> {
    if let Proof::Token(claims) = proof
        && tx.is_denied(&claims.jti)?
    {
        return Ok(Err(ended(EndReason::Revoked)));
    }
    Ok(again::look(tx, who, now, grace)?.map(drop))
}

/// Ends what the change was tried by.
fn end_proof(
    tx: &dyn WriteTx,
    tenant: TenantId,
    proof: &Proof,
    now: Time,
) -> Result<(), StoreError> {
    match proof {
        Proof::Session(id) => {
            tx.tenant_mut(tenant)
                .sessions_mut()
                .end(*id, now, EndReason::Revoked)?;
            tx.invalidate(Scope::Session(*id));
        }
        Proof::Token(claims) => {
            let expires_at = Time::from_millis(claims.exp.saturating_mul(1000));
            let denial = Denial {
                tenant: Some(tenant),
                denied_at: now,
                expires_at,
                reason: None,
            };
            tx.deny(&claims.jti, &denial)?;
        }
    }
    Ok(())
}

fn dead_token() -> Error {
    Error::new(
        ErrorCode::InvalidToken,
        "this token is used, replaced or of no user any more",
    )
}
