//! How the signed-in user sees its sessions.

use common::id::SessionId;
use common::view::SessionView;
use domain::session::{Session, SessionLimits};

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
        updated_at: session.updated_at(),
        last_active_at: session.last_active_at,
        expires_at: session.expires_at(limits, session.last_active_at),
        authenticated_at: None,
        ended_at: None,
        end_reason: None,
    }
}
