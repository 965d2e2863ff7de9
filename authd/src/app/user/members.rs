//! Who holds a role.

use std::sync::Arc;

use common::call::Paging;
use common::id::{RoleId, TenantId};
use common::view::{Page, UserView};
use store::{UserFilter, UserRow};

use super::view::{self, Detail};
use crate::app::cursor::{self, Place};
use crate::app::{Administrator, App, Error};

/// Lists the users of one tenant who hold a role by address, or those of all tenants, with the tenant.
///
/// # Errors
/// Those of the page.
pub(in crate::app) async fn members(
    app: &Arc<App>,
    administrator: &Administrator,
    role: RoleId,
    within: Option<TenantId>,
    paging: &Paging,
) -> Result<Page<UserView>, Error> {
    let filter = UserFilter {
        tenant: within,
        role: Some(role),
        ..UserFilter::default()
    };
    let list = format!("members {role} {within:?}");
    let place = Place::of_administrator(&app.keys, &list, administrator, paging)?;
    let (now, detail) = (app.now(), Detail::of_one(administrator));
    app.store
        .read(move |tx| {
            let (rows, next) = place.collect(
                cursor::user_key,
                |_| true,
                |page| tx.operator().users(&filter, page),
            )?;
            let items = rows.iter().map(|row: &UserRow| UserView {
                tenant: within.is_none().then(|| row.tenant.to_string()),
                ..view::user(row, now, detail)
            });
            Ok(place.page(items.collect(), next.as_deref()))
        })
        .await
}
