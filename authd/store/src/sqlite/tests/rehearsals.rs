//! A rehearsed write runs like any other, in its place, and leaves nothing.

use std::sync::Arc;
use std::sync::mpsc::channel;

use super::{Heard, options};
use crate::claim::Claim;
use crate::contract::{read, tenant, tenant_id, two_tenants};
use crate::error::StoreError;
use crate::resource::Scope;
use crate::sqlite::open::{self, Engine};
use crate::unit::{CommitListener, Priority};

#[test]
fn a96_a_rehearsal_answers_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let heard = Arc::new(Heard::default());
    let listener = Arc::clone(&heard) as Arc<dyn CommitListener>;
    let fatal = Box::new(|reason: &str| panic!("{reason}"));
    let (store, _) = open::open(options(folder.path()), Engine::real(), listener, fatal).unwrap();
    two_tenants(&store);
    let (sent, written) = channel();
    let claim = Claim::detached().rehearsing();
    let rehearsed = store.write(Priority::Urgent, claim, move |tx| {
        tx.tenants_mut().insert(&tenant(3, "gamma"))?;
        tx.invalidate(Scope::Tenant(tenant_id(3)));
        sent.send(tx.tenants().by_id(tenant_id(3))?.is_some())
            .unwrap();
        Ok::<_, StoreError>("as if")
    });
    let answer = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(rehearsed);
    assert_eq!(answer.unwrap(), "as if");
    assert!(written.recv().unwrap(), "the closure sees what it did");
    let found = read(&store, |tx| {
        let slug = "gamma".parse().unwrap();
        Ok((
            tx.tenants().by_id(tenant_id(3))?,
            tx.tenants().slug_used(&slug)?,
            tx.invalidations().head()?,
        ))
    });
    assert_eq!(found, (None, false, None));
    assert!(heard.0.lock().unwrap().is_empty());
    store.close();
}
