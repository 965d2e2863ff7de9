//! A tenant as a file: compared, made so in one transaction, the same again without a change, and
//! written out as it was read.

use std::collections::BTreeMap;

use authd::app::{apply, role, user};
use common::call::apply::{Apply, Diff, Export, Wanted, WantedPermission, WantedRole};
use common::call::role::List;
use common::call::user::Grant;
use common::error::ErrorCode;
use common::view::SettingValue;

use crate::desk::{Desk, reference};

fn permission(name: &str) -> WantedPermission {
    WantedPermission {
        name: name.to_owned(),
        description: None,
    }
}

fn role(name: &str, permissions: &[&str]) -> WantedRole {
    let permissions = permissions.iter().map(|name| (*name).to_owned());
    WantedRole {
        name: name.to_owned(),
        description: None,
        permissions: Some(permissions.collect()),
    }
}

fn wanted() -> Wanted {
    Wanted {
        settings: BTreeMap::from([("lockout.threshold".to_owned(), SettingValue::Number(3))]),
        permissions: vec![permission("orders:edit"), permission("orders:view")],
        roles: vec![
            role("manager", &["orders:view", "orders:edit"]),
            role("viewer", &["orders:view"]),
        ],
    }
}

async fn diff(desk: &Desk, wanted: Wanted, prune: bool) -> Vec<String> {
    let request = Diff {
        tenant: "acme".to_owned(),
        wanted,
        prune,
    };
    let found = apply::diff(&desk.app, &desk.admin(), request).await;
    let found = found.unwrap();
    let lines = found.lines.iter();
    lines.map(|line| line.to_line(&found.tenant)).collect()
}

fn request(wanted: Wanted) -> Apply {
    Apply {
        tenant: "acme".to_owned(),
        wanted,
        prune: false,
        confirm: None,
        reason: Some("as the file says".to_owned()),
    }
}

#[tokio::test]
async fn a_tenant_is_made_as_wanted_once_and_the_same_again_changes_nothing() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let expected = [
        "+ permission acme/orders:edit",
        "+ permission acme/orders:view",
        "+ setting acme/lockout.threshold 3",
        "+ role acme/manager",
        "+ role acme/manager orders:edit",
        "+ role acme/manager orders:view",
        "+ role acme/viewer",
        "+ role acme/viewer orders:view",
    ];
    assert_eq!(diff(&desk, wanted(), false).await, expected);
    let before = desk.audit(acme).await.len();
    let dry = apply::apply(&desk.app, &desk.rehearsing(), request(wanted())).await;
    assert_eq!(dry.unwrap().notes[..8], expected);
    assert_eq!(
        desk.audit(acme).await.len(),
        before,
        "a rehearsal leaves no row"
    );
    let made = apply::apply(&desk.app, &desk.admin(), request(wanted())).await;
    let made = made.unwrap();
    assert!(made.changed && made.audit_id.is_some());
    let rows = desk.audit(acme).await;
    let actions: Vec<&str> = rows[before..]
        .iter()
        .map(|r| r.entry.action.as_str())
        .collect();
    assert_eq!(
        actions,
        [
            "permission.define",
            "permission.define",
            "tenant.settings.set",
            "role.create",
            "role.create"
        ]
    );
    assert!(diff(&desk, wanted(), true).await.is_empty());
    let again = apply::apply(&desk.app, &desk.admin(), request(wanted())).await;
    assert!(!again.unwrap().changed);
    let export = Export {
        tenant: "acme".to_owned(),
    };
    let written = apply::export(&desk.app, &desk.admin(), export)
        .await
        .unwrap();
    let mut sorted = wanted();
    for role in &mut sorted.roles {
        role.permissions.as_mut().unwrap().sort();
    }
    assert_eq!(written, sorted);
}

