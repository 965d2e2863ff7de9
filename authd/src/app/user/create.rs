//! Making a user: the profile is checked, the first password hashed, and then seat and address are
//! taken in one transaction that looks at everything again.

use std::collections::BTreeMap;
use std::sync::Arc;

use common::call::Change;
use common::call::user::{Create, FirstPassword, NewPassword};
use common::email::Email;
use common::error::ErrorCode;
use common::id::UserId;
use common::secret::RevealedSecret;
use common::time::Time;
use common::view::{Address, EmployeeView, Name, UserStatus, UserView};
use domain::profile::{self, InvalidField};
use domain::rights::Right;
use domain::role::Role;
use domain::setting::{Effective, TenantSettings};
use domain::tenant::Tenant;
use domain::user::{CredentialKind, User};
use serde_json::{Map, Value};
use store::{CredentialWrite, ReadTx, UserRow, WriteTx};

use crate::app::audit::{self, Act, Record};
use crate::app::password::Prepared;
use crate::app::permit::Permit;
use crate::app::tenant::effective;
use crate::app::user::view::{self, Detail};
use crate::app::user::{Invitation, rights};
use crate::app::{Administrator, App, By, Error, Reach, password, target};

/// What the API is told of a new employee.
#[derive(Debug, Default)]
pub struct Employee {
    /// Address; unique in the tenant.
    pub email: String,
    /// Name of the person.
    pub name: Name,
    /// E.164.
    pub phone: Option<String>,
    /// Postal address.
    pub address: Option<Address>,
    /// BCP 47 tag.
    pub locale: Option<String>,
    /// The employer's own fields.
    pub employee: EmployeeView,
    /// References to other services, by name.
    pub external_refs: BTreeMap<String, String>,
    /// Roles of the tenant or system roles, by id or name.
    pub roles: Vec<String>,
    /// Whether the user may do everything within the tenant.
    pub is_tenant_admin: bool,
}

/// Where the employer's fields stand in a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paths {
    pub(super) employee_id: &'static str,
    pub(super) kra_pin: &'static str,
}

impl Paths {
    /// At the sockets.
    pub(super) const FLAT: Self = Self {
        employee_id: "/employee_id",
        kra_pin: "/kra_pin",
    };
    /// Over the API.
    pub(super) const NESTED: Self = Self {
        employee_id: "/employee/employee_id",
        kra_pin: "/employee/kra_pin",
    };

    const fn of(by: By<'_>) -> Self {
        match by {
            By::Operator(_) => Self::FLAT,
            By::Administrator(_) => Self::NESTED,
        }
    }
}

/// What a request says of a person, each value checked.
struct Profile {
    email: Email,
    name: Name,
    phone: Option<String>,
    locale: Option<String>,
    employee: EmployeeView,
    external_refs: BTreeMap<String, String>,
}

/// Makes a user. With `permanent` the password stands as set and the user is active; else it is
/// good for changing it only, and the user is invited until then (rule 24).
///
/// # Errors
/// `not_found` for the tenant or a role; `validation_failed`, `password_rejected`, `email_taken`,
/// `user_limit_reached`.
pub async fn create(
    app: &Arc<App>,
    by: impl Into<By<'_>>,
    request: Create,
) -> Result<Change, Error> {
    make(app, by.into(), request, None)
        .await
        .map(|(change, _)| change)
}

/// An employee's account that was made.
#[derive(Debug)]
pub struct Employed {
    /// The user.
    pub user: UserView,
    /// The password that was made, where the tenant's setting says that it is shown.
    pub generated_password: Option<RevealedSecret>,
}

