//! A forgotten password: asking for a link, using it, and the operator's way to send or print one
//! (rules 22, 23, 25). Asking answers the same for every name; a lock of the name hinders neither.

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::call::Change;
use common::call::user::ResetPassword;
use common::email::Email;
use common::error::ErrorCode;
use common::id::UserId;
use common::secret::{RevealedSecret, Secret};
use common::time::Time;
use common::view::UserStatus;
use domain::mail::{MailedToken, Template};
use domain::password::Password;
use domain::session::EndReason;
use domain::tenant::{Slug, Standing, Tenant};
use domain::user::{CredentialKind, User};
use serde_json::{Value, json};
use store::{CredentialWrite, Priority, ReadTx, Scope, StoreError, WriteTx};

use crate::app::audit::{Act, Record};
use crate::app::authenticate::tenant_is_open;
use crate::app::mail::{Recipient, link};
use crate::app::tenant::effective;
use crate::app::{App, By, Client, Error, helpdesk, password, target};
use crate::crypto::{Lane, MailedSecret};

/// Shortest life of a link that an operator asks for.
const LIFE_LEAST: Duration = Duration::from_secs(60);
/// Longest life of a link that an operator asks for.
const LIFE_MOST: Duration = Duration::from_secs(86_400);

/// Asks for a link: queues a mail to the owner of the name, if there is one. No answer tells.
///
/// # Errors
/// `unavailable`, `request_timeout`, for every name alike.
pub async fn forgot(
    app: &Arc<App>,
    client: Client,
    tenant: String,
    email: Email,
) -> Result<(), Error> {
    let floor = Instant::now() + *app.login_floor.get();
    let result = ask(app, client, tenant, email).await;
    tokio::time::sleep_until(floor.into()).await;
    result
}

async fn ask(app: &Arc<App>, client: Client, tenant: String, email: Email) -> Result<(), Error> {
    let now = app.now();
    let settings = app.settings();
    let Some(draft) = app.draft(Template::PasswordReset, now)? else {
        return Ok(());
    };
    let draft = draft
        .from(app.stored_ip(client.ip), None)
        .with_link(settings.reset_ttl);
    let nobody = nobody(app, email, now)?;
    let queued = draft.clone();
    app.store
        .write(
            Priority::Normal,
            client.claim,
            move |tx| -> Result<(), StoreError> {
                match owner(tx, &tenant, &nobody.email, now, settings.expiry_grace)? {
                    Some(user) => queued.put(tx, &user).map(drop),
                    None => queued.pretend(tx, &nobody),
                }
            },
        )
        .await
        .map_err(Error::from)?;
    app.post_drafts([&draft]);
    Ok(())
}

/// The user whose name was given, if it may have a link.
fn owner(
    tx: &dyn WriteTx,
    tenant: &str,
    email: &Email,
    now: Time,
    grace: Duration,
) -> Result<Option<User>, StoreError> {
    let Ok(slug) = tenant.parse::<Slug>() else {
        return Ok(None);
    };
    let Some(tenant) = tx.tenants().by_slug(&slug)? else {
        return Ok(None);
    };
    let user = tx.tenant(tenant.id).users().by_email(email)?;
    let is_open = matches!(
        tenant.standing(now, grace),
        Standing::Active | Standing::Grace
    );
    Ok(user.filter(|user| is_open && user.status != UserStatus::Disabled))
}

/// Somebody who does not exist, with a given address.
///
/// # Errors
/// `internal` without random bytes.
pub(super) fn nobody(app: &App, email: Email, now: Time) -> Result<Recipient, Error> {
    Ok(Recipient {
        tenant: app.new_id(now)?,
        user: app.new_id(now)?,
        email,
    })
}

