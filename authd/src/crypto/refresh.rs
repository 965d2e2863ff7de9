//! Refresh tokens (rule 10): session, generation and a MAC. The database keeps no token, only what
//! the MAC is made over; what a right MAC is worth is decided in `domain`.

use aws_lc_rs::hmac;
use common::id::SessionId;
use common::secret::Secret;
use data_encoding::BASE64URL_NOPAD;
use domain::session::Session;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::error::CryptoError;
use super::frame::keyed;
use super::keys::KeyRing;

/// What secret scanners look for.
const PREFIX: &str = "authd_rt_";
const VERSION: u8 = 1;
const MAC_BYTES: usize = 32;
/// Version, key number, session, generation, MAC: a multiple of three, so that base64url has
/// neither padding nor spare bits, and each token one spelling.
const TOKEN_BYTES: usize = 1 + 4 + 16 + 4 + MAC_BYTES;

/// A refresh token as presented; nothing in it is true before [`KeyRing::refresh_matches`].
#[derive(Debug, Clone)]
pub struct RefreshToken {
    /// Number of the key that it claims to be made with.
    pub key: u32,
    /// Session that it claims to be of.
    pub session: SessionId,
    /// Generation that it claims to be.
    pub generation: u32,
    mac: Secret<[u8; MAC_BYTES]>,
}

impl RefreshToken {
    /// Reads a token; none if the text has not the one accepted form.
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(PREFIX)?;
        if body.len() != BASE64URL_NOPAD.encode_len(TOKEN_BYTES) {
            return None;
        }
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(body.as_bytes()).ok()?);
        let (&version, rest) = bytes.split_first()?;
        let (key, rest) = rest.split_first_chunk::<4>()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let (generation, rest) = rest.split_first_chunk::<4>()?;
        let mac: [u8; MAC_BYTES] = rest.try_into().ok()?;
        (version == VERSION).then(|| Self {
            key: u32::from_be_bytes(*key),
            session: SessionId::from_bytes(*session),
            generation: u32::from_be_bytes(*generation),
            mac: Secret::new(mac),
        })
    }
}

impl KeyRing {
    /// Makes the token of one generation of a session: the same one whenever asked.
    ///
    /// # Errors
    /// [`CryptoError::NoKey`] if the session's key is gone.
    pub fn refresh_token(
        &self,
        session: &Session,
        generation: u32,
    ) -> Result<Secret<String>, CryptoError> {
        let key = self
            .refresh(session.refresh_key)
            .ok_or(CryptoError::NoKey { purpose: "refresh" })?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(TOKEN_BYTES));
        bytes.push(VERSION);
        bytes.extend_from_slice(&session.refresh_key.to_be_bytes());
        bytes.extend_from_slice(session.id.as_bytes());
        bytes.extend_from_slice(&generation.to_be_bytes());
        bytes.extend_from_slice(session_mac(key, session, generation).as_ref());
        let body = Zeroizing::new(BASE64URL_NOPAD.encode(&bytes));
        Ok(Secret::new(format!("{PREFIX}{}", body.as_str())))
    }

    /// Whether a presented token was made here for this session and the generation it names.
    pub fn refresh_matches(&self, token: &RefreshToken, session: &Session) -> bool {
        if token.session != session.id || token.key != session.refresh_key {
            return false;
        }
        self.refresh(token.key).is_some_and(|key| {
            session_mac(key, session, token.generation)
                .ct_eq(token.mac.expose())
                .into()
        })
    }
}

fn session_mac(key: &hmac::Key, session: &Session, generation: u32) -> Zeroizing<[u8; MAC_BYTES]> {
    Zeroizing::new(keyed(
        key,
        "refresh token",
        &[
            &session.refresh_key.to_be_bytes(),
            session.tenant_id.as_bytes(),
            session.id.as_bytes(),
            &generation.to_be_bytes(),
            &session.salt,
        ],
    ))
}

#[cfg(test)]
mod tests {
    use super::super::random::SeededRandom;
    use super::super::wrap::WrapKey;
    use super::*;
    use common::id::{TenantId, UserId};
    use common::time::Time;
    use proptest::prelude::*;

    fn ring(seed: u64) -> KeyRing {
        let random = SeededRandom::new(seed);
        let wrap = WrapKey::generate(&random).unwrap();
        let keys = KeyRing::first_keys(
            &random,
            Time::default(),
            &wrap,
            domain::key::SigningAlgorithm::EdDsa,
        )
        .unwrap();
        KeyRing::open(&keys, &wrap).unwrap()
    }

