//! How the signed-in user sees things of its own.

use common::id::SessionId;
use common::view::{SessionView, UserView};
use domain::session::{Session, SessionLimits};
use domain::user::User;

/// The user as its owner sees it: nothing masked.
pub(super) fn user(user: &User) -> UserView {
    UserView {
        id: user.id,
        tenant: None,
        email: Some(user.email.to_string()),
        email_verified: user.email_verified,
        name: user.name.clone(),
        phone: user.phone.clone(),
        address: user.address.clone(),
        locale: user.locale.clone(),
        employee: user.employee.clone(),
        external_refs: user.external_refs.clone(),
        roles: Vec::new(),
        is_tenant_admin: user.is_tenant_admin,
        status: user.status,
        picture_url: None,
        last_login_at: user.last_login_at,
        locked_until: None,
        created_at: user.created_at,
        updated_at: user.updated_at,
    }
}

/// A session as its owner sees it.
pub(super) fn session(
    session: &Session,
    limits: &SessionLimits,
    current: SessionId,
) -> SessionView {
    SessionView {
        id: session.id,
        user_id: None,
        email: None,
        tenant: None,
        current: Some(session.id == current),
        device: session.device.clone(),
        ip: session.ip.clone(),
        created_at: session.created_at,
        last_active_at: session.last_active_at,
        expires_at: session.expires_at(limits, session.last_active_at),
    }
}
