//! Making a user: the profile is checked, the first password hashed, and then seat and address are
//! taken in one transaction that looks at everything again.

use std::collections::BTreeMap;
use std::sync::Arc;

use common::call::Change;
use common::call::user::Create;
use common::email::Email;
use common::error::ErrorCode;
use common::id::UserId;
use common::secret::RevealedSecret;
use common::time::Time;
use common::view::{EmployeeView, Name, UserStatus};
use domain::profile::{self, InvalidField};
use domain::role::Role;
use domain::tenant::Tenant;
use domain::user::{CredentialKind, User};
use serde_json::Value;
use store::{CredentialWrite, Priority, ReadTx, UserRow};

use crate::app::audit::{self, Act, Record};
use crate::app::user::{rights, view};
use crate::app::{App, Error, Operator, Settings, names, password};

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
pub async fn create(app: &Arc<App>, operator: &Operator, request: Create) -> Result<Change, Error> {
    let now = app.now();
    let profile = parse(&app.settings(), &request)?;
    let (tenant, roles) = room(app, &request, &profile.email).await?;
    let own_words = password::own_words(&profile.email, &profile.name, &tenant);
    let prepared =
        password::prepare(app, &request.password, request.permanent, &own_words, now).await?;
    let mut user = user(app, &tenant, profile, app.new_id(now)?, &request, now);
    user.roles = rights::names(&roles);
    let credential = CredentialWrite {
        user_id: user.id,
        hash: prepared.hash,
        kind: prepared.kind,
        changed_at: now,
    };
    let record = Record::draw(app, operator, now, None)?;
    let act = Act {
        action: "user.create",
        object: user.id.to_string(),
        subject: user.email.to_string(),
        tenant,
    };
    let after = described(
        &user,
        &act.tenant,
        &credential,
        prepared.generated.is_some(),
    )?;
    let mut change = app
        .store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            let tenant = tx
                .tenants()
                .by_id(act.tenant.id)?
                .ok_or_else(Error::not_found)?;
            check_room(tx, &tenant, &user.email)?;
            let rows = tx.tenant_mut(tenant.id);
            rows.users_mut().insert(&user)?;
            if !rows.credentials_mut().set(&credential, 0)? {
                return Err(Error::internal("a new user already has a password"));
            }
            for role in &roles {
                // False means held already, by a name given twice, or removed since it was found.
                if !rows.grants_mut().grant(user.id, role.id, now)?
                    && !rows.grants().of(user.id)?.contains(role)
                {
                    return Err(audit::moved());
                }
            }
            record.append(tx, &act, &Value::Null, &after)
        })
        .await?;
    change.notes.extend(password::note(prepared.kind));
    change.generated_password = prepared.generated.as_ref().map(RevealedSecret::new);
    Ok(change)
}

/// Finds the tenant and the roles, and refuses early what the transaction would refuse after a hash.
async fn room(app: &App, request: &Create, email: &Email) -> Result<(Tenant, Vec<Role>), Error> {
    let name = request.tenant.clone();
    let roles = request.roles.clone();
    let email = email.clone();
    app.store
        .read(move |tx| {
            let tenant = names::tenant(tx, &name)?;
            check_room(tx, &tenant, &email)?;
            let roles = rights::roles(tx, &tenant, &roles)?;
            rights::few_enough(roles.len())?;
            Ok((tenant, roles))
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
        .with_hint("Disabled users count too; the seats were set with the tenant: tenant create --max-users")),
        _ => Ok(()),
    }
}

fn parse(settings: &Settings, request: &Create) -> Result<Profile, Error> {
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
                "/employee_id",
                request.employee_id.as_deref(),
                profile::employee_id,
            )?,
            kra_pin: optional("/kra_pin", request.kra_pin.as_deref(), profile::kra_pin)?,
        },
        external_refs: references(settings, &request.external_refs)?,
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
    settings: &Settings,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    let known = &settings.reference_names;
    profile::external_refs(given, known).map_err(|error| {
        Error::invalid_field("/external_refs", &error).with_hint(if known.is_empty() {
            "No reference has a name in the configuration.".to_owned()
        } else {
            format!("Names in the configuration: {}", known.join(", "))
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
        id,
        tenant_id: tenant.id,
        subject: app.keys.subject(tenant.slug.as_str(), &profile.email),
        email: profile.email,
        email_verified: false,
        name: profile.name,
        phone: profile.phone,
        address: None,
        locale: profile.locale,
        employee: profile.employee,
        external_refs: profile.external_refs,
        status: if request.permanent {
            UserStatus::Active
        } else {
            UserStatus::Invited
        },
        is_tenant_admin: request.tenant_admin,
        roles: Vec::new(),
        last_login_at: None,
        created_at: now,
        updated_at: now,
    }
}

/// The new user for the audit row: what a list shows, and how its password came about.
fn described(
    user: &User,
    tenant: &Tenant,
    credential: &CredentialWrite,
    generated: bool,
) -> Result<Value, Error> {
    let row = UserRow {
        user: user.clone(),
        tenant: tenant.slug.clone(),
        locked_until: None,
        locked_for_good: false,
    };
    let shown = view::user(&row, user.created_at, view::Detail::Row);
    let mut after = serde_json::to_value(shown).map_err(Error::internal)?;
    if let Some(fields) = after.as_object_mut() {
        let permanent = credential.kind == CredentialKind::Own;
        fields.insert("password_permanent".to_owned(), permanent.into());
        fields.insert("password_generated".to_owned(), generated.into());
    }
    Ok(after)
}
