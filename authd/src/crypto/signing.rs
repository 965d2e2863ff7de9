//! One key that signs tokens, bound to one algorithm. Its public half always comes out of the
//! private one, never from elsewhere (RUSTSEC-2022-0093).

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use common::secret::Secret;
use data_encoding::BASE64URL_NOPAD;
use domain::key::{KeyState, SigningAlgorithm, StoredKey};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;
use zeroize::Zeroizing;

use super::error::CryptoError;
use super::random::Random;

/// 128 bits of security (SP 800-57 part 1, table 2), as the other two algorithms have.
const RSA_SIZE: KeySize = KeySize::Rsa3072;
/// Least modulus of a key that was brought from elsewhere, in bytes (RFC 7518 3.3).
const RSA_LEAST_BYTES: usize = 256;
/// What stands before the RSA key itself in PKCS#8, with its two lengths left out.
const PKCS8_RSA: &[u8] = &[
    0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
    0x05, 0x00, 0x04, 0x82,
];

/// A private key as PKCS#8 version 1, and its public half as DER.
pub(super) type Halves = (Secret<Vec<u8>>, Vec<u8>);

/// Draws a key. An RSA key takes a tenth of a second and more.
pub(super) fn generate(
    random: &dyn Random,
    algorithm: SigningAlgorithm,
) -> Result<Halves, CryptoError> {
    let private = match algorithm {
        SigningAlgorithm::EdDsa => ed25519(random)?,
        SigningAlgorithm::Es256 => drawn(
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .and_then(|pair| pair.to_pkcs8v1())
                .map(|document| document.as_ref().to_vec()),
        )?,
        SigningAlgorithm::Rs256 => drawn(
            RsaKeyPair::generate(RSA_SIZE)
                .and_then(|pair| AsDer::<Pkcs8V1Der<'_>>::as_der(&pair))
                .map(|der| der.as_ref().to_vec()),
        )?,
    };
    let public = public_der(algorithm, private.expose())
        .ok_or(CryptoError::failed("making a signing key"))?;
    Ok((private, public))
}

/// Version 1, the one form that jsonwebtoken makes a JWK of.
fn ed25519(random: &dyn Random) -> Result<Secret<Vec<u8>>, CryptoError> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    random.fill(seed.as_mut())?;
    // Unchecked: there is no public half yet that it could be checked against.
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref())
        .map_err(|_| CryptoError::failed("making a signing key"))?;
    drawn(pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()))
}

fn drawn<E>(document: Result<Vec<u8>, E>) -> Result<Secret<Vec<u8>>, CryptoError> {
    document
        .map(Secret::new)
        .map_err(|_| CryptoError::failed("making a signing key"))
}

/// Finds out what a PKCS#8 key from elsewhere is, and brings it into our form.
pub(super) fn recognise(
    private: Secret<Vec<u8>>,
) -> Result<(SigningAlgorithm, Halves), CryptoError> {
    for algorithm in SigningAlgorithm::ALL {
        let Some(public) = public_der(algorithm, private.expose()) else {
            continue;
        };
        let ours = match algorithm {
            // Version 2 carries the public half, which jsonwebtoken does not read.
            SigningAlgorithm::EdDsa => drawn(
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(private.expose())
                    .ok()
                    .and_then(|pair| pair.to_pkcs8v1().ok())
                    .map(|document| document.as_ref().to_vec())
                    .ok_or(()),
            )?,
            SigningAlgorithm::Es256 => private,
            SigningAlgorithm::Rs256 if pkcs1(private.expose()).is_some() => private,
            SigningAlgorithm::Rs256 => return Err(CryptoError::Foreign),
        };
        return Ok((algorithm, (ours, public)));
    }
    Err(CryptoError::Foreign)
}

/// The public half of a PKCS#8 key of this algorithm; none if it is not one, or too weak.
pub(super) fn public_der(algorithm: SigningAlgorithm, private: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        SigningAlgorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(private).ok()?;
            encoded(pair.public_key())
        }
        SigningAlgorithm::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private).ok()?;
            encoded(pair.public_key())
        }
        SigningAlgorithm::Rs256 => {
            let pair = RsaKeyPair::from_pkcs8(private).ok()?;
            (pair.public_modulus_len() >= RSA_LEAST_BYTES)
                .then(|| encoded(pair.public_key()))
                .flatten()
        }
    }
}

