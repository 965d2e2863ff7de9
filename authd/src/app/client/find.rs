//! Which service client is meant: the operator names it by id, or by a name within a tenant; an
//! administrator by id, and what is foreign, gone or no id at all is not there.

use common::call::client::ClientRef;
use common::id::ClientId;
use common::suggest::nearest;
use domain::client::ServiceClient;
use domain::tenant::Tenant;
use store::{ReadTx, StoreError};

use crate::app::{Error, Reach, names};

/// A client with its tenant.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// The client.
    pub(super) client: ServiceClient,
    /// Its tenant.
    pub(super) tenant: Tenant,
}

/// Finds a client for whoever asks.
///
/// # Errors
/// `not_found`; those of [`named`] for the operator.
pub(super) fn client(tx: &dyn ReadTx, reach: Reach, wanted: &ClientRef) -> Result<Found, Error> {
    let Reach::Within(within) = reach else {
        return named(tx, wanted.tenant.as_deref(), &wanted.name);
    };
    let id: ClientId = wanted.name.parse().map_err(|_| Error::not_found())?;
    let tenant = tx.tenants().by_id(within)?;
    match tenant.zip(tx.tenant(within).clients().by_id(id)?) {
        Some((tenant, client)) => Ok(Found { client, tenant }),
        None => Err(Error::not_found()),
    }
}

/// Finds a client of the operator's words. One of another tenant than the one given is not there.
///
/// # Errors
/// `not_found` with the nearest name; `validation_failed` at `/client` for a name without its tenant.
fn named(tx: &dyn ReadTx, within: Option<&str>, name: &str) -> Result<Found, Error> {
    let tenant = within.map(|within| names::tenant(tx, within)).transpose()?;
    if let Ok(id) = name.parse::<ClientId>() {
        let found = by_id(tx, id)?.filter(|found| {
            let wanted = tenant.as_ref();
            wanted.is_none_or(|tenant| tenant.id == found.tenant.id)
        });
        return found.ok_or_else(|| unknown(name, None, &[]));
    }
    let Some(tenant) = tenant else {
        return Err(Error::field(
            "/client",
            "tenant_needed",
            "a client is named together with its tenant, or by its id",
        )
        .with_hint("Name it with -t TENANT, or by its cli_… id."));
    };
    let clients = tx.tenant(tenant.id);
    match clients.clients().by_name(name)? {
        Some(client) => Ok(Found { client, tenant }),
        None => Err(unknown(name, Some(&tenant), &clients.clients().names()?)),
    }
}

fn by_id(tx: &dyn ReadTx, id: ClientId) -> Result<Option<Found>, StoreError> {
    let Some(client) = tx.client(id)? else {
        return Ok(None);
    };
    let tenant = tx.tenants().by_id(client.tenant_id)?;
    Ok(tenant.map(|tenant| Found { client, tenant }))
}

fn unknown(name: &str, within: Option<&Tenant>, known: &[String]) -> Error {
    let name = names::echo(name);
    let list = within.map_or_else(
        || "List: authctl client list".to_owned(),
        |tenant| format!("List: authctl -t {} client list", tenant.slug),
    );
    let near = nearest(&name, known.iter().map(String::as_str));
    let mut error = Error::not_found();
    error.developer_message = format!("no client \"{name}\"").into();
    error.with_hint(match near {
        Some(near) => format!("Did you mean {near}? {list}"),
        None => list,
    })
}
