//! The user as it is shown: to its owner; to administrators of its tenant; to the operator whole, as a row, or without anything
//! personal.

use std::collections::BTreeMap;

use common::time::Time;
use common::view::{EmployeeView, Name, UserView};
use domain::profile::{masked_kra_pin, masked_phone};
use domain::user::User;
use store::UserRow;

use crate::app::{Administrator, By};

/// The user as its owner sees it: nothing masked.
pub fn own(user: &User) -> UserView {
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
        roles: user.roles.iter().map(ToString::to_string).collect(),
        is_tenant_admin: user.is_tenant_admin,
        status: user.status,
        picture_url: user.picture.map(|address| address.path()),
        last_login_at: user.last_login_at,
        locked_until: None,
        created_at: user.created_at,
        updated_at: user.updated_at,
    }
}

/// How much the operator is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Everything.
    Whole,
    /// A row of a list: no telephone number, no postal address, a masked tax number.
    Row,
    /// Ids, statuses and times.
    Masked,
    /// As its owner sees it: for administrators who may edit it.
    Own,
    /// The same with telephone and tax number masked: for those who may not.
    Covered,
}

impl Detail {
    /// What a list shows to whoever asks.
    pub(super) fn of_list(by: By<'_>) -> Self {
        match by {
            By::Operator(operator) if !operator.socket.shows_personal() => Self::Masked,
            By::Operator(_) => Self::Row,
            By::Administrator(administrator) => Self::of_one(administrator),
        }
    }

    /// What an administrator is shown.
    pub(super) fn of_one(administrator: &Administrator) -> Self {
        if administrator.may("users:edit") {
            Self::Own
        } else {
            Self::Covered
        }
    }
}

/// A user as an administrator sees it.
pub(super) fn one(user: &User, detail: Detail) -> UserView {
    let own = own(user);
    if detail == Detail::Own {
        return own;
    }
    UserView {
        phone: own.phone.as_deref().map(masked_phone),
        employee: EmployeeView {
            kra_pin: own.employee.kra_pin.as_deref().map(masked_kra_pin),
            ..own.employee
        },
        ..own
    }
}

/// The user at `now`, as the operator sees it.
pub(super) fn user(row: &UserRow, now: Time, detail: Detail) -> UserView {
    let whole = UserView {
        tenant: Some(row.tenant.to_string()),
        locked_until: row.locked_until.filter(|&until| now < until),
        ..own(&row.user)
    };
    match detail {
        Detail::Own | Detail::Covered => one(&row.user, detail),
        Detail::Whole => whole,
        Detail::Row => UserView {
            phone: None,
            address: None,
            employee: EmployeeView {
                kra_pin: whole.employee.kra_pin.as_deref().map(masked_kra_pin),
                ..whole.employee
            },
            ..whole
        },
        Detail::Masked => UserView {
            email: None,
            name: Name::default(),
            phone: None,
            address: None,
            locale: None,
            employee: EmployeeView::default(),
            external_refs: BTreeMap::new(),
            picture_url: None,
            ..whole
        },
    }
}

#[cfg(test)]
mod tests {
    use common::id::{TenantId, UserId};
    use common::view::{Address, UserStatus};
    use domain::lockout::CounterKey;
    use domain::picture::PictureAddress;

    use super::*;

    fn row() -> UserRow {
        UserRow {
            user: User {
                id: UserId::from_bytes([1; 16]),
                tenant_id: TenantId::from_bytes([2; 16]),
                email: "canary-mail@acme.test".parse().unwrap(),
                email_verified: true,
                name: Name {
                    given: Some("canary-given".to_owned()),
                    family: Some("canary-family".to_owned()),
                    display: Some("canary-display".to_owned()),
                },
                phone: Some("+254700000canary".to_owned()),
                address: Some(Address {
                    city: Some("canary-city".to_owned()),
                    ..Address::default()
                }),
                locale: Some("canary-locale".to_owned()),
                employee: EmployeeView {
                    employee_id: Some("canary-number".to_owned()),
                    kra_pin: Some("Acanary99X".to_owned()),
                },
                external_refs: BTreeMap::from([("branch_id".to_owned(), "canary-ref".to_owned())]),
                status: UserStatus::Active,
                roles: Vec::new(),
                is_tenant_admin: false,
                picture: Some(PictureAddress::from_bytes([0xcc; 16])),
                subject: CounterKey::from_bytes([3; 32]),
                last_login_at: None,
                created_at: Time::default(),
                updated_at: Time::default(),
            },
            tenant: "acme".parse().unwrap(),
            locked_until: Some(Time::from_millis(10)),
            locked_for_good: false,
        }
    }

    fn text(detail: Detail) -> String {
        serde_json::to_string(&user(&row(), Time::default(), detail)).unwrap()
    }

    #[test]
    fn a94_nothing_personal_is_left_when_masked() {
        let masked = text(Detail::Masked);
        assert!(!masked.contains("canary"), "{masked}");
        assert!(masked.contains("\"email\":null"), "{masked}");
        assert!(masked.contains("acme"), "{masked}");
        assert!(!masked.contains("/v1/pictures/"), "{masked}");
    }

    #[test]
    fn a_row_shows_no_phone_address_or_tax_number() {
        let row = text(Detail::Row);
        for hidden in ["+2547", "canary-city", "Acanary99X"] {
            assert!(!row.contains(hidden), "{row}");
        }
        assert!(row.contains("canary-mail@acme.test") && row.contains("A••••••••X"));
        let whole = text(Detail::Whole);
        for shown in ["+2547", "canary-city", "Acanary99X"] {
            assert!(whole.contains(shown), "{whole}");
        }
    }

    #[test]
    fn a_lock_that_is_over_is_not_shown() {
        let at = |millis| user(&row(), Time::from_millis(millis), Detail::Row).locked_until;
        assert_eq!(at(9), Some(Time::from_millis(10)));
        assert_eq!(at(10), None);
    }
}
