//! What the operator calls things: tenants by slug or id, users by id or address. An unknown name
//! is told with the nearest one; nothing here answers to anybody but the operator.

use std::collections::HashSet;
use std::net::IpAddr;

use common::call::UserRef;
use common::email::Email;
use common::error::ErrorCode;
use common::id::{TenantId, UserId};
use common::suggest::nearest;
use common::text;
use domain::tenant::{Slug, Tenant};
use domain::user::User;
use ipnet::IpNet;
use store::{PageRequest, ReadTx, TenantFilter, TenantRow, UserFilter};

use crate::app::{By, Error, Sight};

/// Rows that are looked at for a suggestion, each time from another place.
const SUGGESTION_ROWS: u32 = 200;
/// Characters of an unknown name that an answer repeats.
const ECHO_LIMIT: usize = 100;

/// A user with its tenant.
#[derive(Debug, Clone)]
pub struct Found {
    /// The tenant.
    pub tenant: Tenant,
    /// The user.
    pub user: User,
}

/// A name that can be locked: a user's, or one that no user has.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A user's.
    Known(Box<Found>),
    /// Nobody's.
    Unknown {
        /// The tenant that it was tried in.
        tenant: Tenant,
        /// The address that was tried.
        email: Email,
    },
}

/// Finds a tenant by slug or `ten_…` id.
///
/// # Errors
/// `not_found`, with the nearest slug.
pub fn tenant(tx: &dyn ReadTx, name: &str) -> Result<Tenant, Error> {
    let found = if let Ok(id) = name.parse::<TenantId>() {
        tx.tenants().by_id(id)?
    } else if let Ok(slug) = name.parse::<Slug>() {
        tx.tenants().by_slug(&slug)?
    } else {
        None
    };
    match found {
        Some(tenant) => Ok(tenant),
        None => Err(absent_tenant(tx, name)?),
    }
}

/// Finds a tenant as [`tenant`] does, a deleted one too while it can be restored.
///
/// # Errors
/// `not_found`, with the nearest slug.
pub fn restorable_tenant(tx: &dyn ReadTx, name: &str) -> Result<TenantRow, Error> {
    match ever(tx, name)?.filter(|row| !is_purged(row)) {
        Some(row) => Ok(row),
        None => Err(unknown_tenant(tx, name)?),
    }
}

/// Finds a tenant as [`tenant`] does, also one of which only the name is left: for the logs.
///
/// # Errors
/// `not_found`, with the nearest slug.
pub fn former_tenant(tx: &dyn ReadTx, name: &str) -> Result<Tenant, Error> {
    match ever(tx, name)? {
        Some(row) => Ok(row.tenant),
        None => Err(unknown_tenant(tx, name)?),
    }
}

fn ever(tx: &dyn ReadTx, name: &str) -> Result<Option<TenantRow>, Error> {
    Ok(if let Ok(id) = name.parse::<TenantId>() {
        tx.tenants().ever_by_id(id)?
    } else if let Ok(slug) = name.parse::<Slug>() {
        tx.tenants().ever_by_slug(&slug)?
    } else {
        None
    })
}

fn is_purged(row: &TenantRow) -> bool {
    row.deletion
        .is_some_and(|deletion| deletion.purged_at.is_some())
}

/// A tenant that is not there: deleted, or never made.
fn absent_tenant(tx: &dyn ReadTx, name: &str) -> Result<Error, Error> {
    let Some(row) = ever(tx, name)?.filter(|row| !is_purged(row)) else {
        return unknown_tenant(tx, name);
    };
    let slug = &row.tenant.slug;
    let mut error = Error::not_found();
    error.developer_message = format!("tenant {slug} is deleted").into();
    Ok(error.with_hint(format!("Bring it back: authctl tenant restore {slug}")))
}

/// Finds the tenant that a list is narrowed to, if it is.
///
/// # Errors
/// As [`tenant`].
pub fn tenant_filter(tx: &dyn ReadTx, name: Option<&str>) -> Result<Option<TenantId>, Error> {
    Ok(name.map(|name| tenant(tx, name)).transpose()?.map(|t| t.id))
}

/// Finds a user by id or address. Without a tenant an address must be that of one user alone.
///
/// # Errors
/// `not_found` with the nearest address, `validation_failed` at `/user` where several match.
pub fn user(tx: &dyn ReadTx, reference: &UserRef) -> Result<Found, Error> {
    let within = reference
        .tenant
        .as_deref()
        .map(|name| tenant(tx, name))
        .transpose()?;
    if let Ok(id) = reference.name.parse::<UserId>() {
        return by_id(tx, id, within.as_ref(), &reference.name);
    }
    let Ok(email) = reference.name.parse::<Email>() else {
        return Err(unknown_user(tx, &reference.name, within.as_ref())?);
    };
    match within {
        Some(tenant) => match tx.tenant(tenant.id).users().by_email(&email)? {
            Some(user) => Ok(Found { tenant, user }),
            None => Err(unknown_user(tx, email.as_str(), Some(&tenant))?),
        },
        None => anywhere(tx, &email),
    }
}

