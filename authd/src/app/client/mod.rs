//! Service clients, as who administers makes, looks at and removes them, and how they prove themselves.
//! Every change of one outdates all that caches hold of its tenant. Nobody gives one what they do not
//! hold, and nobody acts on one that may do more (rule 18); to make one, and to make a secret for one,
//! takes a fresh sign-in (rule 14).

mod administered;
mod find;
mod prove;
pub mod token;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use common::call::client::{ClientRef, Create, Delete, List, Rotate, Show};
use common::call::{Change, Socket};
use common::error::ErrorCode;
use common::id::{ClientId, RoleId};
use common::secret::RevealedSecret;
use common::text;
use common::time::Time;
use common::view::{ClientView, Page};
use domain::client::{CLIENT_LIMIT, ClientScope, ClientSecretRow, NAME_LIMIT, ServiceClient};
use domain::rights::Right;
use domain::role::{ROLES_OF_USER_LIMIT, Role, RoleName};
use domain::tenant::Tenant;
use serde_json::{Value, json};
use store::{ClientFilter, ClientRow, ReadTx, Scope, WriteTx};

pub use administered::{Edit, Made, New, compared, edit, make, one, renew};
pub use prove::{by_secret, invalid_client, is_alive, is_current, state_of};

use self::find::Found;
use crate::app::audit::{Act, Record};
use crate::app::cursor::Place;
use crate::app::permit::{Permit, scopes_as_rights};
use crate::app::user::rights;
use crate::app::{App, By, Error, Operator, Reach, target};
use crate::crypto::ClientSecret;

/// Longest life that is taken, in seconds: ten years.
const LONGEST_LIFE: u64 = 10 * 365 * 24 * 3600;

/// Lists service clients by tenant and name.
///
/// # Errors
/// `not_found` for the tenant, those of the page.
pub async fn list(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: List,
) -> Result<Page<ClientView>, Error> {
    let by = by.into();
    let place = Place::by(&app.keys, by, &request, &request.paging())?;
    let (reach, detail) = (by.reach(), Detail::of(by));
    let inner = Arc::clone(app);
    app.store
        .read(move |tx| {
            let filter = ClientFilter {
                tenant: target::tenant_filter(tx, reach, request.tenant.as_deref())?,
            };
            let (rows, next) = place.collect(
                |row: &ClientRow| format!("{}/{}", row.tenant, row.client.name),
                |_| true,
                |page| tx.operator().clients(&filter, page),
            )?;
            let views = rows
                .into_iter()
                .map(|row| view(&inner, row.client, row.tenant.to_string(), detail))
                .collect();
            Ok(place.page(views, next.as_deref()))
        })
        .await
}

/// Shows one service client.
///
/// # Errors
/// `not_found`; `validation_failed` at `/client` for a name without its tenant.
pub async fn show(app: &Arc<App>, operator: &Operator, request: Show) -> Result<ClientView, Error> {
    let by = By::Operator(operator);
    let reference = ClientRef {
        tenant: request.tenant,
        name: request.client,
    };
    let reach = by.reach();
    let found = app
        .store
        .read(move |tx| find::client(tx, reach, &reference));
    let Found { client, tenant } = found.await?;
    Ok(view(app, client, tenant.slug.to_string(), Detail::of(by)))
}

/// What is asked for, read once before the write.
#[derive(Clone)]
struct Wished {
    /// Slug or id, for the operator; the one that is administered otherwise.
    tenant: Option<String>,
    name: String,
    scopes: Vec<ClientScope>,
    roles: Vec<String>,
    expires_at: Option<Time>,
}

impl Wished {
    fn parse(request: Create, now: Time) -> Result<Self, Error> {
        let life = request.expires_seconds.map(life).transpose()?;
        Ok(Self {
            tenant: Some(request.tenant),
            name: name(&request.name)?,
            scopes: scopes(&request.scopes)?,
            roles: request.roles,
            expires_at: life.map(|life| now.plus(life)),
        })
    }
}

fn name(text: &str) -> Result<String, Error> {
    let name = text::sanitize(text, NAME_LIMIT)
        .map_err(|error| Error::field("/name", "invalid_text", error.to_string()))?;
    // A name that reads as an id would be another client's to somebody.
    if name.is_empty() || name.contains('/') || name.starts_with("cli_") {
        let what = "expected a name without a slash that does not begin with cli_";
        return Err(Error::field("/name", "invalid_name", what));
    }
    Ok(name)
}

fn life(seconds: u64) -> Result<Duration, Error> {
    if (1..=LONGEST_LIFE).contains(&seconds) {
        return Ok(Duration::from_secs(seconds));
    }
    Err(Error::field(
        "/expires_seconds",
        "out_of_range",
        format!("expected 1 to {LONGEST_LIFE}"),
    ))
}

