//! A transaction on one connection: runs statements, names what failed, collects what to forget.
//! The statements themselves stand beside their resources.

use std::cell::{Cell, RefCell};

use common::id::{ClientId, SessionId, TenantId};
use common::time::Time;
use domain::client::ServiceClient;
use domain::mail::MailedToken;
use domain::picture::{Picture, PictureAddress};
use domain::registration::{PendingEmail, Registration};
use domain::session::Session;
use rusqlite::{CachedStatement, Connection, ErrorCode, Params};

use super::role::Owned;
use super::row::Columns;
use crate::error::StoreError;
use crate::resource::{
    Attempts, AttemptsRead, Audit, AuditRead, Clients, ClientsRead, Counters, CountersRead,
    Credentials, CredentialsRead, Denial, Devices, DevicesRead, EventsRead, Grants, GrantsRead,
    Housekeeping, InvalidationsRead, Keys, KeysRead, MailedTokens, Meta, MetaRead, OperatorRead,
    Outbox, OutboxRead, PageRequest, Permissions, PermissionsRead, Pictures, PicturesRead, ReadTx,
    Renewal, Roles, RolesRead, Scope, Sessions, SessionsRead, Settings, SettingsRead, TenantRead,
    TenantWrite, Tenants, TenantsRead, Users, UsersRead, WaitingRead, WaitingWrite, WriteTx,
};

/// A transaction; the thread that owns the connection begins and ends it.
pub(super) struct Tx<'c> {
    connection: &'c Connection,
    scopes: RefCell<Vec<Scope>>,
    spoiled: Cell<bool>,
    written: Cell<bool>,
}

/// A transaction, seen from one tenant.
pub(super) struct TenantTx<'t> {
    pub(super) tx: &'t Tx<'t>,
    pub(super) id: TenantId,
}

impl TenantTx<'_> {
    fn owned(&self) -> Owned<'_> {
        Owned {
            tx: self.tx,
            owner: Some(self.id),
        }
    }
}

impl Tx<'_> {
    fn system(&self) -> Owned<'_> {
        Owned {
            tx: self,
            owner: None,
        }
    }
}

impl<'c> Tx<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            scopes: RefCell::new(Vec::new()),
            spoiled: Cell::new(false),
            written: Cell::new(false),
        }
    }

    /// Takes the scopes that were named since the last call.
    pub(super) fn take_scopes(&self) -> Vec<Scope> {
        self.scopes.take()
    }

    /// Whether a statement failed in a way that leaves nothing of the transaction to be trusted.
    pub(super) fn is_spoiled(&self) -> bool {
        self.spoiled.get() || self.connection.is_autocommit()
    }

    /// Whether there was a statement that may change rows.
    pub(super) fn has_written(&self) -> bool {
        self.written.get()
    }

    /// Reads at most one row.
    pub(super) fn one<T>(
        &self,
        operation: &'static str,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&mut Columns<'_, '_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.prepare(operation, sql)?;
        let mut rows = statement
            .query(params)
            .map_err(|error| self.failed(operation, error))?;
        match rows.next().map_err(|error| self.failed(operation, error))? {
            Some(row) => read(&mut Columns::new(row)).map(Some),
            None => Ok(None),
        }
    }

    /// Reads all rows.
    pub(super) fn all<T>(
        &self,
        operation: &'static str,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&mut Columns<'_, '_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.prepare(operation, sql)?;
        let mut rows = statement
            .query(params)
            .map_err(|error| self.failed(operation, error))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(|error| self.failed(operation, error))? {
            found.push(read(&mut Columns::new(row))?);
        }
        Ok(found)
    }

    /// Runs a statement that gives no rows; returns how many it changed.
    pub(super) fn run(
        &self,
        operation: &'static str,
        sql: &str,
        params: impl Params,
    ) -> Result<usize, StoreError> {
        self.prepare(operation, sql)?
            .execute(params)
            .map_err(|error| self.failed(operation, error))
    }

    fn prepare(
        &self,
        operation: &'static str,
        sql: &str,
    ) -> Result<CachedStatement<'_>, StoreError> {
        let statement = self
            .connection
            .prepare_cached(sql)
            .map_err(|error| self.failed(operation, error))?;
        if !statement.readonly() {
            self.written.set(true);
        }
        Ok(statement)
    }

    fn failed(&self, operation: &'static str, error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            // A broken constraint is a fault of ours, not of the disk.
            Some(
                ErrorCode::ConstraintViolation
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase,
            ) => {
                tracing::error!(operation, %error, "statement refused");
                StoreError::Damaged { what: operation }
            }
            code => {
                if matches!(
                    code,
                    Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory)
                ) {
                    self.spoiled.set(true);
                }
                unavailable(operation, error)
            }
        }
    }
}

/// The database did not take the work.
pub(super) fn unavailable(operation: &'static str, error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable {
        operation,
        source: Some(Box::new(error)),
    }
}

