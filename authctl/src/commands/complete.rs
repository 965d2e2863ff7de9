//! `__complete`: names that there are, for the completion scripts of the shells. It is fast or silent:
//! whoever presses a key waits for it, and an error would stand in the middle of the line.

use std::time::Duration;

use common::call::{AdminCall, permission, role, session, tenant, user};
use common::view::Page;

use crate::args::{CompleteArgs, Names};
use crate::commands::Context;
use crate::error::Error;
use crate::exit::Exit;

/// Longest time that all of it may take.
const LIMIT: Duration = Duration::from_millis(300);
/// Most names.
const ROWS: u32 = 200;

/// Writes the names that begin so, one a line.
///
/// # Errors
/// Those of writing alone.
pub(crate) async fn run(context: &mut Context, args: CompleteArgs) -> Result<Exit, Error> {
    let found = tokio::time::timeout(LIMIT, names(context, &args)).await;
    let Ok(Ok(mut names)) = found else {
        return Ok(Exit::Done);
    };
    names.retain(|name| name.starts_with(&args.prefix));
    names.sort();
    names.dedup();
    for name in &names {
        context.printer.line(name)?;
    }
    Ok(Exit::Done)
}

async fn names(context: &mut Context, args: &CompleteArgs) -> Result<Vec<String>, Error> {
    let limit = Some(ROWS);
    let tenant = context.settings.list_tenant();
    match args.what {
        Names::Tenants => {
            let call = tenant::List {
                limit,
                ..tenant::List::default()
            };
            items(context, call, |row| vec![row.slug]).await
        }
        Names::Users => {
            // `acme/bo` names the tenant itself.
            let (named, rest) = match args.prefix.split_once('/') {
                Some((tenant, rest)) => (Some(tenant.to_owned()), rest),
                None => (None, args.prefix.as_str()),
            };
            let shows_addresses = !rest.is_empty() && !rest.starts_with("usr_");
            let call = user::List {
                tenant: named.clone().or_else(|| tenant.clone()),
                email_contains: shows_addresses.then(|| rest.to_lowercase()),
                limit,
                ..user::List::default()
            };
            let lead = named.map_or_else(String::new, |tenant| format!("{tenant}/"));
            items(context, call, |row| {
                let id = row.id.to_string();
                let names = row.email.into_iter().chain([id]);
                names.map(|name| format!("{lead}{name}")).collect()
            })
            .await
        }
        Names::Roles => {
            let call = role::List {
                tenant,
                limit,
                ..role::List::default()
            };
            items(context, call, |row| vec![row.name]).await
        }
        Names::Permissions => {
            let call = permission::List {
                tenant,
                limit,
                ..permission::List::default()
            };
            items(context, call, |row| vec![row.permission]).await
        }
        Names::Sessions => {
            let call = session::List {
                tenant,
                limit,
                ..session::List::default()
            };
            items(context, call, |row| vec![row.id.to_string()]).await
        }
    }
}

async fn items<C, T>(
    context: &mut Context,
    call: C,
    name: impl Fn(T) -> Vec<String>,
) -> Result<Vec<String>, Error>
where
    C: AdminCall<Answer = Page<T>>,
{
    let page = context.client.call(&call).await?;
    Ok(page.items.into_iter().flat_map(name).collect())
}