#[tokio::test]
async fn what_a_file_does_not_name_stays_unless_it_prunes_and_names_the_tenant() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    desk.user("acme", "bob@acme.test").await;
    let all = apply::apply(&desk.app, &desk.admin(), request(wanted())).await;
    all.unwrap();
    let grant = Grant {
        user: reference("acme", "bob@acme.test"),
        roles: vec!["manager".to_owned()],
    };
    user::grant(&desk.app, &desk.admin(), grant).await.unwrap();
    let less = || Wanted {
        settings: BTreeMap::new(),
        permissions: vec![permission("orders:view")],
        roles: vec![WantedRole {
            description: Some("Looks".to_owned()),
            ..role("viewer", &[])
        }],
    };
    assert_eq!(
        diff(&desk, less(), false).await,
        [
            "- role acme/viewer orders:view",
            "+ role acme/viewer \"Looks\""
        ]
    );
    let pruning = |confirm: Option<&str>| Apply {
        prune: true,
        confirm: confirm.map(str::to_owned),
        ..request(less())
    };
    for confirm in [None, Some("acm")] {
        let refused = apply::apply(&desk.app, &desk.admin(), pruning(confirm)).await;
        let error = refused.unwrap_err();
        assert_eq!(error.fields[0].path, "/confirm");
    }
    let before = desk.audit(acme).await.len();
    let made = apply::apply(&desk.app, &desk.admin(), pruning(Some("acme"))).await;
    let made = made.unwrap();
    assert!(
        made.notes.contains(&"1 user lost it.".to_owned()),
        "{made:?}"
    );
    assert_eq!(desk.audit(acme).await.len(), before + 3);
    let list = List {
        tenant: Some("acme".to_owned()),
        ..List::default()
    };
    let left = role::list(&desk.app, &desk.admin(), list).await.unwrap();
    let names: Vec<&str> = left.items.iter().map(|role| role.name.as_str()).collect();
    assert!(
        names.contains(&"viewer") && !names.contains(&"manager"),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_permission_that_goes_is_told_of_the_roles_that_lose_it() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    let all = apply::apply(&desk.app, &desk.admin(), request(wanted())).await;
    all.unwrap();
    // A role that is to grant what is to go is a contradiction.
    let torn = Wanted {
        permissions: vec![permission("orders:view")],
        ..wanted()
    };
    let refused = Diff {
        tenant: "acme".to_owned(),
        wanted: torn,
        prune: true,
    };
    let refused = apply::diff(&desk.app, &desk.admin(), refused).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::UnknownPermission);
    let named = |name: &str| WantedRole {
        permissions: None,
        ..role(name, &[])
    };
    let less = || Wanted {
        settings: BTreeMap::new(),
        permissions: vec![permission("orders:view")],
        roles: vec![named("manager"), named("viewer")],
    };
    assert_eq!(
        diff(&desk, less(), true).await,
        [
            "- role acme/manager orders:edit",
            "- permission acme/orders:edit"
        ]
    );
    let pruning = Apply {
        prune: true,
        confirm: Some("acme".to_owned()),
        ..request(less())
    };
    let made = apply::apply(&desk.app, &desk.admin(), pruning).await;
    made.unwrap();
    assert_eq!(diff(&desk, less(), true).await, Vec::<String>::new());
}

#[tokio::test]
async fn settings_that_fit_each_other_are_set_in_an_order_that_fits() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    let names =
        |names: &[&str]| SettingValue::Names(names.iter().map(|name| (*name).to_owned()).collect());
    let both = |refs: &[&str], claims: &[&str]| Wanted {
        settings: BTreeMap::from([
            ("refs.names".to_owned(), names(refs)),
            ("claims.external_refs".to_owned(), names(claims)),
        ]),
        permissions: Vec::new(),
        roles: Vec::new(),
    };
    let steps: [(&[&str], &[&str]); 2] = [
        (&["branch_id", "region"], &["region"]),
        (&["branch_id"], &["branch_id"]),
    ];
    for (refs, claims) in steps {
        let made = apply::apply(&desk.app, &desk.admin(), request(both(refs, claims))).await;
        made.unwrap();
        assert_eq!(
            diff(&desk, both(refs, claims), false).await,
            Vec::<String>::new()
        );
    }
}

#[tokio::test]
async fn one_step_that_is_refused_undoes_all_of_them() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let before = desk.audit(acme).await.len();
    let mut bad = wanted();
    bad.roles.push(role("cook", &["meals:cook"]));
    let unknown = apply::apply(&desk.app, &desk.admin(), request(bad)).await;
    assert_eq!(unknown.unwrap_err().code, ErrorCode::UnknownPermission);
    let mut beyond = wanted();
    beyond
        .settings
        .insert("lockout.threshold".to_owned(), SettingValue::Number(1000));
    let refused = apply::apply(&desk.app, &desk.admin(), request(beyond)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::ValidationFailed);
    // What is found within the transaction: a claim of a reference that the tenant does not have.
    let mut late = wanted();
    late.settings.insert(
        "claims.external_refs".to_owned(),
        SettingValue::Names(vec!["restaurant_id".to_owned()]),
    );
    let refused = apply::apply(&desk.app, &desk.admin(), request(late)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::ValidationFailed);
    assert_eq!(desk.audit(acme).await.len(), before);
    assert_eq!(
        diff(&desk, wanted(), false).await.len(),
        8,
        "nothing was made"
    );
    let system = Wanted {
        roles: vec![role("system:cook", &[])],
        ..Wanted::default()
    };
    let refused = apply::apply(&desk.app, &desk.admin(), request(system)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::ValidationFailed);
}