/// Reads scopes; each once, sorted.
fn scopes(given: &[String]) -> Result<Vec<ClientScope>, Error> {
    let read = |name: &String| {
        ClientScope::from_name(name).ok_or_else(|| {
            Error::field(
                "/scopes",
                "unknown_scope",
                "expected introspect, revocations or revoke",
            )
        })
    };
    let scopes: BTreeSet<ClientScope> = given.iter().map(read).collect::<Result<_, _>>()?;
    Ok(scopes.into_iter().collect())
}

/// Makes a service client; its secret is in the answer, and nowhere else.
///
/// # Errors
/// `not_found` for tenant or role; `validation_failed`, `name_taken`.
pub async fn create(app: &Arc<App>, operator: &Operator, request: Create) -> Result<Change, Error> {
    let wished = Wished::parse(request, app.now())?;
    let (mut change, _) = made(app, By::Operator(operator), wished).await?;
    if !operator.is_rehearsal() {
        change.notes.push(SHOWN_ONCE.to_owned());
    }
    Ok(change)
}

const SHOWN_ONCE: &str = "the secret is shown this once";

async fn made(app: &App, by: By<'_>, wished: Wished) -> Result<(Change, ServiceClient), Error> {
    let now = app.now();
    let record = Record::draw(app, by, now, None)?;
    let id: ClientId = app.new_id(now)?;
    let secret = ClientSecret::generate(app.random.as_ref()).map_err(Error::internal)?;
    let (reach, hash) = (by.reach(), secret.hash());
    let written = record.write(app, move |tx, permit| {
        permit.is_fresh()?;
        let tenant = match &wished.tenant {
            Some(name) => target::tenant(tx, reach, name)?,
            None => target::own(tx, reach)?,
        };
        let roles = rights::roles(tx, &tenant, &wished.roles)?;
        may_give(permit, &wished.scopes, &roles)?;
        let client = ServiceClient {
            id,
            tenant_id: tenant.id,
            name: wished.name.clone(),
            scopes: wished.scopes.clone(),
            roles: names_of(&roles)?,
            secrets: vec![ClientSecretRow {
                number: 1,
                hash,
                created_at: now,
            }],
            generation: now.millis(),
            expires_at: wished.expires_at,
            last_used_at: None,
            created_at: now,
            updated_at: now,
        };
        has_room(tx, &client)?;
        let rows = tx.tenant_mut(tenant.id);
        rows.clients_mut().insert(&client, &ids_of(&roles))?;
        let act = act("client.create", &client, tenant);
        let change = permit.append(tx, &act, &Value::Null, &told(&client))?;
        Ok((change, client))
    });
    let (mut change, client) = written.await?;
    change.client_secret = Some(RevealedSecret::new(&secret.reveal()));
    Ok((change, client))
}

/// Nobody gives a client what they do not hold, by its roles or its scopes.
fn may_give(permit: &Permit<'_>, scopes: &[ClientScope], roles: &[Role]) -> Result<(), Error> {
    let of_scopes: Vec<Right> = scopes_as_rights(scopes)?;
    let of_roles = roles.iter().flat_map(|role| &role.rights);
    permit.may_grant(of_roles.chain(&of_scopes))
}

fn names_of(roles: &[Role]) -> Result<Vec<RoleName>, Error> {
    let names: BTreeSet<RoleName> = roles.iter().map(|role| role.name.clone()).collect();
    if names.len() > ROLES_OF_USER_LIMIT {
        let what = format!("a client has at most {ROLES_OF_USER_LIMIT} roles");
        return Err(Error::field("/roles", "too_many", what));
    }
    Ok(names.into_iter().collect())
}

fn ids_of(roles: &[Role]) -> Vec<RoleId> {
    roles.iter().map(|role| role.id).collect()
}

fn has_room(tx: &dyn WriteTx, client: &ServiceClient) -> Result<(), Error> {
    let count = is_free(tx, client)?;
    if count >= usize::try_from(CLIENT_LIMIT).unwrap_or(usize::MAX) {
        return Err(Error::field(
            "/name",
            "too_many",
            format!("there are {CLIENT_LIMIT} clients already, which is the most"),
        ));
    }
    Ok(())
}

/// Refuses a name that another client of the tenant has; how many clients there are.
fn is_free(tx: &dyn ReadTx, client: &ServiceClient) -> Result<usize, Error> {
    let names = tx.tenant(client.tenant_id).clients().names()?;
    if names.contains(&client.name) {
        return Err(Error::new(
            ErrorCode::NameTaken,
            format!("there is a client {} already", client.name),
        ));
    }
    Ok(names.len())
}

/// Makes another secret; it is in the answer, and nowhere else. The newest one before it stays beside
/// it, and every older one ends, with the tokens that were fetched so far; with `now` all end.
///
/// # Errors
/// Those of [`show`].
pub async fn rotate(app: &Arc<App>, operator: &Operator, request: Rotate) -> Result<Change, Error> {
    let (mut change, client) = rotated(app, By::Operator(operator), request).await?;
    if client.secrets.len() > 1 {
        let note = "the secret before it stays good until the next rotation";
        change.notes.push(note.to_owned());
    }
    if !operator.is_rehearsal() {
        change.notes.insert(0, SHOWN_ONCE.to_owned());
    }
    Ok(change)
}

