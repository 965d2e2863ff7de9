//! Service clients, as the operator makes, looks at and removes them, and how they prove themselves.
//! Every change of one outdates all that caches hold of its tenant.

mod find;
mod prove;
pub mod token;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use common::call::client::{Create, Delete, List, Rotate, Show};
use common::call::{Change, Socket};
use common::error::ErrorCode;
use common::id::ClientId;
use common::secret::RevealedSecret;
use common::text;
use common::time::Time;
use common::view::{ClientView, Page};
use domain::client::{CLIENT_LIMIT, ClientScope, ClientSecretRow, NAME_LIMIT, ServiceClient};
use domain::role::{ROLES_OF_USER_LIMIT, Role, RoleName};
use domain::tenant::Tenant;
use serde_json::{Value, json};
use store::{ClientFilter, ClientRow, Priority, Scope, WriteTx};

pub use prove::{by_secret, invalid_client, is_alive, state_of};

use self::find::Found;
use crate::app::audit::{Act, Record};
use crate::app::cursor::Place;
use crate::app::user::rights;
use crate::app::{App, Error, Operator, names};
use crate::crypto::ClientSecret;

/// Longest life that is taken, in seconds: ten years.
const LONGEST_LIFE: u64 = 10 * 365 * 24 * 3600;

/// Lists service clients by tenant and name.
///
/// # Errors
/// `not_found` for the tenant, those of the page.
pub async fn list(
    app: &Arc<App>,
    operator: &Operator,
    request: List,
) -> Result<Page<ClientView>, Error> {
    let place = Place::of(&app.keys, &request, &request.paging())?;
    // What somebody wrote may name a person.
    let shows_text = operator.socket == Socket::Admin;
    let inner = Arc::clone(app);
    app.store
        .read(move |tx| {
            let filter = ClientFilter {
                tenant: names::tenant_filter(tx, request.tenant.as_deref())?,
            };
            let (rows, next) = place.collect(
                |row: &ClientRow| format!("{}/{}", row.tenant, row.client.name),
                |_| true,
                |page| tx.operator().clients(&filter, page),
            )?;
            let views = rows
                .into_iter()
                .map(|row| view(&inner, row.client, row.tenant.to_string(), shows_text))
                .collect();
            Ok(place.page(views, next.as_deref()))
        })
        .await
}

/// Shows one service client.
///
/// # Errors
/// `not_found`; `validation_failed` at `/client` for a name without its tenant.
pub async fn show(
    app: &Arc<App>,
    _operator: &Operator,
    request: Show,
) -> Result<ClientView, Error> {
    let found = app
        .store
        .read(move |tx| find::client(tx, request.tenant.as_deref(), &request.client))
        .await?;
    let slug = found.tenant.slug.to_string();
    Ok(view(app, found.client, slug, true))
}

/// What is asked for, read once before the write.
#[derive(Clone)]
struct Wished {
    name: String,
    scopes: Vec<ClientScope>,
    expires_at: Option<Time>,
}

impl Wished {
    fn parse(request: &Create, now: Time) -> Result<Self, Error> {
        let name = text::sanitize(&request.name, NAME_LIMIT)
            .map_err(|error| Error::field("/name", "invalid_text", error.to_string()))?;
        // A name that reads as an id would be another client's to somebody.
        if name.is_empty() || name.contains('/') || name.starts_with("cli_") {
            let what = "expected a name without a slash that does not begin with cli_";
            return Err(Error::field("/name", "invalid_name", what));
        }
        let life = request.expires_seconds.map(life).transpose()?;
        Ok(Self {
            name,
            scopes: scopes(&request.scopes)?,
            expires_at: life.map(|life| now.plus(life)),
        })
    }
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
    let now = app.now();
    let record = Record::draw(app, operator, now, None)?;
    let wished = Wished::parse(&request, now)?;
    let id: ClientId = app.new_id(now)?;
    let secret = ClientSecret::generate(app.random.as_ref()).map_err(Error::internal)?;
    let hash = secret.hash();
    let written: Result<Change, Error> = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let tenant = names::tenant(tx, &request.tenant)?;
            let roles = rights::roles(tx, &tenant, &request.roles)?;
            let client = made(id, &tenant, &wished, &roles, (hash, now))?;
            is_free(tx, &client)?;
            let ids: Vec<_> = roles.iter().map(|role| role.id).collect();
            tx.tenant_mut(tenant.id)
                .clients_mut()
                .insert(&client, &ids)?;
            let act = act("client.create", &client, tenant);
            record.append(tx, &act, &Value::Null, &told(&client))
        })
        .await;
    let mut change = written?;
    change.client_secret = Some(RevealedSecret::new(&secret.reveal()));
    if !operator.is_rehearsal() {
        change.notes.push(SHOWN_ONCE.to_owned());
    }
    Ok(change)
}