/// Finds a name that can be locked; with a tenant also an address that no user has.
///
/// # Errors
/// As [`user`].
pub fn subject(tx: &dyn ReadTx, reference: &UserRef) -> Result<Subject, Error> {
    let (Some(within), Ok(email)) = (&reference.tenant, reference.name.parse::<Email>()) else {
        return match user(tx, reference) {
            Ok(found) => Ok(Subject::Known(Box::new(found))),
            // Its counter has a name only within a tenant.
            Err(error) if error.code == ErrorCode::NotFound && reference.tenant.is_none() => {
                Err(error.with_hint(
                    "An address that no user has needs its tenant: -t TENANT. List: authctl tenant list",
                ))
            }
            Err(error) => Err(error),
        };
    };
    let tenant = tenant(tx, within)?;
    let user = tx.tenant(tenant.id).users().by_email(&email)?;
    Ok(match user {
        Some(user) => Subject::Known(Box::new(Found { tenant, user })),
        None => Subject::Unknown { tenant, email },
    })
}

/// Refuses, on a socket without personal data, filters by which such data could be guessed bit by
/// bit: what is masked in the rows must not come back as the answer to a question.
///
/// # Errors
/// `permission_denied`, naming the filter.
pub fn refuse_personal_filters(by: By<'_>, filters: &[(&'static str, bool)]) -> Result<(), Error> {
    match filters.iter().find(|(_, is_used)| *is_used) {
        Some((name, _)) if !Sight::of(by).shows_personal() => Err(Error::new(
            ErrorCode::PermissionDenied,
            format!(
                "the filter \"{name}\" asks for personal data, which this socket does not show"
            ),
        )
        .with_hint("Use admin.sock: run it with sudo, or ask a member of authd-admin.")),
        _ => Ok(()),
    }
}

/// Whether a user is named by something that is personal: anything but an id.
pub fn is_personal(user_name: Option<&str>) -> bool {
    user_name.is_some_and(|name| name.parse::<UserId>().is_err())
}

/// Reads the address that a list is narrowed to, in the spelling that is stored.
///
/// # Errors
/// `validation_failed` at `/ip`.
pub fn address(text: &str) -> Result<IpAddr, Error> {
    text.trim()
        .parse::<IpAddr>()
        .map(|ip| ip.to_canonical())
        .map_err(|_| Error::field("/ip", "invalid_ip", "expected an address, like 203.0.113.7"))
}

/// Reads the address or range that a list is narrowed to.
///
/// # Errors
/// `validation_failed` at `/ip`.
pub fn range(text: &str) -> Result<IpNet, Error> {
    if text.contains('/') {
        return text.trim().parse().map_err(|_| {
            Error::field(
                "/ip",
                "invalid_ip",
                "expected an address or a range, like 203.0.113.7 or 203.0.113.0/24",
            )
        });
    }
    address(text).map(IpNet::from)
}

/// Whether a stored address, whole or truncated, lies within a range. A truncated one stands for
/// its whole network and is found by every range that it shares addresses with.
pub fn is_within(stored: Option<&str>, range: &IpNet) -> bool {
    let Some(stored) = stored else { return false };
    if let Ok(ip) = stored.parse::<IpAddr>() {
        return range.contains(&ip);
    }
    stored
        .parse::<IpNet>()
        .is_ok_and(|network| range.contains(&network) || network.contains(range))
}

fn by_id(tx: &dyn ReadTx, id: UserId, within: Option<&Tenant>, name: &str) -> Result<Found, Error> {
    let row = tx.operator().user(id)?;
    let tenant = match &row {
        Some(row) => tx.tenants().by_id(row.user.tenant_id)?,
        None => None,
    };
    match (row, tenant) {
        (Some(row), Some(tenant)) if within.is_none_or(|within| within.id == tenant.id) => {
            Ok(Found {
                tenant,
                user: row.user,
            })
        }
        _ => Err(no_user(name, within)),
    }
}

fn anywhere(tx: &dyn ReadTx, email: &Email) -> Result<Found, Error> {
    let mut rows = tx.operator().users_by_email(email)?;
    if rows.len() > 1 {
        return Err(ambiguous(email, rows.iter().map(|row| &row.tenant)));
    }
    let Some(row) = rows.pop() else {
        return Err(unknown_user(tx, email.as_str(), None)?);
    };
    match tx.tenants().by_id(row.user.tenant_id)? {
        Some(tenant) => Ok(Found {
            tenant,
            user: row.user,
        }),
        None => Err(no_user(email.as_str(), None)),
    }
}

