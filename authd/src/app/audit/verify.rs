//! Checking the chains: a change, a gap or a swap shows at the row where it is; a tail that was cut
//! shows against the heads that the journal kept. Rows whose key is lost are told apart. Chains are read in parts, none holds a reader long.

use std::sync::Arc;

use common::call::audit::{Mark, Verify};
use common::id::TenantId;
use common::view::{AuditChainView, AuditMarkView, Page};
use data_encoding::HEXLOWER;
use domain::audit::{AuditRow, digest_input, mac_input};
use domain::tenant::{SYSTEM, Tenant};
use store::{ReadTx, StoreError, TenantFilter, TenantRow, TenantScope};
use subtle::ConstantTimeEq;

use super::beginning::{self, Content};
use crate::app::cursor::Place;
use crate::app::{App, Error, Operator, names};
use crate::crypto::{self, KeyRing};

/// Rows that are read at once.
const PART: u32 = 500;
/// Rows after which a page ends early, so that no call runs into its deadline.
const ROWS_OF_A_PAGE: u64 = 100_000;

/// Checks the chains of tenants by slug; behind the last, those of tenants that are gone and the
/// installation's own.
///
/// # Errors
/// `not_found` for the tenant, those of the page.
pub async fn verify(
    app: &Arc<App>,
    _operator: &Operator,
    request: Verify,
) -> Result<Page<AuditChainView>, Error> {
    let place = Arc::new(Place::of(&app.keys, &request, &request.paging())?);
    if let Some(name) = request.tenant {
        let tenant = app
            .store
            .read(move |tx| names::former_tenant(tx, &name))
            .await?;
        let chain = chain(app, Some(tenant.id), Some(tenant.slug.to_string())).await?;
        return Ok(place.page(vec![chain], None));
    }
    let (tenants, next) = tenants(app, &place).await?;
    let mut chains = Vec::new();
    let mut rows = 0_u64;
    for tenant in &tenants {
        let checked = chain(app, Some(tenant.id), Some(tenant.slug.to_string())).await?;
        rows = rows.saturating_add(checked.entries);
        chains.push(checked);
        if rows >= ROWS_OF_A_PAGE && chains.len() < tenants.len() {
            return Ok(place.page(chains, Some(tenant.slug.as_str())));
        }
    }
    if next.is_none() {
        for id in without_tenant(app).await? {
            chains.push(chain(app, id, id.map(|id| id.to_string())).await?);
        }
    }
    Ok(place.page(chains, next.as_deref()))
}

/// Tells the HMAC of one row.
///
/// # Errors
/// `not_found` for the tenant.
pub async fn mark(
    app: &Arc<App>,
    _operator: &Operator,
    request: Mark,
) -> Result<AuditMarkView, Error> {
    let number = request.number;
    app.store
        .read(move |tx| {
            let chain = match request.tenant.as_deref().map(str::parse::<TenantId>) {
                // The chain of a tenant that is gone has its id alone.
                Some(Ok(id)) => Some(id),
                _ => match request.tenant.as_deref() {
                    Some(name) => Some(names::former_tenant(tx, name)?.id),
                    None => None,
                },
            };
            let rows = tx.audit().rows(chain, number, 1)?;
            let row = rows.first().filter(|row| row.number == number);
            Ok(AuditMarkView {
                number,
                head: row.map(|row| HEXLOWER.encode(&row.mac)),
            })
        })
        .await
}

async fn tenants(app: &App, place: &Arc<Place>) -> Result<(Vec<Tenant>, Option<String>), Error> {
    let place = Arc::clone(place);
    let ever = TenantFilter {
        scope: TenantScope::All,
        ..TenantFilter::default()
    };
    app.store
        .read(move |tx| {
            let (rows, next) = place.collect(
                |row: &TenantRow| row.tenant.slug.to_string(),
                |_| true,
                |page| tx.operator().tenants(&ever, page),
            )?;
            Ok((rows.into_iter().map(|row| row.tenant).collect(), next))
        })
        .await
}

/// Chains that no tenant's row stands for.
async fn without_tenant(app: &App) -> Result<Vec<Option<TenantId>>, Error> {
    app.store
        .read(move |tx| {
            let mut chains = Vec::new();
            for chain in tx.audit().chains()? {
                match chain {
                    Some(id) if tx.tenants().ever_by_id(id)?.is_some() => {}
                    _ => chains.push(chain),
                }
            }
            Ok(chains)
        })
        .await
}

/// Where a chain stood when the first row was met that the keys at hand do not prove.
#[derive(Clone, Copy)]
struct Doubt {
    entries: u64,
    head: [u8; 32],
    erased: u64,
}

/// What is known of a chain so far.
#[derive(Default)]
struct Walk {
    entries: u64,
    head: [u8; 32],
    erased: u64,
    /// Rows that a later one vouches for, whose own key is lost.
    unproven: u64,
    /// Set while it is open whether a later row vouches for what was read.
    doubt: Option<Doubt>,
    /// Whether a row was proven by the keys at hand.
    is_proven: bool,
    content: Content,
}

