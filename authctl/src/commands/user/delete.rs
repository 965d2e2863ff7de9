//! `user delete`: what is typed is the address of one, or the number of several.

use std::collections::BTreeMap;

use common::call::UserRef;
use common::call::user::{Delete, Show};

use super::{named, told};
use crate::args::UserDelete;
use crate::commands::Context;
use crate::confirm::Deed;
use crate::error::Error;
use crate::exit::Exit;
use crate::names;

/// Deletes users after the address or the number was typed, or given by `--confirm`.
pub(super) async fn run(context: &mut Context, wanted: UserDelete) -> Result<Exit, Error> {
    let UserDelete { many, hard } = wanted;
    let users = names::expand(&many.users)?;
    let mut addresses = BTreeMap::new();
    for user in &users {
        // One that is not there is refused when its turn comes, and the others go on.
        if let Some(address) = address(context, user, users.len()).await? {
            addresses.insert(user.clone(), address);
        }
    }
    let (what, typed) = match (users.as_slice(), addresses.values().next()) {
        ([_], Some(address)) => (format!("user {address}"), address.clone()),
        _ => (format!("{} users", users.len()), users.len().to_string()),
    };
    let deed = Deed {
        what: format!("delete {what}"),
        question: format!("Delete {what}? Sessions, devices and passwords go with it, for good."),
        answer: format!("--confirm={typed}"),
    };
    context.ask_name(&deed, &typed)?;
    let tenant = context.settings.tenant.clone();
    let call = |text: &str| Delete {
        user: names::user(text, tenant.as_deref()),
        confirm: addresses.get(text).cloned(),
        hard,
        reason: many.reason.clone(),
    };
    context
        .each(&users, call, |change| told(change, "Deleted", "deleted"))
        .await
}

/// The address behind what was typed, which may be an id.
async fn address(context: &mut Context, text: &str, of: usize) -> Result<Option<String>, Error> {
    let UserRef { tenant, name } = named(context, text);
    match context.client.call(&Show { tenant, user: name }).await {
        Ok(details) => Ok(details.user.email),
        Err(error) if of > 1 && !error.ends_all() => Ok(None),
        Err(error) => Err(error),
    }
}
