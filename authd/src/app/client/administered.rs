//! Service clients over the API: those of one tenant, for who administers it by permissions.

use common::call::client::{ClientRef, Rotate};
use common::error::ErrorCode;
use common::secret::RevealedSecret;
use common::time::Time;
use common::view::ClientView;
use domain::client::{ClientScope, ServiceClient};
use domain::role::Role;
use domain::tenant::Tenant;
use schemars::JsonSchema;
use serde::Deserialize;
use store::{ReadTx, Scope};

use super::find::Found;
use super::{
    Detail, LONGEST_LIFE, Wished, act, find, found_to_change, ids_of, is_free, made, may_give,
    name, names_of, rotated, scopes, stored, told, view,
};
use crate::app::audit::Record;
use crate::app::entity::Expected;
use crate::app::patch::Patch;
use crate::app::user::rights;
use crate::app::{Administrator, App, By, Error};

/// A client that somebody wants.
#[derive(Debug, Clone)]
pub struct New {
    /// For people; unique in its tenant.
    pub name: String,
    /// What it may ask of authd.
    pub scopes: Vec<String>,
    /// Roles of the tenant, or system roles.
    pub roles: Vec<String>,
    /// From when on it is dead; never where it is absent.
    pub expires_at: Option<Time>,
}

/// A client with a secret that was just made, which is shown this once.
#[derive(Debug)]
pub struct Made {
    /// The client.
    pub client: ClientView,
    /// Its newest secret.
    pub client_secret: RevealedSecret,
}

/// A merge patch of a client.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ClientPatch")]
pub struct Edit {
    #[schemars(length(min = 1, max = domain::client::NAME_LIMIT))]
    name: Patch<String>,
    scopes: Patch<Vec<String>>,
    roles: Patch<Vec<String>>,
    expires_at: Patch<Time>,
}

/// Shows one service client.
///
/// # Errors
/// `not_found`.
pub async fn one(
    app: &App,
    administrator: &Administrator,
    reference: ClientRef,
) -> Result<ClientView, Error> {
    let reach = By::Administrator(administrator).reach();
    let found = app
        .store
        .read(move |tx| find::client(tx, reach, &reference))
        .await?;
    Ok(shown(app, found.client))
}

/// Makes a service client, with a secret.
///
/// # Errors
/// `validation_failed`, `name_taken`; `not_found` for a role; `permission_denied` for what who asks does
/// not hold, and for another service client; `reauthentication_required`.
pub async fn make(app: &App, administrator: &Administrator, new: New) -> Result<Made, Error> {
    let wished = Wished {
        tenant: None,
        name: name(&new.name)?,
        scopes: scopes(&new.scopes)?,
        roles: new.roles,
        expires_at: new
            .expires_at
            .map(|end| expiry(end, app.now()))
            .transpose()?,
    };
    let (change, client) = made(app, By::Administrator(administrator), wished).await?;
    with_secret(app, client, change.client_secret)
}

/// Makes another secret for a client, as [`super::rotate`].
///
/// # Errors
/// `not_found`; `permission_denied` for a client that may do more than who asks, and for another service
/// client; `reauthentication_required`.
pub async fn renew(
    app: &App,
    administrator: &Administrator,
    request: Rotate,
) -> Result<Made, Error> {
    let (change, client) = rotated(app, By::Administrator(administrator), request).await?;
    with_secret(app, client, change.client_secret)
}

fn with_secret(
    app: &App,
    client: ServiceClient,
    secret: Option<RevealedSecret>,
) -> Result<Made, Error> {
    Ok(Made {
        client: shown(app, client),
        client_secret: secret.ok_or_else(|| Error::internal("a secret that was not made"))?,
    })
}

