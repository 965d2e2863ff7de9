//! Single tokens in an operator's hands: denied at the next request, also where a cache knows them.

use authd::app::token;
use common::call::Socket;
use common::call::token::{Denylist, Inspect, Revoke};
use common::error::ErrorCode;
use common::secret::Secret;
use common::view::TokenView;
use serde_json::Value;

use crate::house::{House, refresh};
use crate::support::operator;

async fn inspect(house: &House, token: &str) -> TokenView {
    let request = Inspect {
        token: Secret::new(token.to_owned()),
    };
    let seen = token::inspect(&house.app, &operator(Socket::Admin), request).await;
    seen.unwrap()
}

fn jti(view: &TokenView) -> String {
    let jti = view.claims.get("jti").and_then(Value::as_str);
    jti.unwrap().to_owned()
}

fn revoking(jti: &str) -> Revoke {
    Revoke {
        jti: jti.to_owned(),
        reason: Some("pasted into a ticket".to_owned()),
    }
}

#[tokio::test]
async fn a25_a_denied_token_is_refused_at_the_next_request_and_the_session_lives() {
    let house = House::new().await;
    let signed_in = house.sign_in().await;
    let token = signed_in.access().to_owned();
    // In both caches from here on.
    assert_eq!(house.check(&token).await.status, 200);
    let seen = inspect(&house, &token).await;
    assert_eq!((seen.signature.as_str(), seen.accepted), ("valid", true));
    assert_eq!(seen.kid, Some(house.app.keys.kid()));
    let admin = operator(Socket::Admin);
    let rehearsing = authd::app::Operator {
        claim: admin.claim.clone().rehearsing(),
        ..admin.clone()
    };
    let jti = jti(&seen);
    token::revoke(&house.app, &rehearsing, revoking(&jti))
        .await
        .unwrap();
    assert_eq!(house.check(&token).await.status, 200, "only rehearsed");
    let change = token::revoke(&house.app, &admin, revoking(&jti))
        .await
        .unwrap();
    assert!(change.changed && change.audit_id.is_some());
    house.check(&token).await.is(401, "invalid_token");
    house.check(&token).await.is(401, "invalid_token");
    let seen = inspect(&house, &token).await;
    assert_eq!(
        seen.revoked.as_deref(),
        Some("denied: pasted into a ticket")
    );
    assert!(!seen.accepted);
    let change = token::revoke(&house.app, &admin, revoking(&jti))
        .await
        .unwrap();
    assert!(!change.changed);
    let refreshed = house.ask(refresh(signed_in.refresh())).await;
    assert_eq!(house.check(refreshed.access()).await.status, 200);
    for (socket, reason) in [
        (Socket::Admin, Some("pasted into a ticket")),
        (Socket::Monitor, None),
    ] {
        let list = Denylist::default();
        let page = token::denylist(&house.app, &operator(socket), list).await;
        let items = page.unwrap().items;
        assert_eq!(items.len(), 1);
        assert_eq!(
            (items[0].jti.as_str(), items[0].reason.as_deref()),
            (jti.as_str(), reason)
        );
    }
}

#[tokio::test]
async fn a19_a_token_is_looked_at_whatever_it_is() {
    let house = House::new().await;
    let token = house.sign_in().await.access().to_owned();
    let second = house.sign_in().await.access().to_owned();
    let superseded = inspect(&house, &token).await;
    assert_eq!(superseded.revoked.as_deref(), Some("session superseded"));
    assert_eq!(superseded.signature, "valid");
    let (message, _) = second.rsplit_once('.').unwrap();
    let forged = inspect(&house, &format!("{message}.AAAA")).await;
    assert_eq!(
        (forged.signature.as_str(), forged.accepted),
        ("invalid", false)
    );
    let (_, rest) = second.split_once('.').unwrap();
    let header = data_encoding::BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#);
    let foreign = inspect(&house, &format!("{header}.{rest}")).await;
    assert_eq!(
        (foreign.signature.as_str(), foreign.accepted),
        ("unknown_key", false)
    );
    house.clock.advance(std::time::Duration::from_mins(10));
    let expired = inspect(&house, &second).await;
    assert!(expired.expired && !expired.accepted && expired.revoked.is_none());
    for text in ["", "x", "a.b", "a.b.c", "..", "e30.W10.x"] {
        let request = Inspect {
            token: Secret::new(text.to_owned()),
        };
        let refused = token::inspect(&house.app, &operator(Socket::Admin), request).await;
        assert_eq!(
            refused.unwrap_err().code,
            ErrorCode::ValidationFailed,
            "{text}"
        );
    }
    let inspect = "authctl token inspect -q";
    for (text, hint) in [
        ("", inspect),
        ("a b", inspect),
        ("abc", inspect),
        ("\u{202e}", inspect),
        (&"A".repeat(21), inspect),
        (&"A".repeat(23), inspect),
        (&"A".repeat(24), inspect),
        ("w4Z2uPRcTH2vVcGmEGVY+Q", inspect),
        (&second, inspect),
        (
            "ses_01h455vb4pex5vsknk084sn02q",
            "authctl session revoke SESSION",
        ),
    ] {
        let refused = token::revoke(&house.app, &operator(Socket::Admin), revoking(text)).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code, ErrorCode::ValidationFailed, "{text}");
        let told = refused.hint.unwrap();
        assert!(told.ends_with(hint), "{told}");
        assert!(!refused.developer_message.contains(&second) && !told.contains(&second));
    }
}
