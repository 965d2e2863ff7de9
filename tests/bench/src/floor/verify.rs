//! What one look at a signature costs: Ed25519 over the tokens of a plan, nothing around it.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::own_time;
use crate::Result;
use crate::load::plan;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use data_encoding::BASE64URL_NOPAD;

/// Verifies the tokens of a plan by a public key (base64url) for so long, and prints microseconds of
/// processor time for one.
pub(crate) fn run(requests: &Path, key: &str, time: Duration) -> Result<()> {
    let key = BASE64URL_NOPAD.decode(key.as_bytes())?;
    let key = UnparsedPublicKey::new(&ED25519, key);
    let mut signed = Vec::new();
    for request in plan::read(requests)? {
        let text = String::from_utf8(request)?;
        let token = text.split_once("Bearer ").map(|(_, after)| after);
        let token = token.and_then(|after| after.split("\r\n").next());
        let (message, signature) = token
            .and_then(|token| token.rsplit_once('.'))
            .ok_or("a request without a token")?;
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes())?;
        signed.push((message.to_owned(), signature));
    }
    let started = Instant::now();
    let cpu = own_time();
    let mut count = 0_u32;
    for (message, signature) in signed.iter().cycle() {
        let verified = key.verify(message.as_bytes(), signature);
        verified.map_err(|_| "a token that is not signed by the key")?;
        count += 1;
        if count.is_multiple_of(64) && started.elapsed() >= time {
            break;
        }
    }
    let each = own_time().saturating_sub(cpu).as_secs_f64() * 1e6 / f64::from(count);
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{each}")?)
}