/// Makes an employee's account over the API: nobody chooses its password there (ASVS 6.4.6). A
/// generated one goes out in the welcome mail, or is answered once where the tenant has
/// `employees.show_password`, and is good for changing it only.
///
/// # Errors
/// Those of [`create`]; `conflict` for an address that is taken, to who may not see users;
/// `permission_denied`, `reauthentication_required` for a role or the flag; `no_mail_transport`.
pub async fn employ(
    app: &Arc<App>,
    administrator: &Administrator,
    employee: Employee,
) -> Result<Employed, Error> {
    let request = Create {
        tenant: administrator.tenant_id.to_string(),
        email: employee.email,
        name: employee.name,
        phone: employee.phone,
        locale: employee.locale,
        employee_id: employee.employee.employee_id,
        kra_pin: employee.employee.kra_pin,
        external_refs: employee.external_refs,
        tenant_admin: employee.is_tenant_admin,
        roles: employee.roles,
        password: FirstPassword::Invite,
        permanent: false,
    };
    let by = By::Administrator(administrator);
    let made = make(app, by, request, employee.address).await;
    let (change, user) = made.map_err(|error| unseen(error, administrator))?;
    Ok(Employed {
        user: view::one(&user, Detail::of_one(administrator)),
        generated_password: change.generated_password,
    })
}

/// The refusal as it is told to who may not see users: not that it is the address.
pub(super) fn unseen(error: Error, administrator: &Administrator) -> Error {
    match error.code {
        ErrorCode::EmailTaken if !administrator.may("users:view") => Error::new(
            ErrorCode::Conflict,
            "there is a user like this already, whom you may not see",
        ),
        _ => error,
    }
}

async fn make(
    app: &Arc<App>,
    by: By<'_>,
    mut request: Create,
    address: Option<Address>,
) -> Result<(Change, User), Error> {
    let now = app.now();
    let mut profile = parse(&request, Paths::of(by))?;
    let address = address.map(|address| profile::address(&address));
    let address = address
        .transpose()
        .map_err(|(path, error)| Error::invalid_field(path, &error))?;
    let (tenant, settings, roles) = room(app, by.reach(), &request, &profile.email).await?;
    profile.external_refs = references(&settings, &request.external_refs)?;
    if by.administrator().is_some() && settings.show_password {
        request.password = FirstPassword::Generate;
    }
    let first = First::of(app, &request, &profile, (&tenant, &settings), now).await?;
    let mut user = user(app, &tenant, profile, app.new_id(now)?, &request, now);
    user.roles = rights::names(&roles);
    user.address = address;
    let record = Record::draw(app, by, now, None)?;
    let act = Act {
        action: "user.create",
        object: user.id.to_string(),
        subject: user.email.to_string(),
        tenant,
    };
    let after = described(&user, &act.tenant, &first)?;
    let first = Arc::new(first);
    let written = Arc::clone(&first);
    let made = user.clone();
    let mut change = record
        .write(app, move |tx, permit| {
            put(tx, permit, &act, &user, &roles)?;
            written.put(tx, &user, now)?;
            permit.append(tx, &act, &Value::Null, &after)
        })
        .await?;
    first.done(app, &mut change);
    Ok((change, made))
}

/// Takes seat and address, and gives the roles: nobody gives what they do not hold (rule 18).
fn put(
    tx: &dyn WriteTx,
    permit: &Permit<'_>,
    act: &Act,
    user: &User,
    roles: &[Role],
) -> Result<(), Error> {
    let tenant = tx
        .tenants()
        .by_id(act.tenant.id)?
        .ok_or_else(Error::not_found)?;
    check_room(tx, &tenant, &user.email)?;
    let rows = tx.tenant_mut(tenant.id);
    rows.users_mut().insert(user)?;
    for role in roles {
        // False means held already, by a name given twice, or removed since it was found.
        if !rows.grants_mut().grant(user.id, role.id, user.created_at)?
            && !rows.grants().of(user.id)?.contains(role)
        {
            return Err(audit::moved());
        }
    }
    // The roles as they are now: one may grant more than when it was found.
    let held = rows.grants().of(user.id)?;
    permit.may_grant(held.iter().flat_map(|role| &role.rights))?;
    if user.is_tenant_admin {
        permit.may_grant([&Right::All])?;
    }
    Ok(())
}

/// The first password, ready to be written.
enum First {
    /// One that stands in the database at once.
    Password(Prepared),
    /// One that comes later.
    Invited(Invitation),
}

