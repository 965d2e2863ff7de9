//! Which pages of other origins may read an answer: those that the settings of the tenant name that a
//! request is about. Nothing but that is decided here; whoever may not read an answer gets it all the
//! same, so what cannot be told is told to no page.

use std::sync::Arc;

use common::id::TenantId;
use common::secret::Secret;
use domain::setting::{Effective, Setting, Value};
use domain::tenant::Slug;
use store::{ReadTx, StoreError};

use crate::app::tenant::effective;
use crate::app::{App, authenticate, refresh};
use crate::cache::StateKey;
use crate::crypto::{self, MailedSecret, VerifiedToken};

/// What holds for the tenant of a token that one of our keys signed, whatever became of it since: a
/// page has to read that its token has expired.
pub async fn of_token(app: &App, token: &str) -> Option<Effective> {
    let hash = crypto::sha256(token.as_bytes());
    let verified = match app.cache.token(&hash) {
        Some(known) => known,
        None => Arc::new(
            app.keys
                .signed(token, &authenticate::expected(app), app.now())
                .ok()?,
        ),
    };
    let tenant = match verified.as_ref() {
        VerifiedToken::PasswordChange(claims) => claims.tid,
        VerifiedToken::Client(claims) => claims.tid,
        VerifiedToken::Access(claims) => {
            let state = app.cache.state(&StateKey::of(claims));
            let is_current =
                |settings: &Effective| settings.is_made_of(&app.settings.peek().tenant);
            if let Some(state) = state.filter(|state| is_current(&state.settings)) {
                return Some(state.settings.clone());
            }
            claims.tid
        }
    };
    read(app, move |_| Ok(Some(tenant))).await
}

/// What holds for the tenant of that name; for the name of none, what holds for the installation.
pub async fn of_name(app: &App, name: &str) -> Option<Effective> {
    let installation = || Effective::of_installation(Arc::clone(&app.settings().tenant));
    let Ok(slug) = name.parse::<Slug>() else {
        return Some(installation());
    };
    let found = app
        .store
        .read(move |tx| -> Result<_, StoreError> {
            Ok(tx.tenants().by_slug(&slug)?.map(|tenant| tenant.id))
        })
        .await;
    match found {
        Ok(Some(tenant)) => read(app, move |_| Ok(Some(tenant))).await,
        Ok(None) => Some(installation()),
        Err(error) => {
            untold(&error);
            None
        }
    }
}

/// What holds for the tenant of a refresh token of ours, whatever became of it since.
pub async fn of_refresh_token(app: &App, token: &Secret<String>) -> Option<Effective> {
    let (_, _, settings) = refresh::session_of(app, token).await.ok()?;
    Some(settings)
}

/// What holds for the tenant of a token that was mailed and is kept still.
pub async fn of_mailed_token(app: &App, token: &Secret<String>) -> Option<Effective> {
    let hash = MailedSecret::hash_of(token)?;
    read(app, move |tx| {
        if let Some((tenant, _)) = tx.mailed_token(&hash)? {
            return Ok(Some(tenant));
        }
        if let Some((tenant, _)) = tx.pending_email(&hash)? {
            return Ok(Some(tenant));
        }
        Ok(tx.registration(&hash)?.map(|waiting| waiting.tenant_id))
    })
    .await
}

/// The origins of the installation and of all tenants.
pub async fn of_all(app: &App) -> Vec<String> {
    let own = app
        .store
        .read(|tx| tx.operator().setting_values(Setting::CorsOrigins))
        .await
        .unwrap_or_else(|error: StoreError| {
            untold(&error);
            Vec::new()
        });
    let lists = own.into_iter().filter_map(|value| match value {
        Value::Names(origins) => Some(origins),
        _ => None,
    });
    let mut all: Vec<String> = lists.flatten().collect();
    all.extend_from_slice(&app.settings.peek().tenant.cors_origins);
    all
}

async fn read(
    app: &App,
    find: impl FnOnce(&dyn ReadTx) -> Result<Option<TenantId>, StoreError> + Send + 'static,
) -> Option<Effective> {
    let base = Arc::clone(&app.settings().tenant);
    let found = app
        .store
        .read(move |tx| match find(tx)? {
            Some(tenant) => effective::read(base, tx, tenant).map(Some),
            None => Ok(None),
        })
        .await;
    found.unwrap_or_else(|error: StoreError| {
        untold(&error);
        None
    })
}

fn untold(error: &StoreError) {
    tracing::warn!(%error, "whose pages may read an answer could not be told");
}
