//! The entries of all routes, a file a part of the API.

mod clients;
mod logs;
mod mine;
mod roles;
mod service;
mod sign_in;
mod tenants;
mod users;

pub(super) use roles::TAG;

use super::entry::Entry;

/// A part of the API, with its name and what it is for.
pub(super) struct Section {
    /// Name.
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) description: &'static str,
    /// Its entries.
    pub(super) entries: Vec<Entry>,
}

const fn section(name: &'static str, description: &'static str, entries: Vec<Entry>) -> Section {
    Section {
        name,
        description,
        entries,
    }
}

/// All parts, in the order of the document.
pub(super) fn all() -> Vec<Section> {
    vec![
        section("signing in", "Sessions and passwords.", sign_in::entries()),
        section("me", "The signed-in user's own account.", mine::entries()),
        section("users", "The users of a tenant.", users::entries()),
        section("roles", "Roles and permissions.", roles::entries()),
        section(
            "tenants",
            "Tenants, settings, subscriptions.",
            tenants::entries(),
        ),
        section(
            "clients",
            "Service clients: programs with a secret.",
            clients::entries(),
        ),
        section("logs", "What happened, and what is open.", logs::entries()),
        section(
            "services",
            "Standard endpoints for services.",
            service::entries(),
        ),
        section(
            "pages",
            "Pages behind mailed links, and pictures.",
            service::pages(),
        ),
        section("operations", "For who runs authd.", service::operations()),
    ]
}
