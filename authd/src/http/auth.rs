//! `/v1/auth/…`: sign-in, refresh, sign-out, change of a password.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use common::email::Email;
use common::error::ErrorCode;
use common::secret::{RevealedSecret, Secret};
use common::time::Time;
use common::view::{DeviceType, DeviceView, UserView};
use common::{id::SessionId, text};
use domain::device::{DEVICE_ID_LIMIT, DEVICE_NAME_LIMIT, Device};
use domain::password::Password;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::login::Login;
use crate::app::logout::{self, LogoutScope};
use crate::app::password_change::{self, PasswordChange};
use crate::app::tokens::SignedIn;
use crate::app::{App, Client, Error, login, password_reset, refresh, user};
use crate::http::authenticated::{Authenticated, MayChangePassword};
use crate::http::body::{JsonAnswer, JsonBody};
use crate::http::cors::Asking;
use crate::http::error::Refusal;
use crate::http::extract::NoQuery;

/// Longest tenant name that a request may give, in bytes; no slug is longer.
const TENANT_LIMIT: usize = 63;

/// Body of a sign-in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginBody {
    #[schemars(regex(pattern = domain::tenant::SLUG_PATTERN))]
    tenant: Option<String>,
    #[schemars(length(min = 3, max = common::email::LIMIT_BYTES))]
    #[schemars(extend("format" = "email"))]
    email: String,
    #[schemars(length(max = domain::password::MAX_CODE_POINTS))]
    password: Secret<String>,
    device: Option<DeviceBody>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DeviceBody {
    #[schemars(length(min = 1, max = DEVICE_ID_LIMIT))]
    id: String,
    #[schemars(length(min = 1, max = DEVICE_NAME_LIMIT))]
    name: Option<String>,
    #[serde(rename = "type")]
    #[schemars(with = "DeviceType")]
    kind: String,
    secret: Option<Secret<String>>,
}

/// Body of a refresh.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshBody {
    refresh_token: Secret<String>,
}

/// Body of a sign-out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogoutBody {
    refresh_token: Option<Secret<String>>,
    scope: LogoutScope,
}

/// Body of a change of a password.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordChangeBody {
    #[schemars(length(max = domain::password::MAX_CODE_POINTS))]
    current_password: Secret<String>,
    #[schemars(length(min = 1, max = domain::password::MAX_CODE_POINTS))]
    #[schemars(extend("x-policy" = "password.min_length"))]
    new_password: Secret<String>,
}

/// Body of a request for a link that sets a new password.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ForgotBody {
    #[schemars(regex(pattern = domain::tenant::SLUG_PATTERN))]
    tenant: Option<String>,
    #[schemars(length(min = 3, max = common::email::LIMIT_BYTES))]
    #[schemars(extend("format" = "email"))]
    email: String,
}

/// Body of a new password by the token of a mailed link.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResetBody {
    token: Secret<String>,
    #[schemars(length(min = 1, max = domain::password::MAX_CODE_POINTS))]
    #[schemars(extend("x-policy" = "password.min_length"))]
    new_password: Secret<String>,
}

/// Answer to a sign-in or a refresh.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Tokens {
    access_token: RevealedSecret,
    #[schemars(extend("const" = "Bearer"))]
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<RevealedSecret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionBrief>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_secret: Option<RevealedSecret>,
    user: UserView,
    ended_sessions: Vec<EndedSession>,
    password_change_required: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SessionBrief {
    id: SessionId,
    device: Option<DeviceView>,
    created_at: Time,
}

#[derive(Debug, Serialize, JsonSchema)]
struct EndedSession {
    id: SessionId,
    device: Option<DeviceView>,
    last_active_at: Time,
}

impl From<SignedIn> for Tokens {
    fn from(signed_in: SignedIn) -> Self {
        let refresh = signed_in.refresh.as_ref();
        Self {
            access_token: RevealedSecret::new(&signed_in.access_token),
            token_type: "Bearer",
            expires_in: signed_in.expires_in.as_secs(),
            refresh_token: refresh.map(|refresh| RevealedSecret::new(&refresh.token)),
            refresh_expires_in: refresh.map(|refresh| refresh.expires_in.as_secs()),
            session: signed_in.session.map(|session| SessionBrief {
                id: session.id,
                device: session.device,
                created_at: session.created_at,
            }),
            device_secret: signed_in.device_secret.as_ref().map(RevealedSecret::new),
            user: user::own(&signed_in.user),
            ended_sessions: signed_in
                .ended_sessions
                .into_iter()
                .map(|session| EndedSession {
                    id: session.id,
                    device: session.device,
                    last_active_at: session.last_active_at,
                })
                .collect(),
            password_change_required: signed_in.password_change_required,
        }
    }
}

fn device(body: DeviceBody) -> Result<(Device, Option<Secret<String>>), Error> {
    let invalid =
        |path, error: &text::InvalidText| Error::field(path, "invalid_text", error.to_string());
    let id = text::sanitize(&body.id, DEVICE_ID_LIMIT).map_err(|e| invalid("/device/id", &e))?;
    let name = body
        .name
        .map(|name| text::sanitize(&name, DEVICE_NAME_LIMIT))
        .transpose()
        .map_err(|e| invalid("/device/name", &e))?;
    let kind = DeviceType::from_name(&body.kind).ok_or_else(|| {
        Error::field(
            "/device/type",
            "invalid_device_type",
            "Use one of desktop, mobile, tablet, browser, terminal, service, other.",
        )
    })?;
    Ok((Device { id, name, kind }, body.secret))
}

