//! Whether a mail is still wanted when its turn comes: what it tells of may be over by then.

use std::time::Duration;

use common::time::Time;
use common::view::UserStatus;
use domain::mail::{Message, Template};
use domain::tenant::{Standing, Tenant};
use domain::user::{CredentialKind, User};
use store::{StoreError, TenantRead, WriteTx};

use crate::app::tenant::warnings;

/// What is known of whom a mail goes to.
pub(super) struct Addressee {
    pub(super) tenant: Tenant,
    /// None in what goes to an address that nobody has proved: it is some stranger's choice.
    pub(super) name: Option<String>,
    pub(super) locale: Option<String>,
    /// When the link ends, where that does not go by the moment at which it is made; or the
    /// subscription.
    pub(super) ends_at: Option<Time>,
}

/// The addressee of a mail that is still wanted.
pub(super) fn wanted(
    tx: &dyn WriteTx,
    message: &Message,
    now: Time,
    grace: Duration,
) -> Result<Option<Addressee>, StoreError> {
    let Some(tenant) = tx.tenants().by_id(message.tenant_id)? else {
        return Ok(None);
    };
    if !matches!(
        tenant.standing(now, grace),
        Standing::Active | Standing::Grace
    ) {
        return Ok(None);
    }
    let rows = tx.tenant(tenant.id);
    if message.template == Template::EmailVerification {
        let registration = rows.waiting().registration(message.user_id)?;
        let fits = registration
            .filter(|waiting| waiting.is_alive(now) && waiting.email == message.recipient);
        return Ok(fits.map(|waiting| Addressee {
            tenant,
            name: None,
            locale: waiting.locale,
            ends_at: Some(waiting.expires_at),
        }));
    }
    let Some(user) = rows.users().by_id(message.user_id)? else {
        return Ok(None);
    };
    if message.template == Template::EmailConfirmation {
        let pending = rows.waiting().email_of(user.id)?;
        let fits = pending
            .filter(|waiting| waiting.is_alive(now) && waiting.email == message.recipient)
            .filter(|_| user.status != UserStatus::Disabled);
        return Ok(fits.map(|waiting| Addressee {
            tenant,
            name: None,
            locale: user.locale,
            ends_at: Some(waiting.expires_at),
        }));
    }
    let is_of_the_end = message.template == Template::SubscriptionEnding;
    let fits = if is_of_the_end {
        tells_of_the_end(tx, &tenant, message, &user, now)?
    } else {
        tells(rows.as_ref(), message, &user)?
    };
    Ok(fits.then(|| Addressee {
        ends_at: tenant.ends_at.filter(|_| is_of_the_end),
        tenant,
        name: user.name.display.or(user.name.given),
        locale: user.locale,
    }))
}

/// Whether a subscription still ends soon: it may have been extended since, and another may
/// administer the tenant.
fn tells_of_the_end(
    tx: &dyn WriteTx,
    tenant: &Tenant,
    message: &Message,
    user: &User,
    now: Time,
) -> Result<bool, StoreError> {
    let fits = user.email == message.recipient
        && warnings::ends_soon(tenant, message.occasion.at, now)
        && warnings::hears_of_it(tx, tenant, user)?;
    Ok(fits)
}

/// Whether a mail to a user still fits the user.
fn tells(rows: &dyn TenantRead, message: &Message, user: &User) -> Result<bool, StoreError> {
    // That the address was changed goes to the former one.
    if message.template == Template::EmailChanged {
        return Ok(true);
    }
    if user.email != message.recipient {
        return Ok(false);
    }
    Ok(match message.template {
        Template::PasswordReset | Template::AddressInUse => user.status != UserStatus::Disabled,
        // Whoever has chosen a password must not lose it to an invitation.
        Template::Invitation => {
            let own = rows.credentials().of(user.id)?;
            user.status == UserStatus::Invited
                && own.is_none_or(|own| own.kind != CredentialKind::Own)
        }
        Template::PasswordChanged
        | Template::AccountLocked
        | Template::NewDevice
        | Template::SignInAfterFailures
        | Template::EmailVerification
        | Template::EmailConfirmation
        | Template::EmailChangeRequested
        | Template::EmailChanged
        | Template::SubscriptionEnding
        | Template::Test => true,
    })
}
