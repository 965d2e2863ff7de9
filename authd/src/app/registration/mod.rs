//! Registering (rule 21): what is asked for waits beside the users until the owner of the address
//! comes back with its link and the password. The answer is the same whether the address has an
//! account, waits already, or finds no place.

mod complete;
mod desk;

use std::sync::Arc;
use std::time::Instant;

use common::email::Email;
use common::error::ErrorCode;
use common::id::TenantId;
use common::time::Time;
use common::view::UserStatus;
use domain::mail::Template;
use domain::password::Password;
use domain::registration::{Registration, SIDE_BY_SIDE};
use domain::setting::Effective;
use domain::tenant::{Slug, Standing, Tenant};
use domain::user::{Address, Name};
use store::{Priority, ReadTx, StoreError, WriteTx};

use crate::app::mail::{Draft, Recipient};
use crate::app::tenant::effective;
use crate::app::{App, Client, Error, Settings, password, password_reset};
use crate::crypto::{HashError, Lane};

pub(in crate::app) use complete::expired;
pub use complete::{Completed, complete};
pub use desk::{delete, list};

/// What somebody gives of themselves, each value checked.
#[derive(Debug)]
pub struct Registrant {
    /// Slug of the tenant, as given.
    pub tenant: String,
    /// Address.
    pub email: Email,
    /// Password of their choice.
    pub password: Password,
    /// Name.
    pub name: Name,
    /// E.164.
    pub phone: Option<String>,
    /// Postal address.
    pub address: Option<Address>,
    /// BCP 47 tag.
    pub locale: Option<String>,
}

/// Takes a registration, and mails a link to its address; to one that has an account, a mail that
/// says so. No answer tells which.
///
/// # Errors
/// `registration_closed` for a tenant that takes none or does not exist; `validation_failed` for an
/// address of another domain than the tenant's; `password_rejected`; `overloaded`.
pub async fn register(app: &Arc<App>, client: Client, registrant: Registrant) -> Result<(), Error> {
    let floor = Instant::now() + *app.login_floor.get();
    let result = enter(app, client, registrant).await;
    tokio::time::sleep_until(floor.into()).await;
    result
}

async fn enter(app: &Arc<App>, client: Client, registrant: Registrant) -> Result<(), Error> {
    let settings = app.settings();
    let looked_up = (registrant.tenant.clone(), Arc::clone(&settings));
    let started_at = app.now();
    let (tenant, own) = app
        .store
        .read(move |tx| open_tenant(tx, &looked_up.0, &looked_up.1, started_at))
        .await?
        .ok_or_else(closed)?;
    check_domain(&own, &registrant.email)?;
    let own_words = password::own_words(&registrant.email, &registrant.name, &tenant);
    password::check(app, &own, &registrant.password, &own_words)
        .map_err(|rejection| Error::password("/password", &rejection))?;
    let mut place = app
        .pool
        .place(Lane::Common)
        .map_err(|_| Error::overloaded())?;
    let hash = place
        .hash(&registrant.password)
        .await
        .map_err(hash_failed)?;
    drop(place);
    let now = app.now();
    let mails = Mails::draw(app, &client, now)?;
    let waiting = Registration {
        id: app.new_id(now)?,
        tenant_id: tenant.id,
        email: registrant.email,
        name: registrant.name,
        phone: registrant.phone,
        address: registrant.address,
        locale: registrant.locale,
        hash,
        network: app.network(client.ip),
        tries: 0,
        created_at: now,
        expires_at: now.plus(settings.verify_ttl),
    };
    let queued = mails.clone();
    let slug = registrant.tenant;
    app.store
        .write(Priority::Normal, client.claim, move |tx| {
            let (_, own) = open_tenant(tx, &slug, &settings, now)?.ok_or_else(closed)?;
            check_domain(&own, &waiting.email)?;
            put(tx, &own, &waiting, &queued).map_err(Error::from)
        })
        .await?;
    app.post_drafts([&mails.link, &mails.in_use]);
    Ok(())
}

fn check_domain(own: &Effective, email: &Email) -> Result<(), Error> {
    if own.registration.allows(email) {
        return Ok(());
    }
    Err(Error::field(
        "/email",
        "domain_not_allowed",
        "Use an address of your organisation.",
    ))
}

/// The two mails of which one may go out.
#[derive(Clone)]
struct Mails {
    link: Draft,
    in_use: Draft,
}

impl Mails {
    /// Draws them. Where no mail leaves nobody can register.
    fn draw(app: &App, client: &Client, now: Time) -> Result<Self, Error> {
        let ip = app.stored_ip(client.ip);
        let draw = |template| -> Result<Draft, Error> {
            let draft = app.draft(template, now)?.ok_or_else(closed)?;
            Ok(draft.from(ip.clone(), None))
        };
        Ok(Self {
            link: draw(Template::EmailVerification)?,
            in_use: draw(Template::AddressInUse)?,
        })
    }
}

