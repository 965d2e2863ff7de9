//! `user create|list|show|disable|enable|unlock|set-password`; `delete` and what mails
//! something are in files of their own below, what a user may do stands beside it.

mod delete;
mod mailed;
mod picture;
mod show;

use common::call::user::{
    Create, Disable, Enable, FirstPassword, List, NewPassword, SetPassword, Show,
};
use common::call::{Change, UserRef};
use common::view::{Name, UserView};

use crate::args::{Format, Many, PasswordArgs, User, UserCreate};
use crate::commands::{Context, Paged, lockout, sentence, user_rights};
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::names;
use crate::output::Shape;
use crate::output::remarks::note;
use crate::output::table::{Cell, Column, Shown};
use crate::secret;

pub(crate) const SHAPE: Shape<UserView> = Shape {
    kind: "user",
    columns: &[
        Column {
            heading: "USER",
            shown: Shown::Always,
            cell: |u| Cell::Text(label(u)),
        },
        Column {
            heading: "ID",
            shown: Shown::Wide,
            cell: |u| Cell::Text(u.id.to_string()),
        },
        Column {
            heading: "TENANT",
            shown: Shown::AcrossTenants,
            cell: |u| Cell::text(u.tenant.as_deref()),
        },
        Column {
            heading: "NAME",
            shown: Shown::Always,
            cell: |u| Cell::text(u.name.display.as_deref()),
        },
        Column {
            heading: "STATUS",
            shown: Shown::Always,
            cell: |u| Cell::text(Some(u.status.as_str())),
        },
        Column {
            heading: "LOCKED",
            shown: Shown::Always,
            cell: |u| u.locked_until.map_or(Cell::Nothing, Cell::Until),
        },
        Column {
            heading: "ROLES",
            shown: Shown::Always,
            cell: |u| Cell::many(&u.roles),
        },
        Column {
            heading: "ADMIN",
            shown: Shown::Always,
            cell: |u| Cell::Flag(u.is_tenant_admin),
        },
        Column {
            heading: "LAST LOGIN",
            shown: Shown::Always,
            cell: |u| Cell::moment(u.last_login_at),
        },
        Column {
            heading: "VERIFIED",
            shown: Shown::Wide,
            cell: |u| Cell::Flag(u.email_verified),
        },
        Column {
            heading: "PHONE",
            shown: Shown::Wide,
            cell: |u| Cell::text(u.phone.as_deref()),
        },
        Column {
            heading: "LOCALE",
            shown: Shown::Wide,
            cell: |u| Cell::text(u.locale.as_deref()),
        },
        Column {
            heading: "EMPLOYEE ID",
            shown: Shown::Wide,
            cell: |u| Cell::text(u.employee.employee_id.as_deref()),
        },
        Column {
            heading: "KRA PIN",
            shown: Shown::Wide,
            cell: |u| Cell::text(u.employee.kra_pin.as_deref()),
        },
        Column {
            heading: "REFERENCES",
            shown: Shown::Wide,
            cell: references,
        },
        Column {
            heading: "CREATED",
            shown: Shown::Wide,
            cell: |u| Cell::Moment(u.created_at),
        },
        Column {
            heading: "UPDATED",
            shown: Shown::Wide,
            cell: |u| Cell::Moment(u.updated_at),
        },
    ],
    keys: &[
        "id",
        "tenant",
        "email",
        "email_verified",
        "name.given",
        "name.family",
        "name.display",
        "phone",
        "locale",
        "employee.employee_id",
        "employee.kra_pin",
        "external_refs.",
        "roles",
        "is_tenant_admin",
        "status",
        "last_login_at",
        "locked_until",
        "created_at",
        "updated_at",
    ],
    id: |u| u.id.to_string(),
    none: "no users",
};

/// The address, or the id where addresses are hidden.
fn label(user: &UserView) -> String {
    user.email.clone().unwrap_or_else(|| user.id.to_string())
}

fn references(user: &UserView) -> Cell {
    let pairs: Vec<String> = user
        .external_refs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Cell::many(&pairs)
}

