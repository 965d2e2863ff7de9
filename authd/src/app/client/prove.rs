//! Who a service client is: by its secret at the endpoints of OAuth, by its token elsewhere. Every
//! refusal of a secret is the same, so that nobody learns which ids there are.

use std::sync::Arc;

use common::error::ErrorCode;
use common::id::ClientId;
use common::secret::Secret;
use common::time::Time;
use domain::client::ServiceClient;
use domain::setting::Effective;
use domain::tenant::{Standing, Tenant};
use domain::token::ClientClaims;
use store::{ReadTx, StoreError};
use subtle::{Choice, ConstantTimeEq};

use crate::app::authenticate::{invalid_token, is_not_denied, tenant_is_open};
use crate::app::tenant::effective;
use crate::app::{App, Client, Error, ServiceCaller, access};
use crate::cache::ClientState;
use crate::crypto::ClientSecret;

/// The refusal of a client that did not prove itself.
pub fn invalid_client() -> Error {
    Error::new(
        ErrorCode::InvalidClient,
        "send Authorization: Basic with the id and a secret of a service client",
    )
}

/// Proves a client by its id and one of its secrets. Of a closed tenant there is none.
///
/// # Errors
/// `invalid_client`, `unavailable`.
pub async fn by_secret(
    app: &App,
    client: Client,
    id: &str,
    secret: &Secret<String>,
) -> Result<ServiceCaller, Error> {
    let id: ClientId = id.parse().map_err(|_| invalid_client())?;
    let hash = ClientSecret::hash_of(secret).ok_or_else(invalid_client)?;
    let base = Arc::clone(&app.settings().tenant);
    let found = app
        .store
        .read(move |tx| -> Result<_, StoreError> {
            let Some(service) = tx.client(id)? else {
                return Ok(None);
            };
            let Some(tenant) = tx.tenants().by_id(service.tenant_id)? else {
                return Ok(None);
            };
            let settings = effective::read(base, tx, tenant.id)?;
            Ok(Some((service, tenant, settings)))
        })
        .await
        .map_err(Error::from)?;
    let (service, tenant, settings) = found.ok_or_else(invalid_client)?;
    let now = app.now();
    let standing = tenant.standing(now, app.settings().expiry_grace);
    let is_dead = service.is_expired(now) || tenant_is_open(standing).is_err();
    if is_dead || !has_secret(&service, &hash) {
        return Err(invalid_client());
    }
    app.client_uses.touch(tenant.id, service.id, now);
    Ok(ServiceCaller {
        client,
        service,
        tenant,
        settings,
    })
}

/// All are compared, whichever it is.
fn has_secret(service: &ServiceClient, hash: &[u8; 32]) -> bool {
    let none = Choice::from(0);
    let found = service
        .secrets
        .iter()
        .fold(none, |found, secret| found | secret.hash.ct_eq(hash));
    found.into()
}

/// The client of a token, from the cache or the database. A token that is new here is looked for
/// among the denied ones in the same snapshot.
///
/// # Errors
/// `invalid_token` where there is none, `unavailable`.
pub async fn state_of(
    app: &App,
    claims: &ClientClaims,
    is_new: bool,
) -> Result<Arc<ClientState>, Error> {
    let (tenant_id, id) = (claims.tid, claims.sub);
    let jti = is_new.then(|| claims.jti.clone());
    if let Some(state) = app.cache.client(tenant_id, id)
        && state.settings.is_made_of(&app.settings.peek().tenant)
    {
        if let Some(jti) = jti {
            is_not_denied(app, &jti).await?;
        }
        return Ok(state);
    }
    // Taken before the read: a change that commits meanwhile makes the entry worthless.
    let ticket = app.cache.client_ticket(tenant_id);
    let base = Arc::clone(&app.settings().tenant);
    let found = app
        .store
        .read(move |tx| {
            if jti.map_or(Ok(false), |jti| tx.is_denied(&jti))? {
                return Ok(None);
            }
            read(tx, tenant_id, id)
        })
        .await
        .map_err(Error::from)?;
    let (client, tenant, access, own) = found.ok_or_else(invalid_token)?;
    let settings = Effective::of_tenant(base, &own, |settings| app.cache.share_settings(settings));
    let state = Arc::new(ClientState {
        client,
        access: app.cache.share(access),
        tenant,
        settings,
    });
    app.cache.put_client(ticket, Arc::clone(&state));
    Ok(state)
}

type Read = (
    ServiceClient,
    Tenant,
    domain::rights::Access,
    domain::setting::OwnSettings,
);

fn read(
    tx: &dyn ReadTx,
    tenant: common::id::TenantId,
    id: ClientId,
) -> Result<Option<Read>, StoreError> {
    let rows = tx.tenant(tenant);
    let found = tx.tenants().by_id(tenant)?.zip(rows.clients().by_id(id)?);
    let Some((tenant, client)) = found else {
        return Ok(None);
    };
    let access = access::of_client(tx, &tenant, &client)?;
    let own = rows.settings().all()?;
    Ok(Some((client, tenant, access, own)))
}

/// Whether a token of that generation of the client is good.
pub fn is_current(client: &ServiceClient, generation: i64, now: Time) -> bool {
    // A restore leaves a client without secrets.
    let is_dead = client.secrets.is_empty() || client.is_expired(now);
    !is_dead && client.generation == generation
}

/// Checks at every use that the token is of the client's present generation, and what becomes true
/// by time alone.
///
/// # Errors
/// `invalid_token`, `tenant_suspended`, `subscription_ended`.
pub fn is_alive(
    app: &App,
    state: &ClientState,
    claims: &ClientClaims,
    now: Time,
) -> Result<Standing, Error> {
    if !is_current(&state.client, claims.cgen, now) {
        return Err(invalid_token());
    }
    let standing = state.tenant.standing(now, app.settings.peek().expiry_grace);
    tenant_is_open(standing)?;
    Ok(standing)
}