/// Reads a password that is to be checked.
pub(super) fn password(given: &Secret<String>, path: &'static str) -> Result<Password, Error> {
    Password::new(given).map_err(|rejection| Error::no_password(path, &rejection))
}

/// Reads the name of a tenant; the default one where none is given.
pub(super) fn tenant(app: &App, given: Option<String>) -> Result<String, Error> {
    let tenant = match (given, &app.settings().default_tenant) {
        (Some(tenant), _) => tenant,
        (None, Some(slug)) => slug.to_string(),
        (None, None) => return Err(Error::field("/tenant", "required", "Name the tenant.")),
    };
    if tenant.len() > TENANT_LIMIT || tenant.chars().any(text::is_forbidden) {
        return Err(Error::field(
            "/tenant",
            "invalid_tenant",
            "This is no tenant's name.",
        ));
    }
    Ok(tenant)
}

fn email(given: &str) -> Result<Email, Error> {
    email_at(given, "/email")
}

/// Reads an address of a body; `path` is where it stood.
pub(super) fn email_at(given: &str, path: &'static str) -> Result<Email, Error> {
    given.parse().map_err(|_| {
        Error::field(
            path,
            "invalid_email",
            "Enter an e-mail address, like name@example.com.",
        )
    })
}

impl LoginBody {
    fn parse(self, app: &App) -> Result<Login, Error> {
        let tenant = tenant(app, self.tenant)?;
        let email = email(&self.email)?;
        let (device, secret) = self.device.map(device).transpose()?.unzip();
        Ok(Login {
            tenant,
            email,
            password: password(&self.password, "/password")?,
            device,
            device_secret: secret
                .flatten()
                .and_then(|secret| app.device_secret_hash(&secret)),
        })
    }
}

/// Signs in.
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    client: Client,
    asking: Asking,
    _: NoQuery,
    body: JsonBody<LoginBody>,
) -> Result<JsonAnswer<Tokens>, Refusal> {
    asking.about(&app, body.0.tenant.as_ref()).await;
    let wish = body.0.parse(&app)?;
    Ok(JsonAnswer(login::login(&app, client, wish).await?.into()))
}

/// Refreshes.
pub(super) async fn refresh(
    State(app): State<Arc<App>>,
    client: Client,
    asking: Asking,
    _: NoQuery,
    body: JsonBody<RefreshBody>,
) -> Result<JsonAnswer<Tokens>, Refusal> {
    asking
        .about_refresh_token(&app, &body.0.refresh_token)
        .await;
    Ok(JsonAnswer(
        refresh::refresh(&app, &client, body.0.refresh_token)
            .await?
            .into(),
    ))
}

/// Signs out; the browser is told to forget what it keeps (ASVS 14.3.1).
pub(super) async fn sign_out(
    State(app): State<Arc<App>>,
    client: Client,
    caller: Option<Authenticated>,
    asking: Asking,
    _: NoQuery,
    body: Option<JsonBody<LogoutBody>>,
) -> Result<Response, Refusal> {
    let body = body.map(|body| body.0).unwrap_or_default();
    match (caller, body.refresh_token) {
        (Some(_), Some(_)) => {
            return Err(Refusal(Error::new(
                ErrorCode::MalformedRequest,
                "send either a bearer token or a refresh_token",
            )));
        }
        (Some(caller), None) => logout::by_access_token(&app, &caller.0, body.scope).await?,
        (None, Some(token)) => {
            asking.about_refresh_token(&app, &token).await;
            logout::by_refresh_token(&app, &client, token, body.scope).await?;
        }
        (None, None) => {
            return Err(Refusal(Error::new(
                ErrorCode::MissingToken,
                "send a bearer token, or a refresh_token in the body",
            )));
        }
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(
        "clear-site-data",
        HeaderValue::from_static("\"cache\", \"cookies\", \"storage\""),
    );
    Ok(response)
}

/// Changes the caller's password.
pub(super) async fn change_password(
    State(app): State<Arc<App>>,
    changer: MayChangePassword,
    _: NoQuery,
    body: JsonBody<PasswordChangeBody>,
) -> Result<StatusCode, Refusal> {
    let wish = PasswordChange {
        current: password(&body.0.current_password, "/current_password")?,
        new: Password::new(&body.0.new_password)
            .map_err(|rejection| Error::password("/new_password", &rejection))?,
    };
    password_change::change(&app, changer.0, wish).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for a link that sets a new password: accepted, whoever has the name.
pub(super) async fn forgot_password(
    State(app): State<Arc<App>>,
    client: Client,
    asking: Asking,
    _: NoQuery,
    body: JsonBody<ForgotBody>,
) -> Result<StatusCode, Refusal> {
    asking.about(&app, body.0.tenant.as_ref()).await;
    let tenant = tenant(&app, body.0.tenant)?;
    let email = email(&body.0.email)?;
    password_reset::forgot(&app, client, tenant, email).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Sets a new password by the token of a mailed link.
pub(super) async fn reset_password(
    State(app): State<Arc<App>>,
    client: Client,
    asking: Asking,
    _: NoQuery,
    body: JsonBody<ResetBody>,
) -> Result<StatusCode, Refusal> {
    asking.about_mailed_token(&app, &body.0.token).await;
    let new = Password::new(&body.0.new_password)
        .map_err(|rejection| Error::password("/new_password", &rejection))?;
    password_reset::reset(&app, client, &body.0.token, new).await?;
    Ok(StatusCode::NO_CONTENT)
}