impl First {
    async fn of(
        app: &App,
        request: &Create,
        profile: &Profile,
        (tenant, settings): (&Tenant, &Effective),
        now: Time,
    ) -> Result<Self, Error> {
        let new = match &request.password {
            FirstPassword::Invite | FirstPassword::Link => {
                if request.permanent {
                    return Err(Error::field(
                        "/permanent",
                        "not_applicable",
                        "an invited user chooses a password; none is set that could stand",
                    ));
                }
                let print_link = matches!(request.password, FirstPassword::Link);
                let email = profile.email.as_str();
                let pages = &settings.pages;
                return Invitation::draw(app, email, print_link, pages, now).map(Self::Invited);
            }
            FirstPassword::Generate => NewPassword::Generate,
            FirstPassword::Given(given) => NewPassword::Given(given.clone()),
        };
        let own_words = password::own_words(&profile.email, &profile.name, tenant);
        password::prepare(app, settings, &new, request.permanent, &own_words, now)
            .await
            .map(Self::Password)
    }

    fn put(&self, tx: &dyn WriteTx, user: &User, now: Time) -> Result<(), Error> {
        match self {
            Self::Invited(invitation) => invitation.put(tx, user).map_err(Error::from),
            Self::Password(prepared) => {
                let credential = CredentialWrite {
                    user_id: user.id,
                    hash: prepared.hash.clone(),
                    kind: prepared.kind,
                    changed_at: now,
                };
                if !tx
                    .tenant_mut(user.tenant_id)
                    .credentials_mut()
                    .set(&credential, 0)?
                {
                    return Err(Error::internal("a new user already has a password"));
                }
                Ok(())
            }
        }
    }

    fn done(&self, app: &App, change: &mut Change) {
        match self {
            Self::Invited(invitation) => invitation.done(app, change),
            Self::Password(prepared) => {
                change.notes.extend(password::note(prepared.kind));
                change.generated_password = prepared.generated.as_ref().map(RevealedSecret::new);
            }
        }
    }

    /// How the password came about, for the audit row.
    fn describe(&self, fields: &mut Map<String, Value>) {
        match self {
            Self::Invited(invitation) => {
                fields.insert("invitation".to_owned(), invitation.described().into());
            }
            Self::Password(prepared) => {
                let permanent = prepared.kind == CredentialKind::Own;
                fields.insert("password_permanent".to_owned(), permanent.into());
                let generated = prepared.generated.is_some();
                fields.insert("password_generated".to_owned(), generated.into());
            }
        }
    }
}

/// Finds the tenant, what holds for it, and the roles, and refuses early what the transaction would
/// refuse after a hash.
async fn room(
    app: &App,
    reach: Reach,
    request: &Create,
    email: &Email,
) -> Result<(Tenant, Effective, Vec<Role>), Error> {
    let base = Arc::clone(&app.settings().tenant);
    let name = request.tenant.clone();
    let roles = request.roles.clone();
    let email = email.clone();
    app.store
        .read(move |tx| {
            let tenant = target::tenant(tx, reach, &name)?;
            check_room(tx, &tenant, &email)?;
            let roles = rights::roles(tx, &tenant, &roles)?;
            rights::few_enough(roles.len())?;
            let settings = effective::read(base, tx, tenant.id)?;
            Ok((tenant, settings, roles))
        })
        .await
}

/// Whether the address is free and a seat is left (rules 8 and 15).
fn check_room(tx: &dyn ReadTx, tenant: &Tenant, email: &Email) -> Result<(), Error> {
    let rows = tx.tenant(tenant.id);
    if rows.users().by_email(email)?.is_some() {
        return Err(Error::new(
            ErrorCode::EmailTaken,
            format!("tenant {} already has a user {email}", tenant.slug),
        ));
    }
    let users = rows.users().count()?;
    match tenant.max_users {
        Some(seats) if users >= seats => Err(Error::new(
            ErrorCode::UserLimitReached,
            format!(
                "tenant {} has {users} of {seats} users (plan {})",
                tenant.slug, tenant.plan
            ),
        )
        .with_hint(format!(
            "Raise it: authctl tenant set {} --max-users {}",
            tenant.slug,
            more_than(seats)
        ))),
        _ => Ok(()),
    }
}

