//! What the audit log holds of the changes, and what it never holds.

use authd::app::user;
use authd::crypto::sha256;
use common::call::user::{Create, Disable, FirstPassword, NewPassword, SetPassword};
use domain::audit::mac_input;

use crate::desk::{Desk, GOOD, given, new_user, reference};

#[tokio::test]
async fn rule_30_every_change_is_one_row_of_an_unbroken_chain() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    desk.user("acme", "bob@acme.test").await;
    let disable = || Disable {
        user: reference("acme", "bob@acme.test"),
        reason: Some("left".to_owned()),
    };
    let change = user::disable(&desk.app, &desk.admin(), disable())
        .await
        .unwrap();
    // A repeat changes nothing, and a refused call neither.
    user::disable(&desk.app, &desk.admin(), disable())
        .await
        .unwrap();
    desk.create(new_user("acme", "bob@acme.test"))
        .await
        .unwrap_err();

    let rows = desk.audit(acme).await;
    let actions: Vec<&str> = rows.iter().map(|row| row.entry.action.as_str()).collect();
    assert_eq!(actions, ["tenant.create", "user.create", "user.disable"]);
    let mut previous = [0; 32];
    for (row, number) in rows.iter().zip(1..) {
        assert_eq!((row.number, row.previous), (number, previous));
        let mut salted = row.entry.salt.to_vec();
        salted.extend(serde_json::to_vec(&row.entry.payload).unwrap());
        assert_eq!(row.digest, sha256(&salted));
        let input = mac_input(&row.entry, row.number, &row.previous, &row.digest);
        assert_eq!(row.mac, desk.app.keys.seal(&input));
        assert_eq!(row.entry.actor.user.as_deref(), Some("jane"));
        previous = row.mac;
    }
    let last = rows.last().unwrap();
    assert_eq!(Some(last.entry.id), change.audit_id);
    assert_eq!(Some(&last.entry.object), change.id.as_ref());
    assert_eq!(last.entry.payload["reason"], "left");
    assert_eq!(last.entry.payload["before"]["status"], "active");
    assert_eq!(last.entry.payload["after"]["status"], "disabled");
}

#[tokio::test]
async fn rule_27_no_password_or_hash_is_in_the_log() {
    let desk = Desk::new();
    let acme = desk.tenant("acme").await;
    let request = Create {
        password: FirstPassword::Generate,
        kra_pin: Some("A123456789X".to_owned()),
        ..new_user("acme", "bob@acme.test")
    };
    let first = desk.create(request).await.unwrap();
    let set = |password| SetPassword {
        user: reference("acme", "bob@acme.test"),
        password,
        permanent: false,
        reason: None,
    };
    let generated = user::set_password(&desk.app, &desk.admin(), set(NewPassword::Generate))
        .await
        .unwrap();
    user::set_password(&desk.app, &desk.admin(), set(given(GOOD)))
        .await
        .unwrap();
    let log = format!("{:?}", desk.audit(acme).await);
    for secret in [
        first.generated_password.unwrap().expose(),
        generated.generated_password.unwrap().expose(),
        GOOD,
        "$argon2",
        "A123456789X",
    ] {
        assert!(!log.contains(secret), "{secret}");
    }
    let rows = desk.audit(acme).await;
    assert_eq!(rows[1].entry.payload["after"]["password_generated"], true);
    assert_eq!(rows[3].entry.payload["after"]["password_generated"], false);
}
