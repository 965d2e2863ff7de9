//! The heads of the chains in the log, hourly and at the end: whoever cuts a chain's tail would have
//! to change the journal too. The form of the line is that which `authctl audit verify` reads.

use std::collections::HashMap;

use common::id::TenantId;
use data_encoding::HEXLOWER;
use domain::audit::AuditHead;
use store::StoreError;

use crate::app::{App, Error};

/// The chain's name in the log where it is the installation's own; no slug begins with a hyphen.
const INSTALLATION: &str = "-";

/// What was logged of each chain.
#[derive(Debug, Default)]
pub struct LoggedHeads {
    numbers: HashMap<Option<TenantId>, u64>,
}

/// Logs the head of every chain that has grown since it was last logged.
///
/// # Errors
/// `unavailable`; the next round says what this one did not.
pub async fn log_heads(app: &App, logged: &mut LoggedHeads) -> Result<usize, Error> {
    let heads = app.store.read(|tx| heads(tx)).await?;
    let mut lines = 0_usize;
    for (chain, name, head) in heads {
        if logged.numbers.insert(chain, head.number) == Some(head.number) {
            continue;
        }
        lines = lines.saturating_add(1);
        tracing::info!(event = "audit.head", "{}", line(&name, &head));
    }
    Ok(lines)
}

type Named = (Option<TenantId>, String, AuditHead);

fn heads(tx: &dyn store::ReadTx) -> Result<Vec<Named>, StoreError> {
    let mut heads = Vec::new();
    for chain in tx.audit().chains()? {
        let name = match chain {
            None => INSTALLATION.to_owned(),
            Some(id) => match tx.tenants().ever_by_id(id)? {
                Some(row) => row.tenant.slug.to_string(),
                None => id.to_string(),
            },
        };
        heads.push((chain, name, tx.audit().head(chain)?));
    }
    Ok(heads)
}

fn line(name: &str, head: &AuditHead) -> String {
    format!(
        "audit head tenant={name} number={} head={}",
        head.number,
        HEXLOWER.encode(&head.mac)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a93_the_line_is_as_promised() {
        let head = AuditHead {
            number: 7,
            mac: [0xab; 32],
        };
        assert_eq!(
            line("acme", &head),
            format!("audit head tenant=acme number=7 head={}", "ab".repeat(32))
        );
    }
}
