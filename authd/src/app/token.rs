//! Single tokens as an operator handles them: looking at one, denying one before its time, and the
//! list of those that are denied.

use std::sync::Arc;
use std::time::Duration;

use common::call::Change;
use common::call::token::{Denylist, Inspect, Revoke};
use common::error::ErrorCode;
use common::text;
use common::time::Time;
use common::view::{DeniedTokenView, Page, TokenView};
use data_encoding::BASE64URL_NOPAD;
use domain::token::{AccessClaims, ClientClaims};
use serde_json::{Value, json};
use store::{Denial, Priority, ReadTx, Scope};

use crate::app::audit::{REASON_LIMIT, Record, WideAct};
use crate::app::authenticate::expected;
use crate::app::cursor::Place;
use crate::app::tokens::TOKEN_ID_BYTES;
use crate::app::{App, Error, Operator};

/// The longest life of an access token, whatever the configuration said when it was made, and the
/// largest skew.
const LONGEST_LIFE: Duration = Duration::from_mins(65);

/// Looks at a token: what it says, who signed it, and whether it is accepted now.
///
/// # Errors
/// `validation_failed` at `/token` for what is no JWT.
pub async fn inspect(
    app: &Arc<App>,
    _operator: &Operator,
    request: Inspect,
) -> Result<TokenView, Error> {
    let token = request.token.expose();
    let Some(seen) = app.keys.inspect(token) else {
        let what = "expected a JWT: three parts of base64url with points between";
        return Err(Error::field("/token", "invalid_token", what));
    };
    let now = app.now();
    let is_good = app.keys.verify(token, &expected(app), now).is_ok();
    let exp = seen.claims.get("exp").and_then(Value::as_i64);
    let claims = seen.claims.clone();
    let revoked = match seen.is_signed {
        Some(true) => app.store.read(move |tx| revocation(tx, &claims)).await?,
        // What nobody here signed was never good.
        _ => None,
    };
    let signature = match seen.is_signed {
        Some(true) => "valid",
        Some(false) => "invalid",
        None => "unknown_key",
    };
    Ok(TokenView {
        alg: seen.alg,
        typ: seen.typ,
        kid: seen.kid,
        signature: signature.to_owned(),
        accepted: is_good && revoked.is_none(),
        expired: exp.is_some_and(|exp| now.seconds() >= exp),
        revoked,
        claims: seen.claims,
    })
}

/// Why a token of ours is not accepted before its time, if it is not.
fn revocation(tx: &dyn ReadTx, claims: &Value) -> Result<Option<String>, Error> {
    let jti = claims
        .get("jti")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if let Some(denial) = tx.denial(jti)? {
        let why = denial.reason.map(|reason| format!(": {reason}"));
        return Ok(Some(format!("denied{}", why.unwrap_or_default())));
    }
    if let Ok(claims) = serde_json::from_value::<ClientClaims>(claims.clone()) {
        let client = tx.tenant(claims.tid).clients().by_id(claims.sub)?;
        return Ok(match client {
            None => Some("client gone".to_owned()),
            Some(client) if client.generation != claims.cgen => {
                Some("secret of the client ended".to_owned())
            }
            Some(_) => None,
        });
    }
    // Of the other kinds the list alone is asked.
    let Ok(claims) = serde_json::from_value::<AccessClaims>(claims.clone()) else {
        return Ok(None);
    };
    let rows = tx.tenant(claims.tid);
    let session = rows.sessions().by_id(claims.sid)?;
    let user = rows.users().by_id(claims.sub)?;
    let ended = match (session, user) {
        (Some(session), Some(user)) => {
            let by_end = session
                .ended
                .map(|(_, reason)| format!("session {}", reason.as_str()));
            let is_disabled = user.status == common::view::UserStatus::Disabled;
            by_end.or_else(|| is_disabled.then(|| "user disabled".to_owned()))
        }
        (None, _) => Some("session gone".to_owned()),
        (_, None) => Some("user gone".to_owned()),
    };
    Ok(ended)
}

/// Denies a token by its id: it is refused at the next request.
///
/// # Errors
/// `validation_failed` for what can be none.
pub async fn revoke(app: &Arc<App>, operator: &Operator, request: Revoke) -> Result<Change, Error> {
    let now = app.now();
    let record = Record::draw(app, operator, now, request.reason.as_deref())?;
    let jti = token_id(request.jti)?;
    let reason = request
        .reason
        .map(|reason| text::sanitize(&reason, REASON_LIMIT))
        .transpose()
        .map_err(|error| Error::field("/reason", "invalid_text", error.to_string()))?;
    let denial = Denial {
        tenant: None,
        denied_at: now,
        expires_at: now.plus(LONGEST_LIFE),
        reason,
    };
    let act = WideAct {
        action: "token.revoke",
        tenant: None,
        object: jti.clone(),
        subject: jti.clone(),
    };
    app.store
        .write(Priority::Urgent, operator.claim.clone(), move |tx| {
            if tx.is_denied(&jti)? {
                return Ok(act.unchanged());
            }
            tx.deny(&jti, &denial)?;
            tx.invalidate(Scope::Tokens);
            let after = json!({"denied_until": denial.expires_at});
            record.append_wide(tx, &act, &Value::Null, &after)
        })
        .await
}

fn token_id(text: String) -> Result<String, Error> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
    if bytes.is_ok_and(|bytes| bytes.len() == TOKEN_ID_BYTES) {
        return Ok(text);
    }
    // A text with points may be a whole token, which is never repeated.
    let hint = if text.starts_with("ses_") {
        "That is a session; end it: authctl session revoke SESSION"
    } else {
        "The jti of a token that is given on standard input: authctl token inspect -q"
    };
    Err(Error::new(
        ErrorCode::ValidationFailed,
        "expected the jti of a token: 22 characters of base64url",
    )
    .with_hint(hint))
}

/// Lists the tokens that are denied and would be good otherwise, by id.
///
/// # Errors
/// Those of the page.
pub async fn denylist(
    app: &Arc<App>,
    operator: &Operator,
    request: Denylist,
) -> Result<Page<DeniedTokenView>, Error> {
    let place = Place::of(&app.keys, &request, &request.paging())?;
    let now = app.now();
    // What somebody wrote may name a person.
    let shows_text = operator.socket == common::call::Socket::Admin;
    app.store
        .read(move |tx| {
            let (rows, next) = place.collect(
                |(jti, _): &(String, Denial)| jti.clone(),
                |_| true,
                |page| tx.denials(now, page),
            )?;
            let views = rows
                .into_iter()
                .map(|(jti, denial)| view(jti, denial, shows_text))
                .collect();
            Ok(place.page(views, next.as_deref()))
        })
        .await
}

fn view(jti: String, denial: Denial, shows_text: bool) -> DeniedTokenView {
    let denied_at: Time = denial.denied_at;
    DeniedTokenView {
        jti,
        revoked_at: denied_at,
        expires_at: denial.expires_at,
        reason: denial.reason.filter(|_| shows_text),
    }
}
