//! What somebody who administers may do within one write transaction (rule 18), on the rights that the
//! transaction itself sees, the actor's and the other one's (G16). For an operator everything is
//! allowed, for the helpdesk all but the strongest; nothing here is decided on what was true before the transaction.

use std::time::Duration;

use common::call::Change;
use common::error::ErrorCode;
use common::id::{ClientId, TenantId, UserId};
use common::time::Time;
use domain::client::{ClientScope, ServiceClient};
use domain::rights::{Realm, Right, Rights};
use domain::role::Role;
use domain::tenant::Tenant;
use serde_json::Value;
use store::{ReadTx, WriteTx};

use crate::app::again::{self, Who};
use crate::app::audit::{Act, Record, WideAct};
use crate::app::context::Administrator;
use crate::app::{Agent, Error, access, helpdesk};

/// The leave to change something, good within the transaction that it was drawn in.
pub struct Permit<'a> {
    record: &'a Record,
    of: Option<Standing<'a>>,
}

/// An administrator as the transaction sees it.
struct Standing<'a> {
    administrator: &'a Administrator,
    rights: Rights,
}

impl<'a> Permit<'a> {
    /// Reads anew who acts, and whether the act is still allowed.
    ///
    /// # Errors
    /// `session_revoked` for who is gone, disabled or signed out, `invalid_token` for a service client
    /// that is gone or whose token is void; `tenant_suspended`,
    /// `subscription_ended` for whose tenant was closed; `permission_denied`.
    pub(super) fn read(
        tx: &dyn ReadTx,
        record: &'a Record,
        expiry_grace: Duration,
    ) -> Result<Self, Error> {
        let of = record.administrator().map(|administrator| {
            let rights = standing(tx, administrator, record.at(), expiry_grace)?;
            Ok::<_, Error>(Standing {
                administrator,
                rights,
            })
        });
        Ok(Self {
            record,
            of: of.transpose()?,
        })
    }

    /// Whether it is an administrator's, over the API.
    pub const fn is_administrator(&self) -> bool {
        self.of.is_some()
    }

    /// Whether a user is the one who acts.
    pub fn is_by(&self, id: UserId) -> bool {
        let of = self.of.as_ref();
        of.is_some_and(|standing| match &standing.administrator.agent {
            Agent::User(caller) => caller.user_id == id,
            Agent::Client(_) => false,
        })
    }

    /// When the change is made.
    pub const fn at(&self) -> Time {
        self.record.at()
    }

    /// Nobody acts on a stronger one: refuses a change, a reset, a sign-out or the loss of a role of a
    /// user who holds a permission that the actor lacks.
    ///
    /// # Errors
    /// `permission_denied`; `not_found` for who is gone.
    pub fn may_act_on(&self, tx: &dyn ReadTx, tenant: &Tenant, id: UserId) -> Result<(), Error> {
        if self.record.is_shielded() {
            let user = tx.tenant(tenant.id).users().by_id(id)?;
            return helpdesk::may_act_on(tx, tenant, user.as_ref());
        }
        let Some(standing) = &self.of else {
            return Ok(());
        };
        let user = tx.tenant(tenant.id).users().by_id(id)?;
        let theirs = access::rights(tx, tenant, &user.ok_or_else(Error::not_found)?)?;
        if standing.rights.covers(&theirs) {
            return Ok(());
        }
        Err(stronger())
    }

