//! Every route of the HTTP API on one page: a line each, with who may use it.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::app::App;
use crate::http::openapi::Describe;
use crate::http::route::Method::{Delete, Get, Patch, Post, Put};
use crate::http::route::Routes;
pub use crate::http::route::{Access, Route};
use crate::http::{
    auth, check, clients, cors, health, lists, maintenance, me, oauth, openapi, pages, permissions,
    picture, registration, revocations, roles, tenant, tenants, users, well_known,
};

/// Routes that answer while the API is closed for maintenance: other services go on checking tokens.
pub const OPEN_IN_MAINTENANCE: &[&str] = &[
    "/healthz",
    "/readyz",
    "/.well-known/jwks.json",
    "/v1/auth/check",
    "/oauth2/introspect",
    "/v1/revocations",
];

/// The API behind its guard, without the layers that [`crate::http::edge`] puts around it.
pub fn api(app: &Arc<App>) -> Router {
    let guard = from_fn_with_state(Arc::clone(app), maintenance::guard);
    let cors = from_fn_with_state(Arc::clone(app), cors::guard);
    routes()
        .route_layer(guard)
        .layer(cors)
        .with_state(Arc::clone(app))
}

/// The API's routes, without the guard.
pub fn routes() -> Router<Arc<App>> {
    all().router
}

/// Method, path and access of every route.
pub fn table() -> Vec<Route> {
    let described = described().into_iter();
    described.map(|(route, _)| route).collect()
}

/// Every route, with what its handler says of it.
pub(super) fn described() -> Vec<(Route, Describe)> {
    all().table
}

fn all() -> Routes {
    of_logs(of_roles(of_tenants(of_the_rest())))
}

#[rustfmt::skip]
fn of_tenants(routes: Routes) -> Routes {
    routes
        .permits("tenant:view", Get, "/v1/tenant", tenant::show)
        .permits("tenant:edit", Patch, "/v1/tenant", tenant::edit)
        .permits("tenant:view", Get, "/v1/tenant/settings", tenant::settings)
        .permits("tenant:edit", Patch, "/v1/tenant/settings", tenant::edit_settings)
        .permits("tenant:view", Get, "/v1/tenant/subscription", tenant::subscription)
        .permits("tenants:view", Get, "/v1/tenants", tenants::list)
        .permits("tenants:create", Post, "/v1/tenants", tenants::create)
        .permits("tenants:view", Get, "/v1/tenants/{id}", tenants::show)
        .permits("tenants:edit", Patch, "/v1/tenants/{id}", tenants::edit)
        .permits("tenants:delete", Delete, "/v1/tenants/{id}", tenants::delete)
        .permits("subscriptions:edit", Put, "/v1/tenants/{id}/subscription", tenants::subscribe)
        .permits("tenants:edit", Post, "/v1/tenants/{id}/suspend", tenants::suspend)
        .permits("tenants:edit", Post, "/v1/tenants/{id}/resume", tenants::resume)
}

#[rustfmt::skip]
fn of_roles(routes: Routes) -> Routes {
    routes
        .permits("roles:view", Get, "/v1/roles", roles::list)
        .permits("roles:create", Post, "/v1/roles", roles::create)
        .permits("roles:view", Get, "/v1/roles/{id}", roles::show)
        .permits("roles:edit", Patch, "/v1/roles/{id}", roles::edit)
        .permits("roles:delete", Delete, "/v1/roles/{id}", roles::delete)
        .permits("roles:view", Get, "/v1/roles/{id}/permissions", roles::permissions)
        .permits("roles:edit", Put, "/v1/roles/{id}/permissions", roles::replace_permissions)
        .permits("users:view", Get, "/v1/roles/{id}/members", roles::members)
        .permits("system_roles:view", Get, "/v1/system-roles", roles::list_system)
        .permits("system_roles:create", Post, "/v1/system-roles", roles::create_system)
        .permits("system_roles:view", Get, "/v1/system-roles/{id}", roles::show)
        .permits("system_roles:edit", Patch, "/v1/system-roles/{id}", roles::edit)
        .permits("system_roles:delete", Delete, "/v1/system-roles/{id}", roles::delete)
        .permits("system_roles:view", Get, "/v1/system-roles/{id}/permissions", roles::permissions)
        .permits("system_roles:edit", Put, "/v1/system-roles/{id}/permissions", roles::replace_permissions)
        .permits("system_roles:view", Get, "/v1/system-roles/{id}/members", roles::members)
        .permits("permissions:view", Get, "/v1/permissions", permissions::list)
        .permits("permissions:create", Post, "/v1/permissions", permissions::create)
        .permits("permissions:delete", Delete, "/v1/permissions/{name}", permissions::delete)
        .permits("clients:view", Get, "/v1/clients", clients::list)
        .permits("clients:create", Post, "/v1/clients", clients::create)
        .permits("clients:view", Get, "/v1/clients/{id}", clients::show)
        .permits("clients:edit", Patch, "/v1/clients/{id}", clients::edit)
        .permits("clients:delete", Delete, "/v1/clients/{id}", clients::delete)
        .permits("clients:edit", Post, "/v1/clients/{id}/rotate", clients::rotate)
}