/// Seats to suggest in place of those that are taken: a fifth more.
fn more_than(seats: u32) -> u32 {
    seats.saturating_add((seats / 5).max(1))
}

/// Reads all but the references: which there are says the tenant.
fn parse(request: &Create, paths: Paths) -> Result<Profile, Error> {
    let email = request
        .email
        .parse()
        .map_err(|_| Error::field("/email", "invalid_email", "expected an e-mail address"))?;
    let name =
        profile::name(&request.name).map_err(|(path, error)| Error::invalid_field(path, &error))?;
    Ok(Profile {
        email,
        name,
        phone: optional("/phone", request.phone.as_deref(), profile::phone)?,
        locale: optional("/locale", request.locale.as_deref(), profile::locale)?,
        employee: EmployeeView {
            employee_id: optional(
                paths.employee_id,
                request.employee_id.as_deref(),
                profile::employee_id,
            )?,
            kra_pin: optional(paths.kra_pin, request.kra_pin.as_deref(), profile::kra_pin)?,
        },
        external_refs: BTreeMap::new(),
    })
}

/// Reads a value where there is one.
pub(super) fn optional(
    path: &'static str,
    given: Option<&str>,
    read: fn(&str) -> Result<String, InvalidField>,
) -> Result<Option<String>, Error> {
    given
        .map(read)
        .transpose()
        .map_err(|error| Error::invalid_field(path, &error))
}

/// Reads references to other services.
pub(super) fn references(
    settings: &TenantSettings,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    let known = &settings.reference_names;
    profile::external_refs(given, known).map_err(|error| {
        Error::invalid_field("/external_refs", &error).with_hint(if known.is_empty() {
            "The tenant names no references: authctl tenant settings set refs.names NAMES"
                .to_owned()
        } else {
            format!(
                "Names that the tenant's users may carry: {}",
                known.join(", ")
            )
        })
    })
}

fn user(
    app: &App,
    tenant: &Tenant,
    profile: Profile,
    id: UserId,
    request: &Create,
    now: Time,
) -> User {
    User {
        name: profile.name,
        phone: profile.phone,
        locale: profile.locale,
        employee: profile.employee,
        external_refs: profile.external_refs,
        status: if request.permanent {
            UserStatus::Active
        } else {
            UserStatus::Invited
        },
        is_tenant_admin: request.tenant_admin,
        ..bare(app, tenant, profile.email, id, now)
    }
}

/// An invited user of whom nothing but the address is known.
///
/// # Errors
/// `internal` without random bytes.
pub(in crate::app) fn invited(
    app: &App,
    tenant: &Tenant,
    email: Email,
    now: Time,
) -> Result<User, Error> {
    Ok(bare(app, tenant, email, app.new_id(now)?, now))
}

fn bare(app: &App, tenant: &Tenant, email: Email, id: UserId, now: Time) -> User {
    User {
        id,
        tenant_id: tenant.id,
        subject: app.keys.subject(tenant.slug.as_str(), &email),
        email,
        email_verified: false,
        name: Name::default(),
        phone: None,
        picture: None,
        address: None,
        locale: None,
        employee: EmployeeView::default(),
        external_refs: BTreeMap::new(),
        status: UserStatus::Invited,
        is_tenant_admin: false,
        roles: Vec::new(),
        last_login_at: None,
        created_at: now,
        updated_at: now,
    }
}

/// The new user for the audit row: what a list shows, and how its password came about.
fn described(user: &User, tenant: &Tenant, first: &First) -> Result<Value, Error> {
    let mut after = shown(user, tenant)?;
    if let Some(fields) = after.as_object_mut() {
        first.describe(fields);
    }
    Ok(after)
}

/// A user that was just made, as a list shows it.
fn shown(user: &User, tenant: &Tenant) -> Result<Value, Error> {
    let row = UserRow {
        user: user.clone(),
        tenant: tenant.slug.clone(),
        locked_until: None,
        locked_for_good: false,
    };
    let shown = view::user(&row, user.created_at, Detail::Row);
    serde_json::to_value(shown).map_err(Error::internal)
}