    /// The same for a service client: what it holds by its roles, and what its scopes come to.
    ///
    /// # Errors
    /// `permission_denied`.
    pub fn may_act_on_client(
        &self,
        tx: &dyn ReadTx,
        tenant: &Tenant,
        client: &ServiceClient,
    ) -> Result<(), Error> {
        let Some(standing) = &self.of else {
            return Ok(());
        };
        let theirs = access::rights_of_client(tx, tenant, client)?;
        let scopes = scopes_as_rights(&client.scopes)?;
        if standing.rights.covers(&theirs) && standing.rights.first_missing(&scopes).is_none() {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::PermissionDenied,
            "this service client may do what you may not",
        ))
    }

    /// Refuses who proved a password too long ago for an act of rule 14.
    ///
    /// # Errors
    /// `reauthentication_required`; `permission_denied` for a service client.
    pub fn is_fresh(&self) -> Result<(), Error> {
        match &self.of {
            Some(standing) => standing.administrator.agent.is_fresh(self.record.at()),
            None => Ok(()),
        }
    }

    /// Nobody takes the ground from under a stronger one: refuses a change and the loss of a role that
    /// grants what the actor lacks, or that is held by a user or a service client with such a thing.
    ///
    /// # Errors
    /// `permission_denied`; those of the store.
    pub fn may_change(&self, tx: &dyn ReadTx, role: &Role) -> Result<(), Error> {
        let Some(standing) = &self.of else {
            return Ok(());
        };
        if standing.rights.first_missing(&role.rights).is_some() {
            return Err(Error::new(
                ErrorCode::PermissionDenied,
                "this role grants a permission that you do not hold",
            ));
        }
        let tenants = match role.tenant_id {
            Some(id) => vec![id],
            None => tx.system_roles().tenants_of_members(role.id)?,
        };
        for id in tenants {
            let realm = match tx.tenants().by_id(id)? {
                Some(tenant) => access::realm(&tenant),
                None => Realm::Tenant,
            };
            // Who covers everybody there may be is compared with nobody.
            if standing.rights.covers(&Rights::new(realm, true, [])) {
                continue;
            }
            let held = tx.tenant(id).grants().rights_of_members(role.id)?;
            if !standing.rights.covers(&Rights::new(realm, false, held)) {
                return Err(Error::new(
                    ErrorCode::PermissionDenied,
                    "somebody who holds this role holds a permission that you do not hold",
                ));
            }
        }
        Ok(())
    }

    /// Nobody grants what they do not hold, to a user or through a role; who grants everything, or
    /// what reaches beyond a tenant, has to have signed in just now (rule 14).
    ///
    /// # Errors
    /// `permission_denied`, `reauthentication_required`.
    pub fn may_grant<'r>(
        &self,
        rights: impl IntoIterator<Item = &'r Right> + Clone,
    ) -> Result<(), Error> {
        let Some(standing) = &self.of else {
            return Ok(());
        };
        if let Some(missing) = standing.rights.first_missing(rights.clone()) {
            return Err(Error::new(
                ErrorCode::PermissionDenied,
                format!("you do not hold {missing}, so you cannot grant it"),
            ));
        }
        if rights.into_iter().any(is_administrative) {
            return standing.administrator.agent.is_fresh(self.record.at());
        }
        Ok(())
    }

    /// Appends the audit row of the change. `before` and `after` hold no secret.
    ///
    /// # Errors
    /// `permission_denied` for what lies outside of the actor's tenant or left a user stronger than
    /// the actor; those of the store.
    pub fn append(
        &self,
        tx: &dyn WriteTx,
        act: &Act,
        before: &Value,
        after: &Value,
    ) -> Result<Change, Error> {
        self.append_wide(tx, &act.wide(), before, after)
    }

    /// The same for what may belong to no tenant.
    ///
    /// # Errors
    /// As [`Permit::append`].
    pub fn append_wide(
        &self,
        tx: &dyn WriteTx,
        act: &WideAct,
        before: &Value,
        after: &Value,
    ) -> Result<Change, Error> {
        if self.record.is_shielded() {
            shielded(tx, act)?;
        }
        if let Some(standing) = &self.of {
            let tenant = act.tenant.as_ref();
            within(standing.administrator, tenant.map(|tenant| tenant.id))?;
            if let Some(tenant) = tenant {
                self.left_weaker(tx, tenant, &act.object, &standing.administrator.agent)?;
            }
        }
        self.record.append_permitted(tx, act, before, after)
    }

    /// Whatever a use case forgot to ask: no change of a user or a service client ends with one who is
    /// stronger than the actor.
    fn left_weaker(
        &self,
        tx: &dyn ReadTx,
        tenant: &Tenant,
        object: &str,
        agent: &Agent,
    ) -> Result<(), Error> {
        if let Ok(id) = object.parse::<ClientId>() {
            return match tx.tenant(tenant.id).clients().by_id(id)? {
                Some(client) => self.may_act_on_client(tx, tenant, &client),
                None => Ok(()),
            };
        }
        let Ok(id) = object.parse::<UserId>() else {
            return Ok(());
        };
        let is_own = matches!(agent, Agent::User(caller) if caller.user_id == id);
        if !is_own && tx.tenant(tenant.id).users().by_id(id)?.is_some() {
            return self.may_act_on(tx, tenant, id);
        }
        Ok(())
    }
}