fn ambiguous<'a>(email: &Email, tenants: impl Iterator<Item = &'a Slug>) -> Error {
    let candidates: Vec<String> = tenants.map(|slug| format!("{slug}/{email}")).collect();
    let count = candidates.len();
    let list = candidates.join(", ");
    let mut error = Error::field(
        "/user",
        "ambiguous",
        format!("exists in {count} tenants: {list}"),
    );
    error.developer_message = format!("no tenant given, and {email} exists in {count}").into();
    error.with_hint(format!(
        "{list}. Use one of these, -t TENANT, or AUTHCTL_TENANT"
    ))
}

/// The start of a name: an answer repeats no more, and no more is compared.
fn start(name: &str) -> String {
    name.chars().take(ECHO_LIMIT).collect()
}

/// What an answer repeats of a name that it does not know: short, and harmless for a terminal.
pub fn echo(name: &str) -> String {
    text::visible(&start(name))
}

fn unknown_tenant(tx: &dyn ReadTx, name: &str) -> Result<Error, Error> {
    let page = PageRequest {
        limit: SUGGESTION_ROWS,
        after: None,
    };
    let rows = tx.operator().tenants(&TenantFilter::default(), &page)?;
    let near = nearest(
        &start(name),
        rows.iter().map(|row| row.tenant.slug.as_str()),
    );
    let mut error = Error::not_found();
    error.developer_message = format!("no tenant \"{}\"", echo(name)).into();
    Ok(error.with_hint(suggestion(near, "authctl tenant list")))
}

fn no_user(name: &str, within: Option<&Tenant>) -> Error {
    let mut error = Error::not_found();
    let place = within.map_or_else(
        || "any tenant".to_owned(),
        |tenant| format!("tenant {}", tenant.slug),
    );
    error.developer_message = format!("no user \"{}\" in {place}", echo(name)).into();
    error.with_hint(suggestion(None, &list_command(within)))
}

fn unknown_user(tx: &dyn ReadTx, name: &str, within: Option<&Tenant>) -> Result<Error, Error> {
    let known = match within {
        Some(tenant) => near_addresses(tx, tenant, name)?,
        None => HashSet::new(),
    };
    let near = nearest(&start(name), known.iter().map(String::as_str));
    Ok(no_user(name, within).with_hint(suggestion(near, &list_command(within))))
}

/// Addresses to compare a mistyped one with: the first of the tenant, and those that begin like it.
/// A tenant may have any number of users, so this is a bounded look and no search.
fn near_addresses(tx: &dyn ReadTx, tenant: &Tenant, name: &str) -> Result<HashSet<String>, Error> {
    let filter = UserFilter {
        tenant: Some(tenant.id),
        ..UserFilter::default()
    };
    let first: String = name.chars().take(1).flat_map(char::to_lowercase).collect();
    let mut known = HashSet::new();
    for after in [None, Some(format!("{}/{first}", tenant.slug))] {
        let page = PageRequest {
            limit: SUGGESTION_ROWS,
            after,
        };
        let rows = tx.operator().users(&filter, &page)?;
        known.extend(rows.into_iter().map(|row| row.user.email.to_string()));
    }
    Ok(known)
}

fn list_command(within: Option<&Tenant>) -> String {
    within.map_or_else(
        || "authctl user list".to_owned(),
        |tenant| format!("authctl -t {} user list", tenant.slug),
    )
}

fn suggestion(near: Option<&str>, list: &str) -> String {
    near.map_or_else(
        || format!("List: {list}"),
        |near| format!("Did you mean {near}? List: {list}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_matches_are_named_to_paste() {
        let email: Email = "bob@acme.test".parse().unwrap();
        let slugs: Vec<Slug> = ["acme", "globex"].map(|s| s.parse().unwrap()).to_vec();
        let error = ambiguous(&email, slugs.iter());
        assert_eq!(error.code, ErrorCode::ValidationFailed);
        assert_eq!(error.fields[0].path, "/user");
        assert_eq!(
            error.developer_message,
            "no tenant given, and bob@acme.test exists in 2"
        );
        assert_eq!(
            error.hint.unwrap(),
            "acme/bob@acme.test, globex/bob@acme.test. Use one of these, -t TENANT, or AUTHCTL_TENANT"
        );
    }

    #[test]
    fn what_an_answer_repeats_is_short_and_visible() {
        let error = no_user(&format!("\u{1b}[2J{}", "x".repeat(5000)), None);
        assert!(error.developer_message.len() < 200);
        assert!(!error.developer_message.contains('\u{1b}'));
    }

    #[test]
    fn addresses_have_the_stored_spelling() {
        assert_eq!(
            address("::ffff:203.0.113.7").unwrap().to_string(),
            "203.0.113.7"
        );
        assert_eq!(range("203.0.113.7").unwrap().to_string(), "203.0.113.7/32");
        assert_eq!(
            range("203.0.113.0/24").unwrap().to_string(),
            "203.0.113.0/24"
        );
        for bad in ["", "localhost", "203.0.113.0/33", "203.0.113"] {
            assert_eq!(range(bad).unwrap_err().fields[0].path, "/ip", "{bad}");
        }
    }
}
