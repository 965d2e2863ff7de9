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
use domain::mail::{CAP_WINDOW, Template};
use domain::password::Password;
use domain::registration::{Registration, SIDE_BY_SIDE};
use domain::setting::Effective;
use domain::tenant::{Slug, Standing, Tenant};
use domain::user::{Address, Name};
use store::{Priority, ReadTx, StoreError, WriteTx};

use crate::app::mail::{Draft, Recipient};
use crate::app::tenant::effective;
use crate::app::{App, Client, Error, Settings, password, password_reset};
use crate::crypto::Lane;

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
    let (email, network) = (registrant.email.clone(), app.network(client.ip));
    let wanted = (email, network.clone());
    let started_at = app.now();
    let (tenant, own, room) = app
        .store
        .read(move |tx| -> Result<_, StoreError> {
            let open = open_tenant(tx, &looked_up.0, &looked_up.1, started_at)?;
            let Some((tenant, own)) = open else {
                return Ok(None);
            };
            let hourly = looked_up.1.mail.per_address_hourly;
            let room = room(
                tx,
                &own,
                (tenant.id, &wanted.0, &wanted.1),
                (started_at, hourly),
            )?;
            Ok(Some((tenant, own, room)))
        })
        .await?
        .ok_or_else(closed)?;
    check_domain(&own, &registrant.email)?;
    let own_words = password::own_words(&registrant.email, &registrant.name, &tenant);
    password::check(app, &own, &registrant.password, &own_words)
        .map_err(|rejection| Error::password("/password", &rejection))?;
    // Where no mail leaves nobody can register.
    app.mail.open().ok_or_else(closed)?;
    // What finds no place costs no hash (G22); the floor under the answer hides that.
    if matches!(room, Room::Full) {
        return Ok(());
    }
    let mut place = app
        .pool
        .place(Lane::Common)
        .map_err(|_| Error::overloaded())?;
    let hash = place
        .hash(&registrant.password)
        .await
        .map_err(Error::from)?;
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
        network,
        tries: 0,
        created_at: now,
        expires_at: now.plus(settings.verify_ttl),
    };
    write(app, client, registrant.tenant, waiting, mails).await
}

async fn write(
    app: &Arc<App>,
    client: Client,
    slug: String,
    waiting: Registration,
    mails: Mails,
) -> Result<(), Error> {
    let (settings, now, queued) = (app.settings(), waiting.created_at, mails.clone());
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

/// Where one more registration of an address finds a place.
enum Room {
    /// Nowhere.
    Full,
    /// Beside those that wait.
    Free,
    /// In the place of the oldest of the address.
    InsteadOf(Box<Registration>),
}

/// Looks for a place by what waits alone. Whether the address has an account, and what was mailed to
/// it, must not move a place: the last one of a network would tell it to whoever knows the others.
fn room(
    tx: &dyn ReadTx,
    own: &Effective,
    (tenant, email, network): (TenantId, &Email, &str),
    (now, hourly): (Time, u32),
) -> Result<Room, StoreError> {
    let rows = tx.tenant(tenant);
    let others = rows.waiting().registrations_of(email, now)?;
    let mut taken = rows.waiting().count(network, now)?;
    if others.len() < SIDE_BY_SIDE {
        let has_place = own.registration.has_place(taken);
        return Ok(if has_place { Room::Free } else { Room::Full });
    }
    // As many as may be mailed to one address within the hour.
    let since = now.minus(CAP_WINDOW);
    let fresh = others.iter().filter(|other| other.created_at > since);
    let most = usize::try_from(hourly).unwrap_or(SIDE_BY_SIDE);
    let Some(old) = others
        .first()
        .filter(|_| fresh.count() < most.min(SIDE_BY_SIDE))
    else {
        return Ok(Room::Full);
    };
    taken.of_tenant = taken.of_tenant.saturating_sub(1);
    let same = u32::from(old.network == network);
    taken.of_network = taken.of_network.saturating_sub(same);
    if own.registration.has_place(taken) {
        Ok(Room::InsteadOf(Box::new(old.clone())))
    } else {
        Ok(Room::Full)
    }
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

/// Writes what is to be kept: a place is taken for an address that has an account, too, though its row
/// never gets a link. Each way writes about as much: no clock tells them apart.
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
    let wanted = (waiting.tenant_id, &waiting.email, waiting.network.as_str());
    let when = (waiting.created_at, mails.link.hourly());
    let room = room(tx, own, wanted, when)?;
    let table = rows.waiting_mut();
    table.add_registration(waiting)?;
    let user = rows.users().by_email(&waiting.email)?;
    let is_mailed = match (&room, &user) {
        (Room::Full, _) => false,
        (_, Some(user)) if user.status == UserStatus::Disabled => false,
        (_, Some(user)) => mails.in_use.put(tx, user)?,
        (_, None) => mails.link.put_to(tx, &recipient)?,
    };
    if !is_mailed {
        mails.link.pretend(tx, &recipient)?;
    }
    match room {
        Room::Full => table.delete_registration(waiting.id).map(drop),
        Room::Free => Ok(()),
        // Over the hourly cap of the address nothing is sent and nothing dies (rule 22).
        Room::InsteadOf(_) if user.is_none() && !is_mailed => {
            table.delete_registration(waiting.id).map(drop)
        }
        Room::InsteadOf(old) => table.delete_registration(old.id).map(drop),
    }
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
    let rows = tx.tenant(tenant);
    // What waits of an address with an account holds a place, and is nobody's to complete.
    if rows.users().by_email(email)?.is_some() {
        return Ok(Vec::new());
    }
    let found = rows.waiting().registrations_of(email, now)?;
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
