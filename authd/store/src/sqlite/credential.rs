//! Passwords of one tenant's users; every write is a compare-and-swap on the version.

use common::id::UserId;
use common::secret::Secret;
use domain::user::{Credential, CredentialKind};
use rusqlite::params;

use super::row::{Columns, integer};
use super::tx::TenantTx;
use crate::error::StoreError;
use crate::resource::{CredentialWrite, Credentials, CredentialsRead, TenantWrite};

fn read(columns: &mut Columns<'_, '_>) -> Result<Credential, StoreError> {
    let user_id = columns.id("credentials.user_id")?;
    let hash = Secret::new(columns.take::<String>("credentials.hash")?);
    let version = columns.parse("credentials.version", |version: i64| {
        u64::try_from(version).ok()
    })?;
    let expires_at = columns.time_optional("credentials.expires_at")?;
    let logins_left: Option<u32> = columns.take("credentials.logins_left")?;
    let kind = match (expires_at, logins_left) {
        (None, None) => CredentialKind::Own,
        (Some(expires_at), Some(logins_left)) => CredentialKind::Temporary {
            expires_at,
            logins_left,
        },
        _ => {
            return Err(StoreError::Damaged {
                what: "credentials.logins_left",
            });
        }
    };
    Ok(Credential {
        user_id,
        hash,
        version,
        kind,
        changed_at: columns.time("credentials.changed_at")?,
    })
}

pub(super) const OF: &str = "SELECT user_id, hash, version, expires_at, logins_left, changed_at \
    FROM credentials WHERE tenant_id = ?1 AND user_id = ?2";

impl CredentialsRead for TenantTx<'_> {
    fn of(&self, user: UserId) -> Result<Option<Credential>, StoreError> {
        let keys = params![self.id.as_bytes(), user.as_bytes()];
        self.tx.one("credentials.of", OF, keys, read)
    }
}

/// The PHC string up to its salt: `$argon2id$v=19$m=…,t=…,p=…`.
fn scheme(hash: &str) -> &str {
    hash.rsplitn(3, '$')
        .nth(2)
        .filter(|scheme| !scheme.is_empty())
        .unwrap_or("unknown")
}

/// The two columns that tell the kinds apart.
fn kind(kind: CredentialKind) -> (Option<i64>, Option<u32>) {
    match kind {
        CredentialKind::Own => (None, None),
        CredentialKind::Temporary {
            expires_at,
            logins_left,
        } => (Some(expires_at.millis()), Some(logins_left)),
    }
}

impl Credentials for TenantTx<'_> {
    fn set(&self, credential: &CredentialWrite, expected: u64) -> Result<bool, StoreError> {
        let expected = integer(expected, "credentials.version")?;
        let changed = if expected == 0 {
            insert(self, credential)?
        } else {
            update(self, credential, expected)?
        };
        if changed > 0 {
            self.mailed_tokens_mut().delete_of(credential.user_id)?;
        }
        Ok(changed > 0)
    }

    fn rehash(
        &self,
        user: UserId,
        hash: &Secret<String>,
        version: u64,
    ) -> Result<bool, StoreError> {
        let hash = hash.expose();
        self.tx
            .run(
                "credentials.rehash",
                "UPDATE credentials SET hash = ?4, scheme = ?5 \
                 WHERE tenant_id = ?1 AND user_id = ?2 AND version = ?3",
                params![
                    self.id.as_bytes(),
                    user.as_bytes(),
                    integer(version, "credentials.version")?,
                    hash,
                    scheme(hash),
                ],
            )
            .map(|changed| changed > 0)
    }

    fn outdate(&self, user: UserId) -> Result<(), StoreError> {
        self.tx
            .run(
                "credentials.outdate",
                "UPDATE credentials SET version = version + 1 \
                 WHERE tenant_id = ?1 AND user_id = ?2",
                params![self.id.as_bytes(), user.as_bytes()],
            )
            .map(drop)
    }

    fn use_temporary(&self, user: UserId) -> Result<(), StoreError> {
        self.tx
            .run(
                "credentials.use_temporary",
                "UPDATE credentials SET logins_left = logins_left - 1 \
                 WHERE tenant_id = ?1 AND user_id = ?2 AND logins_left > 0",
                params![self.id.as_bytes(), user.as_bytes()],
            )
            .map(drop)
    }
}

fn insert(scope: &TenantTx<'_>, credential: &CredentialWrite) -> Result<usize, StoreError> {
    let hash = credential.hash.expose();
    let (expires_at, logins_left) = kind(credential.kind);
    scope.tx.run(
        "credentials.insert",
        "INSERT INTO credentials (user_id, tenant_id, hash, scheme, version, expires_at, \
         logins_left, changed_at) SELECT id, tenant_id, ?3, ?4, 1, ?5, ?6, ?7 FROM users \
         WHERE tenant_id = ?1 AND id = ?2 ON CONFLICT (user_id) DO NOTHING",
        params![
            scope.id.as_bytes(),
            credential.user_id.as_bytes(),
            hash,
            scheme(hash),
            expires_at,
            logins_left,
            credential.changed_at.millis(),
        ],
    )
}

fn update(
    scope: &TenantTx<'_>,
    credential: &CredentialWrite,
    expected: i64,
) -> Result<usize, StoreError> {
    let hash = credential.hash.expose();
    let (expires_at, logins_left) = kind(credential.kind);
    scope.tx.run(
        "credentials.update",
        "UPDATE credentials SET hash = ?4, scheme = ?5, version = version + 1, expires_at = ?6, \
         logins_left = ?7, changed_at = ?8 \
         WHERE tenant_id = ?1 AND user_id = ?2 AND version = ?3",
        params![
            scope.id.as_bytes(),
            credential.user_id.as_bytes(),
            expected,
            hash,
            scheme(hash),
            expires_at,
            logins_left,
            credential.changed_at.millis(),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_what_stands_before_the_salt() {
        assert_eq!(
            scheme("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"),
            "$argon2id$v=19$m=19456,t=2,p=1"
        );
        assert_eq!(scheme("no phc"), "unknown");
    }
}