#[rustfmt::skip]
fn of_logs(routes: Routes) -> Routes {
    routes
        .permits("users:edit", Put, "/v1/users/{id}/picture", picture::put)
        .permits("users:edit", Delete, "/v1/users/{id}/picture", picture::remove)
        .permits("sessions:view", Get, "/v1/users/{id}/sessions", lists::sessions_of_user)
        .permits("sessions:delete", Delete, "/v1/users/{id}/sessions", lists::end_sessions)
        .permits("sessions:delete", Delete, "/v1/users/{id}/sessions/{session}", lists::end_session)
        .permits("login_attempts:view", Get, "/v1/users/{id}/login-attempts", lists::login_attempts_of)
        .permits("login_attempts:view", Get, "/v1/login-attempts", lists::login_attempts)
        .permits("lockouts:view", Get, "/v1/lockouts", lists::lockouts)
        .permits("sessions:view", Get, "/v1/sessions", lists::sessions)
        .permits("audit:view", Get, "/v1/audit", lists::changes)
}

#[rustfmt::skip]
fn of_the_rest() -> Routes {
    Routes::default()
        .public(Post, "/v1/auth/login", auth::sign_in)
        .public(Post, "/v1/auth/refresh", auth::refresh)
        .public(Post, "/v1/auth/logout", auth::sign_out)
        .public(Post, "/v1/auth/password/forgot", auth::forgot_password)
        .public(Post, "/v1/auth/password/reset", auth::reset_password)
        .public(Post, "/v1/auth/register", registration::register)
        .public(Post, "/v1/auth/verify-email", registration::verify_email)
        .public(Post, "/v1/auth/verify-email/resend", registration::resend)
        .public(Post, "/v1/auth/confirm-email", registration::confirm_email)
        .signed_in(Post, "/v1/auth/password/change", auth::change_password)
        .signed_in(Get, "/v1/auth/check", check::check)
        .signed_in(Get, "/v1/me", me::show)
        .signed_in(Patch, "/v1/me", me::update)
        .signed_in(Post, "/v1/me/email", registration::change_email)
        .signed_in(Put, "/v1/me/picture", picture::put_own)
        .signed_in(Get, "/v1/me/picture", picture::show_own)
        .signed_in(Delete, "/v1/me/picture", picture::remove_own)
        .signed_in(Get, "/v1/me/login-attempts", me::login_attempts)
        .signed_in(Get, "/v1/me/permissions", me::permissions)
        .signed_in(Get, "/v1/me/sessions", me::sessions)
        .signed_in(Delete, "/v1/me/sessions/{id}", me::end_session)
        .permits("users:view", Get, "/v1/users", users::list)
        .permits("users:create", Post, "/v1/users", users::create)
        .permits("users:view", Get, "/v1/users/{id}", users::show)
        .permits("users:edit", Patch, "/v1/users/{id}", users::edit)
        .permits("users:delete", Delete, "/v1/users/{id}", users::delete)
        .permits("users:edit", Post, "/v1/users/{id}/disable", users::disable)
        .permits("users:edit", Post, "/v1/users/{id}/enable", users::enable)
        .permits("lockouts:delete", Post, "/v1/users/{id}/unlock", users::unlock)
        .permits("users:edit", Post, "/v1/users/{id}/password-reset", users::reset_password)
        .permits("users:edit", Post, "/v1/users/{id}/resend-invitation", users::resend_invitation)
        .permits("users:view", Get, "/v1/users/{id}/roles", users::roles)
        .permits("users:edit", Put, "/v1/users/{id}/roles", users::replace_roles)
        .permits("users:edit", Post, "/v1/users/{id}/roles", users::grant)
        .permits("users:edit", Delete, "/v1/users/{id}/roles/{role}", users::revoke)
        .permits("users:view", Get, "/v1/users/{id}/permissions", users::permissions)
        .service(Post, "/oauth2/token", oauth::token)
        .service(Post, "/oauth2/introspect", oauth::introspect)
        .service(Post, "/oauth2/revoke", oauth::revoke)
        .service(Get, "/v1/revocations", revocations::page)
        .public(Get, "/.well-known/jwks.json", well_known::jwks)
        .public(Get, "/.well-known/oauth-authorization-server", well_known::metadata)
        .public(Get, "/v1/pictures/{address}", picture::show)
        .public(Get, "/confirm-email", pages::confirm_email)
        .public(Get, "/reset-password", pages::reset_password)
        .public(Get, "/verify-email", pages::verify_email)
        .public(Get, "/pages/link.js", pages::script)
        .public(Get, "/pages/pages.css", pages::style)
        .public(Get, "/healthz", health::alive)
        .public(Get, "/readyz", health::ready)
        .public(Get, "/openapi.json", openapi::show)
}