impl Walk {
    fn next(&self) -> u64 {
        self.entries.saturating_add(1)
    }

    /// Takes the next row, if it is one that belongs there.
    fn take(&mut self, keys: &KeyRing, row: &AuditRow) -> bool {
        // An erased row lost its payload and salt; its digest stays in the chain.
        let erased = row.entry.payload.is_null();
        let digest = crypto::sha256(&digest_input(&row.entry));
        let covered = mac_input(&row.entry, row.number, &row.previous, &row.digest);
        let is_sealed: bool = keys.seal(&covered).ct_eq(&row.mac).into();
        let follows = row.number == self.next() && row.previous == self.head;
        if !follows || !(erased || digest == row.digest) || !self.judge(is_sealed, row) {
            return false;
        }
        if !self.is_proven {
            self.content.add(row);
        }
        self.entries = row.number;
        self.head = row.mac;
        self.erased = self.erased.saturating_add(u64::from(erased));
        true
    }

    /// A row that the keys at hand do not prove may stand at the beginning alone, and only if the
    /// first that they prove vouches for all before it.
    fn judge(&mut self, is_sealed: bool, row: &AuditRow) -> bool {
        if !is_sealed {
            let now = Doubt {
                entries: self.entries,
                head: self.head,
                erased: self.erased,
            };
            self.doubt.get_or_insert(now);
            return !self.is_proven;
        }
        self.is_proven = true;
        if self.doubt.is_none() {
            return true;
        }
        if beginning::vouches(row, &self.content) {
            self.doubt = None;
            self.unproven = self.entries;
            return true;
        }
        false
    }

    const fn is_whole(&self) -> bool {
        self.doubt.is_none()
    }

    /// Number of the first row that is not what it was, once one is not.
    fn first_bad(&self) -> u64 {
        let good = self.doubt.map_or(self.entries, |doubt| doubt.entries);
        good.saturating_add(1)
    }

    fn view(self, tenant: Option<String>, is_whole: bool) -> AuditChainView {
        let first_bad = (!is_whole).then(|| self.first_bad());
        let (entries, head, erased) = match self.doubt {
            Some(doubt) => (doubt.entries, doubt.head, doubt.erased),
            None => (self.entries, self.head, self.erased),
        };
        AuditChainView {
            tenant,
            entries,
            ok: is_whole,
            head: (entries > 0).then(|| HEXLOWER.encode(&head)),
            first_bad,
            erased,
            unproven: self.unproven,
        }
    }
}

/// The chains of a copy that are not whole, a line each; in one go, for a file that nobody waits for.
///
/// # Errors
/// Those of the store.
pub fn broken_chains(tx: &dyn ReadTx, keys: &KeyRing) -> Result<Vec<String>, StoreError> {
    let mut broken = Vec::new();
    for chain in tx.audit().chains()? {
        if let Some(bad) = first_bad(tx, keys, chain)? {
            let name = chain.map_or_else(|| "the installation".to_owned(), |id| id.to_string());
            broken.push(format!("the audit chain of {name} is broken at {bad}"));
        }
    }
    Ok(broken)
}

fn first_bad(
    tx: &dyn ReadTx,
    keys: &KeyRing,
    chain: Option<TenantId>,
) -> Result<Option<u64>, StoreError> {
    let mut walk = Walk::default();
    loop {
        let rows = tx.audit().rows(chain, walk.next(), PART)?;
        if !rows.iter().all(|row| walk.take(keys, row)) {
            return Ok(Some(walk.first_bad()));
        }
        if rows.len() < usize::try_from(PART).unwrap_or(usize::MAX) {
            return Ok((!walk.is_whole()).then(|| walk.first_bad()));
        }
    }
}

/// Walks one chain from its beginning. Every tenant's begins with its own making, so an empty one
/// was emptied; `system` was made by nobody.
async fn chain(
    app: &App,
    chain: Option<TenantId>,
    name: Option<String>,
) -> Result<AuditChainView, Error> {
    let mut walk = Walk::default();
    let mut limit = PART;
    loop {
        let from = walk.next();
        let part: Result<Vec<AuditRow>, StoreError> = app
            .store
            .read(move |tx| tx.audit().rows(chain, from, limit))
            .await;
        let rows = match part {
            Ok(rows) => rows,
            // A row that cannot even be read is found by reading one at a time.
            Err(StoreError::Damaged { .. }) if limit > 1 => {
                limit = 1;
                continue;
            }
            Err(StoreError::Damaged { .. }) => return Ok(walk.view(name, false)),
            Err(error) => return Err(error.into()),
        };
        for row in &rows {
            if !walk.take(&app.keys, row) {
                return Ok(walk.view(name, false));
            }
        }
        if rows.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
            let may_be_empty = chain.is_none() || name.as_deref() == Some(SYSTEM);
            let is_whole = walk.is_whole() && (may_be_empty || walk.entries > 0);
            return Ok(walk.view(name, is_whole));
        }
    }
}
