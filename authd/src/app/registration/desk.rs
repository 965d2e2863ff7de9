//! Registrations as the operator sees and ends them.

use std::fmt;
use std::sync::Arc;

use common::call::registration::{Delete, List};
use common::call::{Change, Socket, UserRef};
use common::email::Email;
use common::id::UserId;
use common::time::Time;
use common::view::{Page, RegistrationView};
use domain::registration::TRIES;
use domain::tenant::Tenant;
use serde_json::{Value, json};
use store::{PageRequest, Priority, ReadTx, RegistrationFilter, RegistrationRow};

use crate::app::audit::{Act, Record};
use crate::app::cursor::Place;
use crate::app::{App, By, Error, Operator, helpdesk, names};

/// Registrations of one address that are looked at.
const OF_ADDRESS: u32 = 100;

/// Lists registrations that wait, the oldest first.
///
/// # Errors
/// `not_found` for the tenant, those of the page.
pub async fn list(
    app: &Arc<App>,
    operator: &Operator,
    request: List,
) -> Result<Page<RegistrationView>, Error> {
    let place = Place::of(&app.keys, &request, &request.paging())?;
    let (now, socket) = (app.now(), operator.socket);
    let reach = By::from(operator).reach();
    app.store
        .read(move |tx| {
            let filter = RegistrationFilter {
                tenant: names::tenant_filter(tx, request.tenant.as_deref())?,
                email: None,
                id: None,
                at: now,
            };
            let (rows, next) = place.collect(
                |row: &RegistrationRow| row.registration.id.to_string(),
                |row| !helpdesk::hides(tx, reach, Some(row.registration.tenant_id), None),
                |page| tx.operator().registrations(&filter, page),
            )?;
            let items = rows.iter().map(|row| view(row, socket)).collect();
            Ok(place.page(items, next.as_deref()))
        })
        .await
}

fn view(row: &RegistrationRow, socket: Socket) -> RegistrationView {
    let waiting = &row.registration;
    let is_whole = socket.shows_personal();
    RegistrationView {
        id: waiting.id,
        tenant: row.tenant.to_string(),
        email: is_whole.then(|| waiting.email.to_string()),
        network: is_whole.then(|| waiting.network.clone()),
        tries_left: TRIES.saturating_sub(waiting.tries),
        created_at: waiting.created_at,
        expires_at: waiting.expires_at,
    }
}

/// Ends all registrations of an address, or the one of an id; links that were mailed for them are
/// dead.
///
/// # Errors
/// `not_found` for the tenant, or where nothing waits; `validation_failed` for a text that is
/// neither, or for an address that waits with several tenants while none is named.
pub async fn delete(app: &Arc<App>, operator: &Operator, request: Delete) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let reference = request.registration;
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let (tenant, wanted, oldest) = find(tx, &reference, now)?;
            let (id, email) = (oldest.registration.id, oldest.registration.email);
            let act = Act {
                action: "registration.delete",
                object: id.to_string(),
                subject: email.to_string(),
                tenant,
            };
            let rows = tx.tenant_mut(act.tenant.id);
            let ended = match wanted {
                Wanted::One(id) => rows.waiting_mut().delete_registration(id)?.into(),
                Wanted::Of(_) => rows.waiting_mut().delete_registrations_of(&email)?,
            };
            let before = json!({"email": email, "registrations": ended});
            record.append(tx, &act, &before, &Value::Null)
        })
        .await
}

/// What a reference names.
enum Wanted {
    /// One registration, by the id that the list shows.
    One(UserId),
    /// All of an address.
    Of(Email),
}

impl Wanted {
    fn parse(name: &str) -> Result<Self, Error> {
        if let Ok(id) = name.parse() {
            return Ok(Self::One(id));
        }
        name.parse().map(Self::Of).map_err(|_| {
            let why = "expected an address, or the id of a registration";
            Error::field("/registration", "invalid_email", why)
        })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(id) => id.fmt(f),
            Self::Of(email) => email.fmt(f),
        }
    }
}

/// The tenant of a reference, what it names, and the oldest registration of that.
fn find(
    tx: &dyn ReadTx,
    reference: &UserRef,
    now: Time,
) -> Result<(Tenant, Wanted, RegistrationRow), Error> {
    let wanted = Wanted::parse(&reference.name)?;
    let (email, id) = match &wanted {
        Wanted::One(id) => (None, Some(*id)),
        Wanted::Of(email) => (Some(email.clone()), None),
    };
    let filter = RegistrationFilter {
        tenant: names::tenant_filter(tx, reference.tenant.as_deref())?,
        email,
        id,
        at: now,
    };
    let page = PageRequest {
        limit: OF_ADDRESS,
        after: None,
    };
    let mut rows = tx.operator().registrations(&filter, &page)?.into_iter();
    let Some(oldest) = rows.next() else {
        let mut error = Error::not_found();
        error.developer_message = format!("no registration of {wanted} waits").into();
        return Err(error.with_hint("List: authctl registration list"));
    };
    let id = oldest.registration.tenant_id;
    if let Some(other) = rows.find(|row| row.registration.tenant_id != id) {
        return Err(Error::field(
            "/registration",
            "ambiguous",
            format!("{wanted} waits with {} and {}", oldest.tenant, other.tenant),
        )
        .with_hint(format!("Name the tenant: {}/{wanted}", oldest.tenant)));
    }
    let tenant = tx.tenants().by_id(id)?.ok_or_else(Error::not_found)?;
    Ok((tenant, wanted, oldest))
}