impl Paged for List {
    fn page(&mut self, rows: u32) {
        self.limit = Some(rows);
    }
    fn after(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// Runs one of the commands.
pub(crate) async fn run(context: &mut Context, command: User) -> Result<Exit, Error> {
    match command {
        User::Create(wanted) => create(context, *wanted).await,
        User::List {
            status,
            role,
            locked,
            tenant_admin,
            inactive_since,
            refs,
            list,
        } => {
            let mut tenant = context.settings.list_tenant();
            let role = role.map(|text| {
                let named = names::role(&text, tenant.as_deref());
                tenant = named.tenant;
                named.name
            });
            let one_tenant = tenant.is_some();
            let part = list.filters.iter().find(|filter| {
                filter.key == "email" && filter.test == crate::filter::Test::Contains
            });
            let call = List {
                tenant,
                status,
                role,
                locked: locked.then_some(true),
                tenant_admin: tenant_admin.then_some(true),
                inactive_seconds: inactive_since.map(|gone| gone.as_secs()),
                external_ref: named_refs(&refs),
                email_contains: part.map(|filter| filter.value.clone()),
                ..List::default()
            };
            context.list(call, &SHAPE, &list, one_tenant).await
        }
        User::Show(wanted) => show::run(context, &wanted).await,
        User::Disable(many) => disable(context, many).await,
        User::Enable(many) => enable(context, many).await,
        User::FlagCompromised(many) => mailed::flag_compromised(context, many).await,
        User::Delete(wanted) => delete::run(context, wanted).await,
        User::Unlock(many) => lockout::clear(context, many).await,
        User::Set(wanted) => user_rights::set(context, *wanted).await,
        User::Grant(wanted) => user_rights::grant(context, wanted).await,
        User::Revoke(wanted) => user_rights::revoke(context, wanted).await,
        User::Permissions { user } => user_rights::permissions(context, &user).await,
        User::Picture(wanted) => picture::run(context, wanted).await,
        User::ResetPassword(wanted) => mailed::reset_password(context, wanted).await,
        User::Email { user, new, reason } => mailed::email(context, &user, new, reason).await,
        User::ResendInvitation(many) => mailed::resend_invitation(context, many).await,
        User::SetPassword {
            user,
            password,
            permanent,
            reason,
        } => {
            let user = named(context, &user);
            set_password(context, user, &password, permanent, reason).await
        }
    }
}

fn named(context: &Context, text: &str) -> UserRef {
    names::user(text, context.settings.tenant.as_deref())
}

async fn create(context: &mut Context, wanted: UserCreate) -> Result<Exit, Error> {
    let user = named(context, &wanted.email);
    let tenant = match user.tenant {
        Some(tenant) => tenant,
        None => context.settings.required_tenant()?,
    };
    let password = first_password(&wanted)?;
    let call = Create {
        tenant,
        email: user.name,
        name: Name {
            given: wanted.given_name,
            family: wanted.family_name,
            display: wanted.display_name,
        },
        phone: wanted.phone,
        locale: wanted.locale,
        employee_id: wanted.employee_id,
        kra_pin: wanted.kra_pin,
        external_refs: wanted.refs.into_iter().collect(),
        tenant_admin: wanted.tenant_admin,
        roles: wanted.roles,
        password,
        permanent: wanted.permanent,
    };
    let change = context.client.call(&call).await?;
    let id = change.id.as_deref().unwrap_or("-");
    let done = match &call.password {
        FirstPassword::Invite => format!("Created user {} ({id}), invited by mail", change.subject),
        _ => format!("Created user {} ({id})", change.subject),
    };
    let already = format!("User {} exists already", change.subject);
    let text = sentence(&change, &done, &already);
    context.printer.change(&change, &text)?;
    let Some(password) = &change.generated_password else {
        return Ok(Exit::Done);
    };
    match context.printer.format {
        Format::Table | Format::Wide => context.printer.line(password.expose())?,
        Format::Id => note(&format!(
            "the password made for {} was not shown; make another: authctl user set-password {id} --generate",
            change.subject
        )),
        Format::Json | Format::Jsonl | Format::Csv => {}
    }
    Ok(Exit::Done)
}

/// Where a first password comes from: by mail, unless the command line says otherwise.
fn first_password(wanted: &UserCreate) -> Result<FirstPassword, Error> {
    let from = &wanted.password;
    if from.print_link {
        return Ok(FirstPassword::Link);
    }
    if from.is_invitation(wanted.permanent) {
        return Ok(FirstPassword::Invite);
    }
    Ok(match secret::new_password(&from.password, &wanted.email)? {
        NewPassword::Generate => FirstPassword::Generate,
        NewPassword::Given(given) => FirstPassword::Given(given),
    })
}

async fn disable(context: &mut Context, many: Many) -> Result<Exit, Error> {
    let from_stdin = names::from_stdin(&many.users);
    let users = names::expand(&many.users)?;
    let yes = context.settings.flags.yes;
    let what = match users.as_slice() {
        [one] => format!("user {}", names::shown(&named(context, one))),
        several => format!("{} users", several.len()),
    };
    let mut deed = Deed {
        what: format!("disable {what}"),
        question: format!("Disable {what}? Their sessions end."),
        answer: "--yes".to_owned(),
    };
    deed.needs_answer(yes, from_stdin)?;
    if let ([one], false) = (users.as_slice(), yes) {
        deed.question = question(context, one).await?;
    }
    deed.ask(yes, from_stdin)?;
    let tenant = context.settings.tenant.clone();
    let reason = many.reason;
    let call = |text: &str| Disable {
        user: names::user(text, tenant.as_deref()),
        reason: reason.clone(),
    };
    context
        .each(&users, call, |change| told(change, "Disabled", "disabled"))
        .await
}

/// Names the one user whom the typed text stands for, so that a slip is seen.
async fn question(context: &mut Context, typed: &str) -> Result<String, Error> {
    let UserRef { tenant, name } = named(context, typed);
    let details = context.client.call(&Show { tenant, user: name }).await?;
    let user = &details.user;
    let person = user.name.display.as_ref().map(|name| format!(" ({name})"));
    let place = user
        .tenant
        .as_ref()
        .map(|tenant| format!(" in tenant {tenant}"));
    let sessions = match details.sessions.len() {
        0 => "There are no sessions.".to_owned(),
        1 => "1 session ends.".to_owned(),
        several => format!("{several} sessions end."),
    };
    Ok(format!(
        "Disable user {}{}{}? {sessions}",
        label(user),
        person.unwrap_or_default(),
        place.unwrap_or_default()
    ))
}

async fn enable(context: &mut Context, many: Many) -> Result<Exit, Error> {
    let users = names::expand(&many.users)?;
    let tenant = context.settings.tenant.clone();
    let reason = many.reason;
    let call = |text: &str| Enable {
        user: names::user(text, tenant.as_deref()),
        reason: reason.clone(),
    };
    context
        .each(&users, call, |change| told(change, "Enabled", "enabled"))
        .await
}

fn told(change: &Change, done: &str, state: &str) -> String {
    sentence(
        change,
        &format!("{done} user {}", change.subject),
        &format!("User {} is already {state}", change.subject),
    )
}

async fn set_password(
    context: &mut Context,
    user: UserRef,
    from: &PasswordArgs,
    permanent: bool,
    reason: Option<String>,
) -> Result<Exit, Error> {
    let mut whose = names::shown(&user);
    if secret::is_asked(from) {
        // A slip in the name is told before anybody types a password twice.
        let UserRef { tenant, name } = user.clone();
        let details = context.client.call(&Show { tenant, user: name }).await?;
        whose = label(&details.user);
    }
    let password = secret::new_password(from, &whose)?;
    let generated = matches!(password, NewPassword::Generate);
    let call = SetPassword {
        user,
        password,
        permanent,
        reason,
    };
    let change = context.client.call(&call).await?;
    let text = sentence(
        &change,
        &format!("Set the password of user {}", change.subject),
        &format!("User {} has this password already", change.subject),
    );
    let for_people = matches!(
        context.printer.format,
        Format::Table | Format::Wide | Format::Id
    );
    match &change.generated_password {
        // Nothing else may stand on standard output: a script takes it whole.
        Some(password) if generated && for_people => {
            context.printer.line(password.expose())?;
            context.printer.note(&text)?;
            for note in &change.notes {
                context.printer.note(note)?;
            }
        }
        _ => context.printer.change(&change, &text)?,
    }
    Ok(Exit::Done)
}

/// References as a list is narrowed to them.
fn named_refs(refs: &[(String, String)]) -> Option<String> {
    let pairs: Vec<String> = refs
        .iter()
        .map(|(name, value)| format!("{name}:{value}"))
        .collect();
    (!pairs.is_empty()).then(|| pairs.join(","))
}
