//! One key that signs tokens, bound to one algorithm. Its public half always comes out of the
//! private one, never from elsewhere (RUSTSEC-2022-0093).

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use common::secret::Secret;
use domain::key::{KeyState, StoredKey};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;
use zeroize::Zeroizing;

use super::error::CryptoError;
use super::random::Random;

/// The algorithm's name in tokens and in the database.
pub(super) const EDDSA: &str = "EdDSA";

/// Draws an Ed25519 key: PKCS#8 version 1, the one form that jsonwebtoken makes a JWK of, and the
/// public half as DER.
pub(super) fn generate(random: &dyn Random) -> Result<(Secret<Vec<u8>>, Vec<u8>), CryptoError> {
    let failed = CryptoError::failed("making a signing key");
    let mut seed = Zeroizing::new([0_u8; 32]);
    random.fill(seed.as_mut())?;
    // Unchecked: there is no public half yet that it could be checked against.
    let Ok(pair) = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()) else {
        return Err(failed);
    };
    let Ok(document) = pair.to_pkcs8v1() else {
        return Err(failed);
    };
    Ok((Secret::new(document.as_ref().to_vec()), public_der(&pair)?))
}

fn public_der(pair: &Ed25519KeyPair) -> Result<Vec<u8>, CryptoError> {
    AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())
        .map(|der| der.as_ref().to_vec())
        .map_err(|_| CryptoError::failed("encoding a public key"))
}

/// An opened signing key.
pub(super) struct SigningKey {
    kid: String,
    name: &'static str,
    algorithm: Algorithm,
    state: KeyState,
    number: u32,
    private: EncodingKey,
    public: DecodingKey,
    jwk: serde_json::Value,
}

impl SigningKey {
    /// Opens a stored key whose private half has been unwrapped.
    pub(super) fn open(stored: &StoredKey, private: &Secret<Vec<u8>>) -> Result<Self, CryptoError> {
        let refused = |reason| CryptoError::Key {
            id: stored.id,
            reason,
        };
        if stored.algorithm != EDDSA {
            return Err(refused("its algorithm is unknown"));
        }
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(private.expose())
            .map_err(|_| refused("its private half is damaged"))?;
        if public_der(&pair)? != stored.public {
            return Err(refused("its public half belongs to another key"));
        }
        let algorithm = Algorithm::EdDSA;
        let kid = stored.id.to_string();
        let encoding = EncodingKey::from_ed_der(private.expose());
        let mut jwk = Jwk::from_encoding_key(&encoding, algorithm)
            .map_err(|_| refused("it has no form as a JWK"))?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            kid,
            name: EDDSA,
            algorithm,
            state: stored.state,
            number: stored.number,
            private: encoding,
            public: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            jwk: serde_json::to_value(jwk).map_err(|_| refused("it has no form as a JWK"))?,
        })
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn is_active(&self) -> bool {
        self.state == KeyState::Active
    }

    /// The public half as published (RFC 7517).
    pub(super) const fn jwk(&self) -> &serde_json::Value {
        &self.jwk
    }

    /// Signs claims; `typ` says what the token is.
    pub(super) fn sign<C: Serialize>(&self, typ: &str, claims: &C) -> Result<String, CryptoError> {
        let mut header = Header::new(self.algorithm);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.private)
            .map_err(|_| CryptoError::failed("signing a token"))
    }

    /// Whether `signature` (base64url) over `message` is this key's, by its own algorithm, which
    /// the token must name.
    pub(super) fn verifies(&self, algorithm: &str, message: &[u8], signature: &str) -> bool {
        algorithm == self.name
            && jsonwebtoken::crypto::verify(signature, message, &self.public, self.algorithm)
                .unwrap_or(false)
    }

    /// Signs any header and claims, for tests of the other side.
    #[cfg(test)]
    pub(super) fn sign_raw(&self, header: &str, claims: &[u8]) -> String {
        let encode = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
        let message = format!("{}.{}", encode(header.as_bytes()), encode(claims));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.private, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }
}