fn encoded<'a, K: AsDer<PublicKeyX509Der<'a>>>(public: &K) -> Option<Vec<u8>> {
    public.as_der().ok().map(|der| der.as_ref().to_vec())
}

/// The PKCS#1 key within a PKCS#8 one, which is what jsonwebtoken signs with. The header has one
/// form for keys of 256 to 65535 bytes.
fn pkcs1(private: &[u8]) -> Option<&[u8]> {
    let (lengths, rest) = private.split_at_checked(4)?;
    let rest = rest.strip_prefix(PKCS8_RSA)?;
    let (_, inner) = rest.split_at_checked(2)?;
    (lengths.starts_with(&[0x30, 0x82]) && RsaKeyPair::from_der(inner).is_ok()).then_some(inner)
}

/// A private half, ready to sign.
enum Private {
    /// Opened once: to open it costs as much as to sign with it, because its public half is computed.
    EdDsa(Ed25519KeyPair),
    /// Opened for every signature, which costs little beside the signature itself.
    Other(EncodingKey),
}

/// An opened signing key.
pub(super) struct SigningKey {
    kid: String,
    name: &'static str,
    algorithm: Algorithm,
    state: KeyState,
    number: u32,
    private: Private,
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
        let signs = SigningAlgorithm::from_name(&stored.algorithm)
            .ok_or(refused("its algorithm is unknown"))?;
        let public = public_der(signs, private.expose())
            .ok_or(refused("its private half is damaged, or too weak"))?;
        if public != stored.public {
            return Err(refused("its public half belongs to another key"));
        }
        let (algorithm, encoding) = match signs {
            SigningAlgorithm::EdDsa => {
                (Algorithm::EdDSA, EncodingKey::from_ed_der(private.expose()))
            }
            SigningAlgorithm::Es256 => {
                (Algorithm::ES256, EncodingKey::from_ec_der(private.expose()))
            }
            SigningAlgorithm::Rs256 => {
                let inner = pkcs1(private.expose())
                    .ok_or(refused("its private half has an unknown form"))?;
                (Algorithm::RS256, EncodingKey::from_rsa_der(inner))
            }
        };
        let kid = stored.id.to_string();
        let mut jwk = Jwk::from_encoding_key(&encoding, algorithm)
            .map_err(|_| refused("it has no form as a JWK"))?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let public = DecodingKey::from_jwk(&jwk).map_err(|_| refused("it has no public half"))?;
        let private = match signs {
            SigningAlgorithm::EdDsa => Private::EdDsa(
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(private.expose())
                    .map_err(|_| refused("its private half is damaged"))?,
            ),
            SigningAlgorithm::Es256 | SigningAlgorithm::Rs256 => Private::Other(encoding),
        };
        Ok(Self {
            kid,
            name: signs.as_str(),
            algorithm,
            state: stored.state,
            number: stored.number,
            private,
            public,
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
        let refused = || CryptoError::failed("signing a token");
        match &self.private {
            Private::EdDsa(pair) => {
                let header = serde_json::to_vec(&header).map_err(|_| refused())?;
                let claims = serde_json::to_vec(claims).map_err(|_| refused())?;
                Ok(compact(&header, &claims, |message| pair.sign(message)))
            }
            Private::Other(key) => {
                jsonwebtoken::encode(&header, claims, key).map_err(|_| refused())
            }
        }
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
        let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let message = format!("{}.{}", encode(header.as_bytes()), encode(claims));
        let signature = match &self.private {
            Private::EdDsa(pair) => encode(pair.sign(message.as_bytes()).as_ref()),
            Private::Other(key) => {
                jsonwebtoken::crypto::sign(message.as_bytes(), key, self.algorithm).unwrap()
            }
        };
        format!("{message}.{signature}")
    }
}

/// The compact form (RFC 7515 3.1) of a header and claims, and the signature over both.
fn compact<S: AsRef<[u8]>>(header: &[u8], claims: &[u8], sign: impl FnOnce(&[u8]) -> S) -> String {
    let mut token = String::with_capacity(header.len() + claims.len() + claims.len() / 2 + 160);
    BASE64URL_NOPAD.encode_append(header, &mut token);
    token.push('.');
    BASE64URL_NOPAD.encode_append(claims, &mut token);
    let signature = sign(token.as_bytes());
    token.push('.');
    BASE64URL_NOPAD.encode_append(signature.as_ref(), &mut token);
    token
}
