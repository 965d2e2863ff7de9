//! The extractor that proves a service client: HTTP Basic with its id and a secret (RFC 6749 2.3.1).
//! A route that takes it cannot be reached otherwise, and nothing of the body is read before (G6).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, HeaderMap};
use axum::http::request::Parts;
use common::secret::Secret;
use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::app::client::{by_secret, invalid_client};
use crate::app::{App, Client, ServiceCaller};
use crate::http::error::Refusal;

/// Longest credentials that are looked at, in bytes; ours have 108.
const LIMIT_BYTES: usize = 512;

/// A service client that proved itself.
pub(super) struct ProvedClient(pub(super) ServiceCaller);

impl FromRequestParts<Arc<App>> for ProvedClient {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let client = Client::from_request_parts(parts, app).await?;
        let (id, secret) = credentials(&parts.headers).ok_or_else(|| Refusal(invalid_client()))?;
        let caller = by_secret(app, client, &id, &secret).await?;
        Ok(Self(caller))
    }
}

/// Id and secret of the one header; none for anything that is not exactly that. Neither has a
/// character that would have to be percent-encoded, so there is one spelling.
fn credentials(headers: &HeaderMap) -> Option<(String, Secret<String>)> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, encoded) = value.to_str().ok()?.trim().split_once(' ')?;
    let encoded = encoded.trim();
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > LIMIT_BYTES {
        return None;
    }
    let decoded = Zeroizing::new(BASE64.decode(encoded.as_bytes()).ok()?);
    let text = std::str::from_utf8(&decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), Secret::new(secret.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(values: &[&str]) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        credentials(&headers).map(|(id, secret)| (id, secret.expose().clone()))
    }

    #[test]
    fn rfc6749_2_3_1_one_header_with_id_and_secret_is_taken() {
        // "cli_x:authd_cs_y"
        let good = Some(("cli_x".to_owned(), "authd_cs_y".to_owned()));
        assert_eq!(of(&["Basic Y2xpX3g6YXV0aGRfY3NfeQ=="]), good);
        assert_eq!(of(&["bASIC  Y2xpX3g6YXV0aGRfY3NfeQ== "]), good);
        // The secret is what stands behind the first colon.
        assert_eq!(of(&["Basic YTpiOmM="]).unwrap().1, "b:c");
    }

    #[test]
    fn g5_anything_else_proves_nobody() {
        let long = format!("Basic {}", "YTpi".repeat(200));
        for values in [
            &[][..],
            &["Basic Y2xpX3g6YXV0aGRfY3NfeQ==", "Basic YTpi"],
            &["Bearer YTpi"],
            &["Basic"],
            &["Basic "],
            &["Basic YTpi YTpi"],
            // Without padding, of another alphabet, with spare bits, not text, without a colon.
            &["Basic Y2xpX3g6YXV0aGRfY3NfeQ"],
            &["Basic YTpi_w=="],
            &["Basic Y2xpX3g6YXV0aGRfY3NfeR=="],
            &["Basic Yf86Yg=="],
            &["Basic YWI="],
            &[&long],
        ] {
            assert_eq!(of(values), None, "{values:?}");
        }
    }
}
