//! The door into administration for signed-in users and service clients: which permission an act needs, and in which tenant
//! it is done. Nothing of a request's body or of an object is looked at before.

use common::error::ErrorCode;
use domain::permission::Permission;
use domain::tenant::Slug;

use crate::app::context::Administrator;
use crate::app::permit::missing_permission;
use crate::app::{Agent, App, Error};

/// Permission that reading in another tenant needs beside that of the act (rule 16).
const READS_OTHERS: &str = "tenants:view";
/// Permission that changing something in another tenant needs beside that of the act.
const CHANGES_OTHERS: &str = "tenants:edit";

/// What a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needed {
    /// Name of the permission.
    pub permission: &'static str,
    /// Whether the act changes anything.
    pub changes: bool,
}

/// Lets somebody in to what a route does: in its own tenant, or in the one that a user of `system` names.
/// A service client acts in its own alone.
///
/// # Errors
/// `permission_denied`; `unknown_parameter` for a tenant that is named where none may be;
/// `not_found` for one that there is not.
pub async fn enter(
    app: &App,
    agent: Agent,
    needed: Needed,
    tenant: Option<String>,
) -> Result<Administrator, Error> {
    let permission = parse(needed.permission)?;
    if !agent.access().rights.allows(&permission) {
        return Err(missing_permission(needed.permission));
    }
    let Some(slug) = tenant else {
        return Ok(Administrator {
            tenant_id: agent.tenant_id(),
            agent,
            needs: vec![permission],
        });
    };
    if permission.is_system_only() || !is_user_of_system(app, &agent).await? {
        return Err(Error::new(
            ErrorCode::UnknownParameter,
            "unknown parameter \"tenant\"",
        ));
    }
    let beside = parse(if needed.changes {
        CHANGES_OTHERS
    } else {
        READS_OTHERS
    })?;
    if !agent.access().rights.allows(&beside) {
        return Err(missing_permission(beside.as_str()));
    }
    let slug: Slug = slug.parse().map_err(|_| Error::not_found())?;
    let found = app
        .store
        .read(move |tx| tx.tenants().by_slug(&slug))
        .await
        .map_err(Error::from)?;
    Ok(Administrator {
        tenant_id: found.ok_or_else(Error::not_found)?.id,
        agent,
        needs: vec![permission, beside],
    })
}

async fn is_user_of_system(app: &App, agent: &Agent) -> Result<bool, Error> {
    let Agent::User(caller) = agent else {
        return Ok(false);
    };
    let home = caller.tenant_id;
    let tenant = app.store.read(move |tx| tx.tenants().by_id(home)).await;
    let tenant = tenant.map_err(Error::from)?;
    Ok(tenant.is_some_and(|tenant| tenant.slug.is_system()))
}

fn parse(name: &str) -> Result<Permission, Error> {
    name.parse().map_err(Error::internal)
}
