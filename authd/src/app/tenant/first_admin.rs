//! The first administrator of a tenant: made and invited in the write that makes the tenant.

use common::call::Change;
use common::call::tenant::Create;
use common::email::Email;
use common::error::ErrorCode;
use common::time::Time;
use domain::tenant::Tenant;
use domain::user::User;
use serde_json::{Value, json};
use store::{StoreError, WriteTx};

use crate::app::user::{Invitation, invited};
use crate::app::{App, Error};

/// An administrator to be made with a tenant.
pub(super) struct FirstAdmin {
    user: User,
    invitation: Invitation,
}

impl FirstAdmin {
    /// Draws what a request asks for; none if it asks for none.
    ///
    /// # Errors
    /// `validation_failed`, `user_limit_reached` for a tenant without a seat, `no_mail_transport`.
    pub(super) fn draw(
        app: &App,
        request: &Create,
        tenant: &Tenant,
        now: Time,
    ) -> Result<Option<Self>, Error> {
        let Some(address) = &request.admin_email else {
            if request.print_link {
                return Err(Error::field(
                    "/print_link",
                    "not_applicable",
                    "there is no administrator to print a link for: give --admin-email too",
                ));
            }
            return Ok(None);
        };
        let email: Email = address.parse().map_err(|_| {
            Error::field(
                "/admin_email",
                "invalid_email",
                "expected an e-mail address",
            )
        })?;
        if tenant.max_users == Some(0) {
            return Err(Error::new(
                ErrorCode::UserLimitReached,
                format!(
                    "tenant {} would have no seat for its administrator",
                    tenant.slug
                ),
            ));
        }
        // A tenant that is made now has no pages of its own.
        let pages = &app.settings().tenant.pages;
        let invitation = Invitation::draw(app, email.as_str(), request.print_link, pages, now)?;
        let mut user = invited(app, tenant, email, now)?;
        user.is_tenant_admin = true;
        Ok(Some(Self { user, invitation }))
    }

    /// Makes and invites the administrator, in the transaction that has made the tenant.
    pub(super) fn put(&self, tx: &dyn WriteTx) -> Result<(), StoreError> {
        tx.tenant_mut(self.user.tenant_id)
            .users_mut()
            .insert(&self.user)?;
        self.invitation.put(tx, &self.user)
    }

    /// After the write.
    pub(super) fn done(&self, app: &App, change: &mut Change) {
        self.invitation.done(app, change);
        change.notes.push(format!(
            "{} is its administrator, {}.",
            self.user.email,
            match self.invitation {
                Invitation::Mailed(_) => "invited by mail",
                Invitation::Printed(..) => "with the link below",
            }
        ));
    }

    /// For the audit row.
    pub(super) fn described(&self) -> Value {
        json!({
            "id": self.user.id,
            "email": self.user.email,
            "invitation": self.invitation.described(),
        })
    }
}