/// Whatever a use case forgot to ask: the helpdesk changes nothing of `system`, of no tenant, or of who
/// may do everything in one.
fn shielded(tx: &dyn ReadTx, act: &WideAct) -> Result<(), Error> {
    let tenant = act.tenant.as_ref().ok_or_else(|| {
        Error::new(
            ErrorCode::PermissionDenied,
            "this belongs to no tenant; the helpdesk does not reach it",
        )
    })?;
    let user = match act.object.parse::<UserId>() {
        Ok(id) => tx.tenant(tenant.id).users().by_id(id)?,
        Err(_) => None,
    };
    helpdesk::may_act_on(tx, tenant, user.as_ref())
}

/// The permissions that somebody must hold to give a client these scopes.
///
/// # Errors
/// None but `internal`: they are built in.
pub(super) fn scopes_as_rights(scopes: &[ClientScope]) -> Result<Vec<Right>, Error> {
    let right = |scope: &ClientScope| scope.grantable_by().parse().map_err(Error::internal);
    scopes.iter().map(right).collect()
}

/// What counts as an administrator's right for rule 14.
fn is_administrative(right: &Right) -> bool {
    match right {
        Right::All => true,
        Right::One(permission) => permission.is_system_only(),
    }
}

/// The rights of who acts, as this transaction sees them.
fn standing(
    tx: &dyn ReadTx,
    administrator: &Administrator,
    now: Time,
    expiry_grace: Duration,
) -> Result<Rights, Error> {
    let rights = match &administrator.agent {
        Agent::User(caller) => {
            let (tenant, user) = again::look(tx, Who::from(caller), now, expiry_grace)??;
            access::rights(tx, &tenant, &user)?
        }
        Agent::Client(agent) => {
            let (tenant, client) = again::look_at_client(tx, agent, now, expiry_grace)?;
            access::rights_of_client(tx, &tenant, &client)?
        }
    };
    match administrator
        .needs
        .iter()
        .find(|needed| !rights.allows(needed))
    {
        Some(missing) => Err(missing_permission(missing.as_str())),
        None => Ok(rights),
    }
}

/// The refusal of who acts on a stronger one.
pub(super) fn stronger() -> Error {
    Error::new(
        ErrorCode::PermissionDenied,
        "this user holds a permission that you do not hold",
    )
}

/// The refusal of who lacks a permission.
pub(super) fn missing_permission(name: &str) -> Error {
    Error::new(
        ErrorCode::PermissionDenied,
        format!("this needs the permission {name}"),
    )
}

/// Refuses a change of what lies elsewhere. Permissions that exist in `system` only are for objects of
/// any tenant, and of none.
fn within(administrator: &Administrator, tenant: Option<TenantId>) -> Result<(), Error> {
    if tenant == Some(administrator.tenant_id) || administrator.is_wide() {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::PermissionDenied,
        "this belongs to another tenant",
    ))
}