/// Changes what a patch names of a client; its secrets and tokens go on.
///
/// # Errors
/// `not_found`; `precondition_failed`; `validation_failed`, `name_taken`; `permission_denied`,
/// `reauthentication_required` for what is added; `conflict` for a client whose time is over.
pub async fn edit(
    app: &App,
    administrator: &Administrator,
    reference: ClientRef,
    edit: Edit,
    expected: Expected,
) -> Result<ClientView, Error> {
    let by = By::Administrator(administrator);
    let (reach, now) = (by.reach(), app.now());
    let record = Record::draw(app, by, now, None)?;
    // Last uses stand beside what is compared, so they are read once the change is made.
    let written = record.write(app, move |tx, permit| {
        let Found { client, tenant } = found_to_change(tx, permit, reach, &reference)?;
        expected.check(&compared(&stored(
            client.clone(),
            String::new(),
            Detail::Administrator,
        )))?;
        let (after, roles) = edit.applied(tx, (&client, &tenant), now)?;
        if after == client {
            return Ok(client);
        }
        let new_roles: Vec<Role> = roles
            .iter()
            .filter(|role| !client.roles.contains(&role.name))
            .cloned()
            .collect();
        let new_scopes: Vec<ClientScope> = after
            .scopes
            .iter()
            .filter(|scope| !client.has(**scope))
            .copied()
            .collect();
        may_give(permit, &new_scopes, &new_roles)?;
        if after.name != client.name {
            is_free(tx, &after)?;
        }
        let after = ServiceClient {
            updated_at: now,
            ..after
        };
        tx.tenant_mut(tenant.id)
            .clients_mut()
            .update(&after, &ids_of(&roles))?;
        tx.invalidate(Scope::Tenant(tenant.id));
        permit.append(
            tx,
            &act("client.set", &client, tenant),
            &told(&client),
            &told(&after),
        )?;
        Ok(after)
    });
    Ok(shown(app, written.await?))
}

impl Edit {
    /// The client as it is to be, and the roles that it holds then.
    fn applied(
        &self,
        tx: &dyn ReadTx,
        (client, tenant): (&ServiceClient, &Tenant),
        now: Time,
    ) -> Result<(ServiceClient, Vec<Role>), Error> {
        let mut after = client.clone();
        match &self.name {
            Patch::Keep => {}
            Patch::Unset => return Err(Error::field("/name", "required", "a client has a name")),
            Patch::Set(text) => after.name = name(text)?,
        }
        match &self.scopes {
            Patch::Keep => {}
            Patch::Unset => after.scopes = Vec::new(),
            Patch::Set(given) => after.scopes = scopes(given)?,
        }
        match &self.expires_at {
            Patch::Keep => {}
            Patch::Unset => after.expires_at = None,
            Patch::Set(end) if client.expires_at == Some(*end) => {}
            Patch::Set(end) => after.expires_at = Some(expiry(*end, now)?),
        }
        // What has ended does not come back to life (rule 19).
        if client.is_expired(now) && after.expires_at != client.expires_at {
            return Err(Error::new(
                ErrorCode::Conflict,
                "the client's time is over; make another one",
            ));
        }
        let wanted = match &self.roles {
            Patch::Keep => client.roles.iter().map(ToString::to_string).collect(),
            Patch::Unset => Vec::new(),
            Patch::Set(given) => given.clone(),
        };
        let roles = rights::roles(tx, tenant, &wanted)?;
        after.roles = names_of(&roles)?;
        Ok((after, roles))
    }
}

/// Reads the time from which on a client is to be dead.
fn expiry(end: Time, now: Time) -> Result<Time, Error> {
    let latest = now.plus(std::time::Duration::from_secs(LONGEST_LIFE));
    if now < end && end <= latest {
        return Ok(end);
    }
    Err(Error::field(
        "/expires_at",
        "out_of_range",
        format!("expected a time in the future, {latest} at the latest"),
    ))
}

/// The client without its last use, which moves on with every token: tags are of this.
pub fn compared(view: &ClientView) -> ClientView {
    ClientView {
        last_used_at: None,
        ..view.clone()
    }
}

fn shown(app: &App, client: ServiceClient) -> ClientView {
    view(app, client, String::new(), Detail::Administrator)
}