    fn session(id: u8) -> Session {
        Session {
            id: SessionId::from_bytes([id; 16]),
            tenant_id: TenantId::from_bytes([2; 16]),
            user_id: UserId::from_bytes([3; 16]),
            device: None,
            ip: None,
            auth_time: Time::default(),
            created_at: Time::default(),
            last_active_at: Time::default(),
            generation: 4,
            rotated_at: Time::default(),
            salt: [5; 16],
            refresh_key: 1,
            ended: None,
        }
    }

    fn token(session: &Session, generation: u32) -> String {
        let token = ring(1).refresh_token(session, generation).unwrap();
        token.expose().clone()
    }

    fn accepted(text: &str, session: &Session) -> bool {
        RefreshToken::parse(text).is_some_and(|token| ring(1).refresh_matches(&token, session))
    }

    #[test]
    fn a23_a_token_names_its_session_and_generation_and_is_made_the_same_twice() {
        let text = token(&session(1), 4);
        assert_eq!(text, token(&session(1), 4));
        assert_ne!(text, token(&session(1), 5));
        assert_eq!(text.len(), 9 + 76);
        let parsed = RefreshToken::parse(&text).unwrap();
        assert_eq!(
            (parsed.session, parsed.generation, parsed.key),
            (session(1).id, 4, 1)
        );
        assert!(accepted(&text, &session(1)));
        assert!(!format!("{parsed:?}").contains(&text[60..]));
    }

    #[test]
    fn a73_a_token_is_worthless_for_another_session_tenant_salt_or_key() {
        let text = token(&session(1), 4);
        assert!(!accepted(&text, &session(9)));
        let mut other = session(1);
        other.tenant_id = TenantId::from_bytes([8; 16]);
        assert!(!accepted(&text, &other));
        let mut other = session(1);
        other.salt = [6; 16];
        assert!(!accepted(&text, &other));
        let mut other = session(1);
        other.refresh_key = 2;
        assert!(!accepted(&text, &other));
        assert!(ring(1).refresh_token(&other, 4).is_err());
        let parsed = RefreshToken::parse(&text).unwrap();
        assert!(!ring(2).refresh_matches(&parsed, &session(1)));
    }

    #[test]
    fn a73_with_another_id_or_generation_written_in_the_mac_fails() {
        let text = token(&session(1), 4);
        let mut bytes = BASE64URL_NOPAD.decode(&text.as_bytes()[9..]).unwrap();
        bytes[24] = 5;
        let forged = format!("authd_rt_{}", BASE64URL_NOPAD.encode(&bytes));
        let parsed = RefreshToken::parse(&forged).unwrap();
        assert_eq!(parsed.generation, 5);
        assert!(!ring(1).refresh_matches(&parsed, &session(1)));
        bytes[24] = 4;
        bytes[5..21].copy_from_slice(&[9; 16]);
        let forged = format!("authd_rt_{}", BASE64URL_NOPAD.encode(&bytes));
        assert!(!accepted(&forged, &session(9)));
    }

    #[test]
    fn v7_no_changed_bit_is_accepted() {
        let text = token(&session(1), 4);
        let bytes = BASE64URL_NOPAD.decode(&text.as_bytes()[9..]).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = format!("authd_rt_{}", BASE64URL_NOPAD.encode(&changed));
            assert!(!accepted(&changed, &session(1)), "bit {bit}");
        }
    }

    #[test]
    fn a28_only_one_spelling_is_read() {
        let text = token(&session(1), 4);
        for end in 0..text.len() {
            assert!(RefreshToken::parse(&text[..end]).is_none(), "{end}");
        }
        let body = &text[9..];
        for other in [
            format!("{text}A"),
            format!("{text}AAAA"),
            format!("{text}="),
            format!("{text}\n"),
            format!(" {text}"),
            format!("authd_ds_{body}"),
            format!("authd_rt-{body}"),
            format!("AUTHD_RT_{body}"),
            body.to_owned(),
            format!("authd_rt_{}", "+".repeat(76)),
            format!("authd_rt_{}", "é".repeat(38)),
            format!("authd_rt_Ag{}", &body[2..]),
        ] {
            assert!(RefreshToken::parse(&other).is_none(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a60_no_text_makes_the_reader_panic(text in "(authd_rt_)?[ -~é]{0,90}") {
            if let Some(token) = RefreshToken::parse(&text) {
                prop_assert!(!ring(1).refresh_matches(&token, &session(1)));
            }
        }

        #[test]
        fn what_is_read_has_the_form_that_is_written(body in "[A-Za-z0-9_-]{76}") {
            let text = format!("authd_rt_AQ{}", &body[2..]);
            let bytes = BASE64URL_NOPAD.decode(&text.as_bytes()[9..]).unwrap();
            if let Some(token) = RefreshToken::parse(&text) {
                prop_assert_eq!(&bytes[1..5], token.key.to_be_bytes());
                prop_assert_eq!(&bytes[5..21], token.session.as_bytes());
            }
        }
    }
}