async fn rotated(app: &App, by: By<'_>, request: Rotate) -> Result<(Change, ServiceClient), Error> {
    let now = app.now();
    let record = Record::draw(app, by, now, request.reason.as_deref())?;
    let secret = ClientSecret::generate(app.random.as_ref()).map_err(Error::internal)?;
    let (reach, hash) = (by.reach(), secret.hash());
    let written = record.write(app, move |tx, permit| {
        permit.is_fresh()?;
        let Found { client, tenant } = found_to_change(tx, permit, reach, &request.client)?;
        let rotated = client.rotated(hash, now, request.now);
        let rows = tx.tenant_mut(tenant.id);
        let clients = rows.clients_mut();
        clients.set_secrets(client.id, &rotated.secrets, rotated.generation, now)?;
        tx.invalidate(Scope::Tenant(tenant.id));
        let (before, after) = (made_at(&client.secrets), made_at(&rotated.secrets));
        let act = act("client.rotate", &client, tenant);
        let (before, after) = (json!({"secrets": before}), json!({"secrets": after}));
        let change = permit.append(tx, &act, &before, &after)?;
        let after = ServiceClient {
            secrets: rotated.secrets,
            updated_at: now,
            ..client
        };
        Ok((change, after))
    });
    let (mut change, client) = written.await?;
    change.client_secret = Some(RevealedSecret::new(&secret.reveal()));
    Ok((change, client))
}

/// Finds a client that the actor may act on.
fn found_to_change(
    tx: &dyn ReadTx,
    permit: &Permit<'_>,
    reach: Reach,
    reference: &ClientRef,
) -> Result<Found, Error> {
    let found = find::client(tx, reach, reference)?;
    permit.may_act_on_client(tx, &found.tenant, &found.client)?;
    Ok(found)
}

/// Removes a service client: its secrets and tokens are refused from the answer on.
///
/// # Errors
/// Those of [`show`]; `permission_denied` for one that may do more than who asks.
pub async fn delete(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Delete,
) -> Result<Change, Error> {
    let (by, now) = (by.into(), app.now());
    let record = Record::draw(app, by, now, request.reason.as_deref())?;
    let reach = by.reach();
    record
        .write(app, move |tx, permit| {
            let Found { client, tenant } = found_to_change(tx, permit, reach, &request.client)?;
            let generation = client.next_generation(now);
            tx.tenant_mut(tenant.id)
                .clients_mut()
                .delete(client.id, generation, now)?;
            tx.invalidate(Scope::Tenant(tenant.id));
            let act = act("client.delete", &client, tenant);
            permit.append(tx, &act, &told(&client), &Value::Null)
        })
        .await
}

fn act(action: &'static str, client: &ServiceClient, tenant: Tenant) -> Act {
    Act {
        action,
        tenant,
        object: client.id.to_string(),
        subject: client.name.clone(),
    }
}

/// The client for the audit row: no secret, not even a hash.
fn told(client: &ServiceClient) -> Value {
    json!({
        "name": client.name,
        "scopes": scope_names(client),
        "roles": role_names(client),
        "secrets": made_at(&client.secrets),
        "expires_at": client.expires_at,
    })
}

fn made_at(secrets: &[ClientSecretRow]) -> Vec<Time> {
    secrets.iter().map(|secret| secret.created_at).collect()
}

fn scope_names(client: &ServiceClient) -> Vec<String> {
    client.scopes.iter().map(ToString::to_string).collect()
}

fn role_names(client: &ServiceClient) -> Vec<String> {
    client.roles.iter().map(ToString::to_string).collect()
}

/// How much of a client is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// Everything, with the tenant.
    Operator,
    /// Without what somebody wrote, which may name a person.
    Masked,
    /// Everything of the tenant that is administered.
    Administrator,
}

impl Detail {
    fn of(by: By<'_>) -> Self {
        match by {
            By::Operator(operator) if operator.socket == Socket::Admin => Self::Operator,
            By::Operator(_) => Self::Masked,
            By::Administrator(_) => Self::Administrator,
        }
    }
}

fn view(app: &App, client: ServiceClient, tenant: String, detail: Detail) -> ClientView {
    let in_memory = app.client_uses.last_active(client.id);
    let stored = stored(client, tenant, detail);
    ClientView {
        last_used_at: in_memory.max(stored.last_used_at),
        ..stored
    }
}

/// The client as far as the disk knows its last use.
fn stored(client: ServiceClient, tenant: String, detail: Detail) -> ClientView {
    ClientView {
        id: client.id,
        tenant: (detail != Detail::Administrator).then_some(tenant),
        scopes: scope_names(&client),
        roles: role_names(&client),
        secrets: made_at(&client.secrets),
        expires_at: client.expires_at,
        last_used_at: client.last_used_at,
        created_at: client.created_at,
        updated_at: client.updated_at,
        name: (detail != Detail::Masked).then_some(client.name),
    }
}