/// Sets a new password by a token from a link: ends all sessions and device secrets, empties the count
/// of failures and its lock (one by hand stays), and tells the owner.
///
/// # Errors
/// `link_expired` for a token that is used, old, replaced or unknown; `password_rejected`, which
/// leaves the token alive; `tenant_suspended`, `subscription_ended`; `overloaded`.
pub async fn reset(
    app: &Arc<App>,
    client: Client,
    token: &Secret<String>,
    new: Password,
) -> Result<(), Error> {
    let hash = MailedSecret::hash_of(token).ok_or_else(expired)?;
    let settings = app.settings();
    let base = Arc::clone(&settings.tenant);
    let (holder, own) = app
        .store
        .read(move |tx| -> Result<_, Error> {
            let holder = holder(tx, &hash)?;
            let own = effective::read(base, tx, holder.tenant.id)?;
            Ok((holder, own))
        })
        .await?;
    holder.check(app.now(), settings.expiry_grace)?;
    let own_words = password::own_words(&holder.user.email, &holder.user.name, &holder.tenant);
    password::check(app, &own, &new, &own_words)
        .map_err(|rejection| Error::password("/new_password", &rejection))?;
    let mut place = app
        .pool
        .place(Lane::Kept)
        .map_err(|_| Error::overloaded())?;
    let hashed = place.hash(&new).await.map_err(Error::from)?;
    drop(place);
    let now = app.now();
    let draft = app.draft(Template::PasswordChanged, now)?;
    let draft = draft.map(|draft| draft.from(app.stored_ip(client.ip), None));
    let queued = draft.clone();
    app.store
        .write(Priority::Urgent, client.claim, move |tx| {
            // Looked at again: of many uses side by side one finds it.
            let holder = self::holder(tx, &hash)?;
            holder.check(now, settings.expiry_grace)?;
            holder.set_password(tx, &hashed, now)?;
            if let Some(draft) = &queued {
                draft.put(tx, &holder.user)?;
            }
            Ok::<(), Error>(())
        })
        .await?;
    app.post_drafts(&draft);
    Ok(())
}

/// A token with whom it belongs to.
struct Holder {
    tenant: Tenant,
    user: User,
    token: MailedToken,
}

fn holder(tx: &dyn ReadTx, hash: &[u8; 32]) -> Result<Holder, Error> {
    let (tenant_id, token) = tx.mailed_token(hash)?.ok_or_else(expired)?;
    let tenant = tx.tenants().by_id(tenant_id)?.ok_or_else(expired)?;
    let user = tx.tenant(tenant_id).users().by_id(token.user_id)?;
    Ok(Holder {
        tenant,
        user: user.ok_or_else(expired)?,
        token,
    })
}

impl Holder {
    fn check(&self, now: Time, grace: Duration) -> Result<(), Error> {
        if !self.token.is_alive(now) || self.user.status == UserStatus::Disabled {
            return Err(expired());
        }
        tenant_is_open(self.tenant.standing(now, grace))
    }

    fn set_password(
        &self,
        tx: &dyn WriteTx,
        hash: &Secret<String>,
        now: Time,
    ) -> Result<(), Error> {
        let user = &self.user;
        let rows = tx.tenant_mut(self.tenant.id);
        let version = rows.credentials().of(user.id)?.map_or(0, |old| old.version);
        let write = CredentialWrite {
            user_id: user.id,
            hash: hash.clone(),
            kind: CredentialKind::Own,
            changed_at: now,
        };
        // With the password goes the token.
        if !rows.credentials_mut().set(&write, version)? {
            return Err(expired());
        }
        rows.sessions_mut()
            .end_of(user.id, None, now, EndReason::Revoked)?;
        rows.devices_mut().delete_of(user.id)?;
        tx.counters_mut().clear(&user.subject)?;
        if user.status == UserStatus::Invited {
            rows.users_mut()
                .set_status(user.id, UserStatus::Active, now)?;
        }
        if self.token.is_mailed {
            rows.users_mut().set_email_verified(user.id, now)?;
        }
        tx.invalidate(Scope::User(user.id));
        Ok(())
    }
}

fn expired() -> Error {
    Error::new(
        ErrorCode::LinkExpired,
        "the token is used, old, replaced by a newer one, or none of ours",
    )
}

/// A link that is printed for the administrator instead of mailed; drawn before the write.
#[derive(Debug)]
pub(super) struct PrintedLink {
    secret: MailedSecret,
    made_at: Time,
    expires_at: Time,
}

impl PrintedLink {
    /// Draws one.
    pub(super) fn draw(app: &App, life: Duration, now: Time) -> Result<Self, Error> {
        Ok(Self {
            secret: MailedSecret::generate(app.random.as_ref()).map_err(Error::internal)?,
            made_at: now,
            expires_at: now.plus(life),
        })
    }

