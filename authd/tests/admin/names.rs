//! What the operator calls things, and what it is told of names that nothing bears.

use authd::app::{tenant, user};
use common::call;
use common::error::ErrorCode;

use crate::desk::Desk;

fn show(tenant: Option<&str>, user: &str) -> call::user::Show {
    call::user::Show {
        tenant: tenant.map(ToOwned::to_owned),
        user: user.to_owned(),
    }
}

#[tokio::test]
async fn an_address_without_a_tenant_must_be_one_users_alone() {
    let desk = Desk::new();
    for slug in ["acme", "globex"] {
        desk.tenant(slug).await;
        desk.user(slug, "bob@x.test").await;
    }
    let alice = desk.user("globex", "alice@x.test").await;
    let found = user::show(&desk.app, &desk.admin(), show(None, " Alice@X.test "))
        .await
        .unwrap();
    assert_eq!(found.user.id, alice);
    assert_eq!(found.user.tenant.as_deref(), Some("globex"));
    let error = user::show(&desk.app, &desk.admin(), show(None, "bob@x.test"))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::ValidationFailed);
    assert_eq!(error.fields[0].path, "/user");
    assert_eq!(
        error.hint.unwrap(),
        "acme/bob@x.test, globex/bob@x.test. Use one of these, -t TENANT, or AUTHCTL_TENANT"
    );
    let found = user::show(&desk.app, &desk.admin(), show(Some("acme"), "bob@x.test"))
        .await
        .unwrap();
    assert_eq!(found.user.tenant.as_deref(), Some("acme"));
}

#[tokio::test]
async fn an_unknown_name_is_told_with_the_nearest() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    desk.user("acme", "bob@acme.test").await;
    let error = user::show(
        &desk.app,
        &desk.admin(),
        show(Some("acme"), "bbo@acme.test"),
    )
    .await
    .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    assert_eq!(
        error.developer_message,
        "no user \"bbo@acme.test\" in tenant acme"
    );
    assert_eq!(
        error.hint.unwrap(),
        "Did you mean bob@acme.test? List: authctl -t acme user list"
    );
    let error = user::show(
        &desk.app,
        &desk.admin(),
        show(Some("acne"), "bob@acme.test"),
    )
    .await
    .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    assert_eq!(
        error.hint.unwrap(),
        "Did you mean acme? List: authctl tenant list"
    );
    for name in [
        "",
        "bob",
        "usr_",
        "ten_01h455vb4pex5vsknk084sn02q",
        "x\u{1b}",
    ] {
        let error = user::show(&desk.app, &desk.admin(), show(None, name))
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound, "{name:?}");
        let request = call::tenant::Show {
            tenant: name.to_owned(),
        };
        let error = tenant::show(&desk.app, &desk.admin(), request)
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound, "{name:?}");
    }
}

#[tokio::test]
async fn an_id_of_another_tenant_is_an_id_that_does_not_exist() {
    let desk = Desk::new();
    desk.tenant("acme").await;
    desk.tenant("globex").await;
    let bob = desk.user("acme", "bob@acme.test").await.to_string();
    let found = user::show(&desk.app, &desk.admin(), show(None, &bob))
        .await
        .unwrap();
    assert_eq!(found.user.email.as_deref(), Some("bob@acme.test"));
    let error = user::show(&desk.app, &desk.admin(), show(Some("globex"), &bob))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}