/// Writes what is to be kept. Each way writes about as much: no clock tells them apart.
fn put(
    tx: &dyn WriteTx,
    own: &Effective,
    waiting: &Registration,
    mails: &Mails,
) -> Result<(), StoreError> {
    let rows = tx.tenant_mut(waiting.tenant_id);
    let recipient = Recipient {
        tenant: waiting.tenant_id,
        user: waiting.id,
        email: waiting.email.clone(),
    };
    let table = rows.waiting_mut();
    table.add_registration(waiting)?;
    let takes_back = |draft: &Draft| -> Result<(), StoreError> {
        draft.pretend(tx, &recipient)?;
        table.delete_registration(waiting.id).map(drop)
    };
    if let Some(user) = rows.users().by_email(&waiting.email)? {
        if user.status == UserStatus::Disabled || !mails.in_use.put(tx, &user)? {
            return takes_back(&mails.in_use);
        }
        return table.delete_registration(waiting.id).map(drop);
    }
    let now = waiting.created_at;
    let mut others = table.registrations_of(&waiting.email, now)?;
    others.retain(|other| other.id != waiting.id);
    let replaced = (others.len() >= SIDE_BY_SIDE)
        .then(|| others.first())
        .flatten();
    // This one is counted already.
    let mut taken = table.count(&waiting.network, now)?;
    taken.of_tenant = taken.of_tenant.saturating_sub(1);
    taken.of_network = taken.of_network.saturating_sub(1);
    if let Some(old) = replaced {
        taken.of_tenant = taken.of_tenant.saturating_sub(1);
        let same = u32::from(old.network == waiting.network);
        taken.of_network = taken.of_network.saturating_sub(same);
    }
    // Over the hourly cap of the address nothing is sent and nothing dies (rule 22).
    if !own.registration.has_place(taken) || !mails.link.put_to(tx, &recipient)? {
        return takes_back(&mails.link);
    }
    if let Some(old) = replaced {
        table.delete_registration(old.id)?;
    }
    Ok(())
}

/// Mails the links of an address's registrations again. No answer tells whether there are any.
///
/// # Errors
/// `unavailable`, `request_timeout`, for every address alike.
pub async fn resend(
    app: &Arc<App>,
    client: Client,
    tenant: String,
    email: Email,
) -> Result<(), Error> {
    let floor = Instant::now() + *app.login_floor.get();
    let result = send_again(app, client, tenant, email).await;
    tokio::time::sleep_until(floor.into()).await;
    result
}

async fn send_again(
    app: &Arc<App>,
    client: Client,
    tenant: String,
    email: Email,
) -> Result<(), Error> {
    let now = app.now();
    let ip = app.stored_ip(client.ip);
    let mut drafts = Vec::new();
    for _ in 0..SIDE_BY_SIDE {
        let Some(draft) = app.draft(Template::EmailVerification, now)? else {
            return Ok(());
        };
        drafts.push(draft.from(ip.clone(), None));
    }
    let settings = app.settings();
    let nobody = password_reset::nobody(app, email, now)?;
    let queued = drafts.clone();
    app.store
        .write(
            Priority::Normal,
            client.claim,
            move |tx| -> Result<(), StoreError> {
                let found = match open_tenant(tx, &tenant, &settings, now)? {
                    Some((tenant, _)) => waiting_of(tx, tenant.id, &nobody.email, now)?,
                    None => Vec::new(),
                };
                if let (true, Some(draft)) = (found.is_empty(), queued.first()) {
                    return draft.pretend(tx, &nobody);
                }
                // The newest first: the cap may leave the others out.
                for (recipient, draft) in found.iter().rev().zip(&queued) {
                    draft.put_to(tx, recipient)?;
                }
                Ok(())
            },
        )
        .await
        .map_err(Error::from)?;
    app.post_drafts(&drafts);
    Ok(())
}

fn waiting_of(
    tx: &dyn ReadTx,
    tenant: TenantId,
    email: &Email,
    now: Time,
) -> Result<Vec<Recipient>, StoreError> {
    let found = tx.tenant(tenant).waiting().registrations_of(email, now)?;
    let alive = found.into_iter().filter(|waiting| waiting.is_alive(now));
    Ok(alive
        .map(|waiting| Recipient {
            tenant,
            user: waiting.id,
            email: waiting.email,
        })
        .collect())
}

/// The tenant of that name with what holds for it, if it takes registrations. `system` never does.
fn open_tenant(
    tx: &dyn ReadTx,
    name: &str,
    settings: &Settings,
    now: Time,
) -> Result<Option<(Tenant, Effective)>, StoreError> {
    let Some(slug) = name.parse::<Slug>().ok().filter(|slug| !slug.is_system()) else {
        return Ok(None);
    };
    let Some(tenant) = tx.tenants().by_slug(&slug)? else {
        return Ok(None);
    };
    let own = effective::read(Arc::clone(&settings.tenant), tx, tenant.id)?;
    let is_open = matches!(
        tenant.standing(now, settings.expiry_grace),
        Standing::Active | Standing::Grace
    );
    Ok((is_open && own.registration.enabled).then_some((tenant, own)))
}

fn closed() -> Error {
    Error::new(
        ErrorCode::RegistrationClosed,
        "no such tenant, or it takes no registrations",
    )
}

fn hash_failed(error: HashError) -> Error {
    match error {
        HashError::TooLate => Error::overloaded(),
        error => Error::internal(error),
    }
}