    /// The token to be kept.
    pub(super) fn token(&self, user: UserId) -> MailedToken {
        MailedToken {
            hash: self.secret.hash(),
            user_id: user,
            is_mailed: false,
            made_at: self.made_at,
            expires_at: self.expires_at,
        }
    }

    /// Shows it to who asked, leading to the tenant's page.
    pub(super) fn reveal(&self, page: &str, change: &mut Change) {
        let link = link(page, &self.secret);
        change.link = Some(RevealedSecret::new(&link));
        change.expires_at = Some(self.expires_at);
    }
}

/// Mails a user a link for setting a new password, or answers with it. Nothing else changes before
/// it is used. The mail goes out beyond the cap of its address, as an invitation does.
///
/// # Errors
/// Those of [`target::user`]; `no_mail_transport`; `validation_failed` for the life; `conflict` for a
/// user that is disabled.
pub async fn send_or_print(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: ResetPassword,
) -> Result<Change, Error> {
    let (by, now) = (by.into(), app.now());
    if request.print_link {
        helpdesk::refuse(by, "printing a link")?;
    }
    let called = helpdesk::naming(by);
    let life = life(app, request.expires_seconds)?;
    let record = Record::draw(app, by, now, request.reason.as_deref())?;
    let printed = request
        .print_link
        .then(|| PrintedLink::draw(app, life, now))
        .transpose()?;
    let draft = if printed.is_some() {
        None
    } else {
        app.mail.post("mail a link")?;
        app.draft(Template::PasswordReset, now)?
            .map(|draft| draft.with_link(life).beyond_cap())
    };
    let (reference, reach) = (request.user, by.reach());
    let (token, queued) = (printed.as_ref().map(TokenOf::new), draft.clone());
    let base = Arc::clone(&app.settings().tenant);
    let (mut change, page) = record
        .write(app, move |tx, permit| {
            let found = target::user(tx, reach, &reference)?;
            permit.may_act_on(tx, &found.tenant, found.user.id)?;
            if found.user.status == UserStatus::Disabled {
                return Err(disabled(&found.tenant, &called(&found.user)));
            }
            let act = Act {
                action: "user.reset_password",
                object: found.user.id.to_string(),
                subject: called(&found.user),
                tenant: found.tenant.clone(),
            };
            if let Some(draft) = &queued {
                draft.put(tx, &found.user)?;
            }
            if let Some(token) = &token {
                tx.tenant_mut(act.tenant.id)
                    .mailed_tokens_mut()
                    .put(&token.of(found.user.id))?;
            }
            let after = json!({"printed": token.is_some(), "link_seconds": life.as_secs()});
            let change = permit.append(tx, &act, &Value::Null, &after)?;
            let settings = effective::read(Arc::clone(&base), tx, act.tenant.id)?;
            Ok((change, settings.pages.reset.clone()))
        })
        .await?;
    match printed {
        Some(printed) => printed.reveal(&page, &mut change),
        None => change.expires_at = Some(now.plus(life)),
    }
    app.post_drafts(&draft);
    Ok(change)
}

/// A printed link's token, for a user that the write finds.
struct TokenOf(MailedToken);

impl TokenOf {
    fn new(printed: &PrintedLink) -> Self {
        Self(printed.token(UserId::from_bytes([0; 16])))
    }

    fn of(&self, user_id: UserId) -> MailedToken {
        MailedToken { user_id, ..self.0 }
    }
}

fn life(app: &App, seconds: Option<u64>) -> Result<Duration, Error> {
    let Some(seconds) = seconds else {
        return Ok(app.settings().reset_ttl);
    };
    let life = Duration::from_secs(seconds);
    if (LIFE_LEAST..=LIFE_MOST).contains(&life) {
        return Ok(life);
    }
    Err(Error::field(
        "/expires_seconds",
        "out_of_range",
        "expected 1 minute to 1 day",
    ))
}

fn disabled(tenant: &Tenant, called: &str) -> Error {
    let name = format!("{}/{called}", tenant.slug);
    Error::new(
        ErrorCode::Conflict,
        format!("{name} is disabled; nothing was changed"),
    )
    .with_hint(format!("Enable the user first: authctl user enable {name}"))
}