const SHOWN_ONCE: &str = "the secret is shown this once";

fn made(
    id: ClientId,
    tenant: &Tenant,
    wished: &Wished,
    roles: &[Role],
    (hash, now): ([u8; 32], Time),
) -> Result<ServiceClient, Error> {
    let names: BTreeSet<RoleName> = roles.iter().map(|role| role.name.clone()).collect();
    if names.len() > ROLES_OF_USER_LIMIT {
        let what = format!("a client has at most {ROLES_OF_USER_LIMIT} roles");
        return Err(Error::field("/roles", "too_many", what));
    }
    Ok(ServiceClient {
        id,
        tenant_id: tenant.id,
        name: wished.name.clone(),
        scopes: wished.scopes.clone(),
        roles: names.into_iter().collect(),
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
    })
}

fn is_free(tx: &dyn WriteTx, client: &ServiceClient) -> Result<(), Error> {
    let names = tx.tenant(client.tenant_id).clients().names()?;
    if names.contains(&client.name) {
        return Err(Error::new(
            ErrorCode::NameTaken,
            format!("there is a client {} already", client.name),
        ));
    }
    if names.len() >= usize::try_from(CLIENT_LIMIT).unwrap_or(usize::MAX) {
        return Err(Error::field(
            "/name",
            "too_many",
            format!("there are {CLIENT_LIMIT} clients already, which is the most"),
        ));
    }
    Ok(())
}

/// Makes another secret; it is in the answer, and nowhere else. The newest one before it stays beside
/// it, and every older one ends, with the tokens that were fetched so far; with `now` all end.
///
/// # Errors
/// Those of [`show`].
pub async fn rotate(app: &Arc<App>, operator: &Operator, request: Rotate) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let secret = ClientSecret::generate(app.random.as_ref()).map_err(Error::internal)?;
    let hash = secret.hash();
    let written: Result<Change, Error> = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let wanted = &request.client;
            let found = find::client(tx, wanted.tenant.as_deref(), &wanted.name)?;
            let Found { client, tenant } = found;
            let rotated = client.rotated(hash, now, request.now);
            let rows = tx.tenant_mut(tenant.id);
            let clients = rows.clients_mut();
            clients.set_secrets(client.id, &rotated.secrets, rotated.generation, now)?;
            tx.invalidate(Scope::Tenant(tenant.id));
            let (before, after) = (made_at(&client.secrets), made_at(&rotated.secrets));
            let act = act("client.rotate", &client, tenant);
            let (before, after) = (json!({"secrets": before}), json!({"secrets": after}));
            let mut change = record.append(tx, &act, &before, &after)?;
            if rotated.secrets.len() > 1 {
                let note = "the secret before it stays good until the next rotation";
                change.notes.push(note.to_owned());
            }
            Ok(change)
        })
        .await;
    let mut change = written?;
    change.client_secret = Some(RevealedSecret::new(&secret.reveal()));
    if !operator.is_rehearsal() {
        change.notes.insert(0, SHOWN_ONCE.to_owned());
    }
    Ok(change)
}

/// Removes a service client: its secrets and tokens are refused from the answer on.
///
/// # Errors
/// Those of [`show`].
pub async fn delete(app: &Arc<App>, operator: &Operator, request: Delete) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let wanted = &request.client;
            let found = find::client(tx, wanted.tenant.as_deref(), &wanted.name)?;
            let Found { client, tenant } = found;
            let generation = client.next_generation(now);
            tx.tenant_mut(tenant.id)
                .clients_mut()
                .delete(client.id, generation, now)?;
            tx.invalidate(Scope::Tenant(tenant.id));
            let act = act("client.delete", &client, tenant);
            record.append(tx, &act, &told(&client), &Value::Null)
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

fn view(app: &App, client: ServiceClient, tenant: String, shows_text: bool) -> ClientView {
    let in_memory = app.client_uses.last_active(client.id);
    ClientView {
        id: client.id,
        tenant: Some(tenant),
        scopes: scope_names(&client),
        roles: role_names(&client),
        secrets: made_at(&client.secrets),
        expires_at: client.expires_at,
        last_used_at: in_memory.max(client.last_used_at),
        created_at: client.created_at,
        updated_at: client.updated_at,
        name: shows_text.then_some(client.name),
    }
}
