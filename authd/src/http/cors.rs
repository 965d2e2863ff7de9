//! Pages of other origins (CORS, WHATWG Fetch 3.2). A question before a request is answered from what
//! all tenants allow; the answer itself may be read by pages of the tenant that the request is about:
//! that of its token, or of its body. That tenant is known only behind the router, which no ready-made
//! layer waits for. Origins are compared as texts.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use common::secret::Secret;
use domain::setting::{Effective, TenantSettings};

use super::auth;
use super::extract::Bearer;
use crate::app::settings::CorsSettings;
use crate::app::{App, cors};

/// Stands for every origin.
const ANY: &str = "*";

/// The page that asks, and what its origin is granted so far: the answer may be made by somebody who
/// was not there when the tenant was found, as at a deadline.
#[derive(Debug, Clone, Default)]
pub(super) struct Asking(Option<Arc<Page>>);

#[derive(Debug)]
struct Page {
    origin: HeaderValue,
    granted: Mutex<Option<Grant>>,
}

/// What an origin is granted.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    origin: HeaderValue,
    credentials: bool,
    expose: Option<HeaderValue>,
}

impl Grant {
    /// What is granted to the origin that headers name by these settings.
    pub(super) fn of(
        cors: &CorsSettings,
        settings: &TenantSettings,
        headers: &HeaderMap,
    ) -> Option<Self> {
        Self::to(cors, &settings.cors_origins, origin(headers)?)
    }

    fn to(cors: &CorsSettings, origins: &[String], origin: &HeaderValue) -> Option<Self> {
        let has = |text: &[u8]| origins.iter().any(|known| known.as_bytes() == text);
        let origin = if has(origin.as_bytes()) && origin != ANY {
            origin.clone()
        } else if has(ANY.as_bytes()) && !cors.credentials {
            HeaderValue::from_static(ANY)
        } else {
            return None;
        };
        Some(Self {
            origin,
            credentials: cors.credentials,
            expose: listed(&cors.expose_headers),
        })
    }

    /// Says it in an answer.
    pub(super) fn put(self, headers: &mut HeaderMap) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.origin);
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        if let Some(expose) = self.expose {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, expose);
        }
    }
}

fn listed(names: &str) -> Option<HeaderValue> {
    let value = HeaderValue::from_str(names).ok();
    value.filter(|value| !value.is_empty())
}

/// The one origin of a request.
fn origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut values = headers.get_all(ORIGIN).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Every answer may be another one for another origin.
pub(super) fn vary(headers: &mut HeaderMap) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
}

impl Asking {
    /// The page that sends these headers, if one does.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self(origin(headers).map(|origin| {
            Arc::new(Page {
                origin: origin.clone(),
                granted: Mutex::default(),
            })
        }))
    }

    /// What was granted.
    pub(super) fn granted(&self) -> Option<Grant> {
        let page = self.0.as_ref()?;
        page.granted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Grants what a tenant's settings say; nothing where there is no tenant.
    fn settle(&self, app: &App, settings: Option<&Effective>) {
        let Some(page) = &self.0 else { return };
        let cors = &app.settings().cors;
        let grant = settings.and_then(|own| Grant::to(cors, &own.cors_origins, &page.origin));
        *page.granted.lock().unwrap_or_else(PoisonError::into_inner) = grant;
    }

    /// The request is about the tenant of that name, or the one for requests without a name.
    pub(super) async fn about(&self, app: &App, tenant: Option<&String>) {
        if self.0.is_some() {
            let settings = match auth::tenant(app, tenant.cloned()) {
                Ok(name) => cors::of_name(app, &name).await,
                Err(_) => None,
            };
            self.settle(app, settings.as_ref());
        }
    }

    /// The request is about the tenant of a refresh token.
    pub(super) async fn about_refresh_token(&self, app: &App, token: &Secret<String>) {
        if self.0.is_some() {
            let settings = cors::of_refresh_token(app, token).await;
            self.settle(app, settings.as_ref());
        }
    }

    /// The request is about the tenant of a mailed token.
    pub(super) async fn about_mailed_token(&self, app: &App, token: &Secret<String>) {
        if self.0.is_some() {
            let settings = cors::of_mailed_token(app, token).await;
            self.settle(app, settings.as_ref());
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

/// Answers the question before a request, and settles for others what their token says. Handlers of
/// requests whose body names a tenant settle that themselves.
pub(super) async fn guard(
    State(app): State<Arc<App>>,
    asking: Asking,
    request: Request,
    next: Next,
) -> Response {
    let Some(page) = &asking.0 else {
        return next.run(request).await;
    };
    let headers = request.headers();
    if request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return preflight(&app, &page.origin).await;
    }
    if let Ok(bearer) = Bearer::of(headers) {
        let settings = cors::of_token(&app, bearer.0.expose()).await;
        asking.settle(&app, settings.as_ref());
    }
    next.run(request).await
}

async fn preflight(app: &App, origin: &HeaderValue) -> Response {
    let settings = app.settings();
    let cors = &settings.cors;
    let mut grant = Grant::to(cors, &settings.tenant.cors_origins, origin);
    if grant.is_none() {
        grant = Grant::to(cors, &cors::of_all(app).await, origin);
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let Some(grant) = grant else { return response };
    let headers = response.headers_mut();
    let grant = Grant {
        expose: None,
        ..grant
    };
    grant.put(headers);
    for (name, list) in [
        (ACCESS_CONTROL_ALLOW_METHODS, &cors.methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, &cors.headers),
    ] {
        if let Some(list) = listed(list) {
            headers.insert(name, list);
        }
    }
    headers.insert(
        ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from(cors.max_age.as_secs()),
    );
    response
}