impl ReadTx for Tx<'_> {
    fn tenants(&self) -> &dyn TenantsRead {
        self
    }

    fn tenant(&self, id: TenantId) -> Box<dyn TenantRead + '_> {
        Box::new(TenantTx { tx: self, id })
    }

    fn system_roles(&self) -> Box<dyn RolesRead + '_> {
        Box::new(self.system())
    }

    fn system_permissions(&self) -> Box<dyn PermissionsRead + '_> {
        Box::new(self.system())
    }

    fn counters(&self) -> &dyn CountersRead {
        self
    }

    fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.session_of_any_tenant(id)
    }

    fn client(&self, id: ClientId) -> Result<Option<ServiceClient>, StoreError> {
        self.client_of_any_tenant(id)
    }

    fn events(&self) -> &dyn EventsRead {
        self
    }

    fn invalidations(&self) -> &dyn InvalidationsRead {
        self
    }

    fn operator(&self) -> &dyn OperatorRead {
        self
    }

    fn keys(&self) -> &dyn KeysRead {
        self
    }

    fn meta(&self) -> &dyn MetaRead {
        self
    }

    fn audit(&self) -> &dyn AuditRead {
        self
    }

    fn outbox(&self) -> &dyn OutboxRead {
        self
    }

    fn mailed_token(&self, hash: &[u8; 32]) -> Result<Option<(TenantId, MailedToken)>, StoreError> {
        self.token_by_hash(hash)
    }

    fn picture(&self, address: PictureAddress) -> Result<Option<Picture>, StoreError> {
        self.picture_at(address)
    }

    fn registration(&self, token: &[u8; 32]) -> Result<Option<Registration>, StoreError> {
        self.registration_of_token(token)
    }

    fn pending_email(
        &self,
        token: &[u8; 32],
    ) -> Result<Option<(TenantId, PendingEmail)>, StoreError> {
        self.email_of_token(token)
    }

    fn is_denied(&self, jti: &str) -> Result<bool, StoreError> {
        self.is_token_denied(jti)
    }

    fn denial(&self, jti: &str) -> Result<Option<Denial>, StoreError> {
        self.denial_of(jti)
    }

    fn denials(&self, now: Time, page: &PageRequest) -> Result<Vec<(String, Denial)>, StoreError> {
        self.denied_tokens(now, page)
    }
}

impl WriteTx for Tx<'_> {
    fn tenants_mut(&self) -> &dyn Tenants {
        self
    }

    fn tenant_mut(&self, id: TenantId) -> Box<dyn TenantWrite + '_> {
        Box::new(TenantTx { tx: self, id })
    }

    fn system_roles_mut(&self) -> Box<dyn Roles + '_> {
        Box::new(self.system())
    }

    fn system_permissions_mut(&self) -> Box<dyn Permissions + '_> {
        Box::new(self.system())
    }

    fn counters_mut(&self) -> &dyn Counters {
        self
    }

    fn attempts_mut(&self) -> &dyn Attempts {
        self
    }

    fn outbox_mut(&self) -> &dyn Outbox {
        self
    }

    fn housekeeping(&self) -> &dyn Housekeeping {
        self
    }

    fn renewal(&self) -> &dyn Renewal {
        self
    }

    fn keys_mut(&self) -> &dyn Keys {
        self
    }

    fn meta_mut(&self) -> &dyn Meta {
        self
    }

    fn audit_mut(&self) -> &dyn Audit {
        self
    }

    fn deny(&self, jti: &str, denial: &Denial) -> Result<(), StoreError> {
        self.deny_token(jti, denial)
    }

    fn invalidate(&self, scope: Scope) {
        self.scopes.borrow_mut().push(scope);
    }
}

impl TenantRead for TenantTx<'_> {
    fn users(&self) -> &dyn UsersRead {
        self
    }

    fn credentials(&self) -> &dyn CredentialsRead {
        self
    }

    fn sessions(&self) -> &dyn SessionsRead {
        self
    }

    fn devices(&self) -> &dyn DevicesRead {
        self
    }

    fn pictures(&self) -> &dyn PicturesRead {
        self
    }

    fn attempts(&self) -> &dyn AttemptsRead {
        self
    }

    fn roles(&self) -> Box<dyn RolesRead + '_> {
        Box::new(self.owned())
    }

    fn permissions(&self) -> Box<dyn PermissionsRead + '_> {
        Box::new(self.owned())
    }

    fn grants(&self) -> &dyn GrantsRead {
        self
    }

    fn settings(&self) -> &dyn SettingsRead {
        self
    }

    fn waiting(&self) -> &dyn WaitingRead {
        self
    }

    fn clients(&self) -> &dyn ClientsRead {
        self
    }
}

impl TenantWrite for TenantTx<'_> {
    fn users_mut(&self) -> &dyn Users {
        self
    }

    fn credentials_mut(&self) -> &dyn Credentials {
        self
    }

    fn sessions_mut(&self) -> &dyn Sessions {
        self
    }

    fn devices_mut(&self) -> &dyn Devices {
        self
    }

    fn pictures_mut(&self) -> &dyn Pictures {
        self
    }

    fn mailed_tokens_mut(&self) -> &dyn MailedTokens {
        self
    }

    fn roles_mut(&self) -> Box<dyn Roles + '_> {
        Box::new(self.owned())
    }

    fn permissions_mut(&self) -> Box<dyn Permissions + '_> {
        Box::new(self.owned())
    }

    fn grants_mut(&self) -> &dyn Grants {
        self
    }

    fn settings_mut(&self) -> &dyn Settings {
        self
    }

    fn waiting_mut(&self) -> &dyn WaitingWrite {
        self
    }

    fn clients_mut(&self) -> &dyn Clients {
        self
    }
}
