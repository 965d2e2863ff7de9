//! `/v1/auth/register`, `/v1/auth/verify-email…`, `/v1/auth/confirm-email` and `/v1/me/email`: what
//! waits for the owner of an address.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use common::secret::Secret;
use common::view::{Address, Name};
use domain::password::Password;
use domain::profile::{self, InvalidField};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::email_change::{self, EmailChange};
use crate::app::registration::{self, Registrant};
use crate::app::{App, Client, Error};
use crate::http::auth::{email_at, password, tenant};
use crate::http::authenticated::Authenticated;
use crate::http::body::{JsonAnswer, JsonBody};
use crate::http::cors::Asking;
use crate::http::error::Refusal;
use crate::http::extract::NoQuery;

/// Body of a registration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterBody {
    #[schemars(regex(pattern = domain::tenant::SLUG_PATTERN))]
    tenant: String,
    #[schemars(length(min = 3, max = common::email::LIMIT_BYTES))]
    #[schemars(extend("format" = "email"))]
    email: String,
    #[schemars(length(min = 1, max = domain::password::MAX_CODE_POINTS))]
    #[schemars(extend("x-policy" = "password.min_length"))]
    password: Secret<String>,
    name: Name,
    #[schemars(regex(pattern = profile::PHONE_PATTERN))]
    phone: Option<String>,
    address: Option<Address>,
    #[schemars(regex(pattern = profile::LOCALE_PATTERN))]
    locale: Option<String>,
}

/// Body that completes a registration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VerifyBody {
    token: Secret<String>,
    #[schemars(length(max = domain::password::MAX_CODE_POINTS))]
    password: Secret<String>,
}

/// Answer to a completed registration: with what to sign in.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Verified {
    tenant: String,
    email: String,
}

/// Body of a wish for another mail.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResendBody {
    #[schemars(regex(pattern = domain::tenant::SLUG_PATTERN))]
    tenant: Option<String>,
    #[schemars(length(min = 3, max = common::email::LIMIT_BYTES))]
    #[schemars(extend("format" = "email"))]
    email: String,
}

/// Body that confirms a new address.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmBody {
    token: Secret<String>,
}

/// Body of a wish for another address.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EmailBody {
    #[schemars(length(min = 3, max = common::email::LIMIT_BYTES))]
    #[schemars(extend("format" = "email"))]
    new_email: String,
    #[schemars(length(max = domain::password::MAX_CODE_POINTS))]
    current_password: Secret<String>,
}

impl RegisterBody {
    fn parse(self, app: &App) -> Result<Registrant, Error> {
        let name = profile::name(&self.name).map_err(at)?;
        if name.display.is_none() {
            return Err(Error::field("/name", "required", "Enter your name."));
        }
        let address = self.address.as_ref().map(profile::address);
        Ok(Registrant {
            tenant: tenant(app, Some(self.tenant))?,
            email: email_at(&self.email, "/email")?,
            password: Password::new(&self.password)
                .map_err(|rejection| Error::password("/password", &rejection))?,
            name,
            phone: optional("/phone", self.phone.as_deref(), profile::phone)?,
            address: address.transpose().map_err(at)?,
            locale: optional("/locale", self.locale.as_deref(), profile::locale)?,
        })
    }
}

fn at((path, error): (&'static str, InvalidField)) -> Error {
    Error::invalid_field(path, &error)
}

fn optional(
    path: &'static str,
    given: Option<&str>,
    read: fn(&str) -> Result<String, InvalidField>,
) -> Result<Option<String>, Error> {
    given
        .map(read)
        .transpose()
        .map_err(|error| Error::invalid_field(path, &error))
}

/// Registers: accepted, whoever has the address.
pub(super) async fn register(
    State(app): State<Arc<App>>,
    client: Client,
    asking: Asking,
    _: NoQuery,
    body: JsonBody<RegisterBody>,
) -> Result<StatusCode, Refusal> {
    asking.about(&app, Some(&body.0.tenant)).await;
    let registrant = body.0.parse(&app)?;
    registration::register(&app, client, registrant).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Completes a registration by the token of its mail and its password.
pub(super) async fn verify_email(
    State(app): State<Arc<App>>,
    client: Client,
    asking: Asking,
    _: NoQuery,
    body: JsonBody<VerifyBody>,
) -> Result<JsonAnswer<Verified>, Refusal> {
    asking.about_mailed_token(&app, &body.0.token).await;
    let password = password(&body.0.password, "/password")?;
    let completed = registration::complete(&app, client, &body.0.token, password).await?;
    Ok(JsonAnswer(Verified {
        tenant: completed.tenant.to_string(),
        email: completed.email.to_string(),
    }))
}

/// Asks for the mail of a registration again: accepted, whether there is one.
pub(super) async fn resend(
    State(app): State<Arc<App>>,
    client: Client,
    asking: Asking,
    _: NoQuery,
    body: JsonBody<ResendBody>,
) -> Result<StatusCode, Refusal> {
    asking.about(&app, body.0.tenant.as_ref()).await;
    let tenant = tenant(&app, body.0.tenant)?;
    let email = email_at(&body.0.email, "/email")?;
    registration::resend(&app, client, tenant, email).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Confirms a new address by the token of its mail.
pub(super) async fn confirm_email(
    State(app): State<Arc<App>>,
    client: Client,
    asking: Asking,
    _: NoQuery,
    body: JsonBody<ConfirmBody>,
) -> Result<StatusCode, Refusal> {
    asking.about_mailed_token(&app, &body.0.token).await;
    email_change::confirm(&app, client, &body.0.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for another address: accepted, whoever has it.
pub(super) async fn change_email(
    State(app): State<Arc<App>>,
    caller: Authenticated,
    _: NoQuery,
    body: JsonBody<EmailBody>,
) -> Result<StatusCode, Refusal> {
    let wish = EmailChange {
        email: email_at(&body.0.new_email, "/new_email")?,
        current: password(&body.0.current_password, "/current_password")?,
    };
    email_change::change(&app, &caller.0, wish).await?;
    Ok(StatusCode::ACCEPTED)
}
