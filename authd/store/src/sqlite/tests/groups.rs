//! The unit of work: groups, savepoints, priorities, deadlines, and disks that fail.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rusqlite::{Connection, ffi};

use super::{Heard, options};
use crate::claim::Claim;
use crate::contract::{read, session_id, tenant_id, write};
use crate::error::StoreError;
use crate::resource::{Scope, WriteTx};
use crate::sqlite::open::{self, Engine};
use crate::sqlite::{Options, writer};
use crate::unit::{CommitListener, Priority, Store};

type Pending<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Queues a write and returns without waiting for it.
fn start<T: Send + 'static>(
    store: &Store,
    priority: Priority,
    claim: Claim,
    work: impl Fn(&dyn WriteTx) -> Result<T, StoreError> + Send + 'static,
) -> Pending<T> {
    let store = store.clone();
    let mut pending: Pending<T> = Box::pin(async move { store.write(priority, claim, work).await });
    let mut context = Context::from_waker(Waker::noop());
    assert!(pending.as_mut().poll(&mut context).is_pending());
    pending
}

fn normal<T: Send + 'static>(
    store: &Store,
    work: impl Fn(&dyn WriteTx) -> Result<T, StoreError> + Send + 'static,
) -> Pending<T> {
    start(store, Priority::Normal, Claim::detached(), work)
}

fn finish<T>(pending: Pending<T>) -> Result<T, StoreError> {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(pending)
}

/// Holds the writer within a job until something is sent, or the sender is dropped.
fn gate(store: &Store) -> (Sender<()>, Pending<()>) {
    let (open, wait) = channel::<()>();
    let (begun, has_begun) = channel::<()>();
    let wait = Mutex::new(wait);
    let pending = normal(store, move |_| {
        // Run again, it finds nobody who hears, and the gate open.
        begun.send(()).unwrap_or_default();
        let _: Result<(), _> = wait.lock().unwrap().recv();
        Ok(())
    });
    has_begun.recv().unwrap();
    (open, pending)
}

fn set(name: &'static str) -> impl Fn(&dyn WriteTx) -> Result<(), StoreError> + Send {
    move |tx| tx.meta_mut().set(name, b"1")
}

fn is_set(store: &Store, name: &'static str) -> bool {
    read(store, move |tx| Ok(tx.meta().value(name)?.is_some()))
}

/// A store in a folder of its own, and all that a test may want to look at.
struct Bench {
    store: Store,
    heard: Arc<Heard>,
    fatal: Arc<Mutex<Vec<String>>>,
    commits: Arc<AtomicU32>,
    folder: tempfile::TempDir,
}

/// The code that the next COMMIT fails with; 0 lets it through.
type Fault = Arc<AtomicU32>;

fn bench(change: impl FnOnce(&mut Options, &mut Engine)) -> (Bench, Fault) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    let mut engine = Engine::real();
    // All that waits is one group, however slow the machine is.
    engine.group_time = Duration::from_hours(1);
    let commits = Arc::new(AtomicU32::new(0));
    let fault = Fault::default();
    let (count, code) = (Arc::clone(&commits), Arc::clone(&fault));
    engine.commit = Box::new(move |connection| {
        count.fetch_add(1, Ordering::SeqCst);
        match code.swap(0, Ordering::SeqCst) {
            0 => writer::commit(connection),
            code => {
                let error = ffi::Error::new(i32::try_from(code).unwrap());
                Err(rusqlite::Error::SqliteFailure(error, None))
            }
        }
    });
    change(&mut options, &mut engine);
    let heard = Arc::new(Heard::default());
    let fatal = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&fatal);
    let listener: Arc<dyn CommitListener> = Arc::clone(&heard) as Arc<dyn CommitListener>;
    let on_fatal = Box::new(move |reason: &str| told.lock().unwrap().push(reason.to_owned()));
    let (store, _) = open::open(options, engine, listener, on_fatal).unwrap();
    let bench = Bench {
        store,
        heard,
        fatal,
        commits,
        folder,
    };
    (bench, fault)
}

fn plain() -> Bench {
    bench(|_, _| {}).0
}

#[test]
fn every_nth_closure_runs_twice_and_counts_once() {
    let (bench, _) = bench(|options, _| options.repeat_every = Some(2));
    let runs = Arc::new(AtomicU32::new(0));
    for _ in 0..4 {
        let runs = Arc::clone(&runs);
        write(&bench.store, move |tx| {
            runs.fetch_add(1, Ordering::SeqCst);
            tx.invalidate(Scope::Global);
            let before = tx.meta().value("count")?.map_or(0, |value| value[0]);
            tx.meta_mut().set("count", &[before + 1])
        });
    }
    assert_eq!(runs.load(Ordering::SeqCst), 6);
    let count = read(&bench.store, |tx| tx.meta().value("count"));
    assert_eq!(count, Some(vec![4]));
    assert_eq!(*bench.heard.0.lock().unwrap(), vec![vec![Scope::Global]; 4]);
}

#[test]
fn a92_a_refused_job_leaves_nothing_and_the_others_commit() {
    let bench = plain();
    let (open, gate) = gate(&bench.store);
    let first = normal(&bench.store, set("first"));
    let refused = normal(&bench.store, |tx| {
        tx.meta_mut().set("refused", b"1")?;
        tx.invalidate(Scope::Tenant(tenant_id(1)));
        Err::<(), _>(StoreError::Damaged { what: "test" })
    });
    let seen = normal(&bench.store, |tx| {
        Ok((tx.meta().value("first")?, tx.meta().value("refused")?))
    });
    drop(open);
    finish(gate).unwrap();
    finish(first).unwrap();
    let what = finish(refused).unwrap_err();
    assert!(matches!(what, StoreError::Damaged { what: "test" }));
    assert_eq!(finish(seen).unwrap(), (Some(vec![b'1']), None));
    assert!(is_set(&bench.store, "first") && !is_set(&bench.store, "refused"));
    assert!(bench.heard.0.lock().unwrap().is_empty());
}

#[test]
fn a92_a_job_that_fails_after_it_has_written_has_the_group_run_again() {
    let bench = plain();
    let runs = Arc::new(AtomicU32::new(0));
    let job = || {
        let runs = Arc::clone(&runs);
        move |tx: &dyn WriteTx| {
            runs.fetch_add(1, Ordering::SeqCst);
            tx.invalidate(Scope::Global);
            let before = tx.meta().value("count")?.map_or(0, |value| value[0]);
            tx.meta_mut().set("count", &[before + 1])?;
            Ok(before)
        }
    };
    let refusal = |writes: bool| {
        move |tx: &dyn WriteTx| {
            if writes {
                tx.meta_mut().set("count", &[77])?;
            }
            Err::<(), _>(StoreError::Damaged { what: "test" })
        }
    };
    for (writes, times) in [(false, 4), (true, 6)] {
        runs.store(0, Ordering::SeqCst);
        let (open, gate) = gate(&bench.store);
        let jobs = [normal(&bench.store, job()), normal(&bench.store, job())];
        let refused = normal(&bench.store, refusal(writes));
        let again = normal(&bench.store, refusal(writes));
        let later = [normal(&bench.store, job()), normal(&bench.store, job())];
        drop(open);
        finish(gate).unwrap();
        let found: Vec<u8> = jobs
            .into_iter()
            .chain(later)
            .map(|job| finish(job).unwrap())
            .collect();
        let first = if writes { 4 } else { 0 };
        assert_eq!(found, [first, first + 1, first + 2, first + 3]);
        for refused in [refused, again] {
            let what = finish(refused).unwrap_err();
            assert!(matches!(what, StoreError::Damaged { what: "test" }));
        }
        assert_eq!(runs.load(Ordering::SeqCst), times, "{writes}");
    }
    assert_eq!(bench.commits.load(Ordering::SeqCst), 2);
    assert_eq!(*bench.heard.0.lock().unwrap(), vec![vec![Scope::Global]; 2]);
}

#[test]
fn a92_a_panic_undoes_its_own_job_alone() {
    let bench = plain();
    let (open, gate) = gate(&bench.store);
    let first = normal(&bench.store, set("first"));
    let panicking = normal(&bench.store, |tx| -> Result<(), StoreError> {
        tx.meta_mut().set("panicked", b"1")?;
        panic!("as the test wants it");
    });
    let last = normal(&bench.store, set("last"));
    drop(open);
    finish(gate).unwrap();
    finish(first).unwrap();
    assert!(matches!(finish(panicking), Err(StoreError::Panicked)));
    finish(last).unwrap();
    assert!(is_set(&bench.store, "first") && is_set(&bench.store, "last"));
    assert!(!is_set(&bench.store, "panicked"));
    let read = bench.store.read_blocking(|_| -> Result<(), StoreError> {
        panic!("as the test wants it");
    });
    assert!(matches!(read, Err(StoreError::Panicked)));
    assert!(is_set(&bench.store, "last"), "the readers live on");
}

#[test]
fn the_urgent_go_first_and_housekeeping_last() {
    let bench = plain();
    let (open, gate) = gate(&bench.store);
    let order = Arc::new(Mutex::new(Vec::new()));
    let queue = |priority, name: &'static str| {
        let order = Arc::clone(&order);
        start(&bench.store, priority, Claim::detached(), move |_| {
            order.lock().unwrap().push(name);
            Ok(())
        })
    };
    let pending = [
        queue(Priority::Background, "background"),
        queue(Priority::Normal, "normal 1"),
        queue(Priority::Normal, "normal 2"),
        queue(Priority::Urgent, "urgent"),
    ];
    drop(open);
    finish(gate).unwrap();
    for pending in pending {
        finish(pending).unwrap();
    }
    let order = order.lock().unwrap();
    assert_eq!(*order, ["urgent", "normal 1", "normal 2", "background"]);
}

#[test]
fn a92_r27_a_deadline_while_queued_leaves_nothing_done() {
    let bench = plain();
    let (open, gate) = gate(&bench.store);
    let claim = Claim::detached();
    let late = start(&bench.store, Priority::Normal, claim.clone(), set("late"));
    let kept = Claim::detached();
    let in_time = start(&bench.store, Priority::Normal, kept.clone(), set("in time"));
    assert!(claim.expire());
    drop(open);
    finish(gate).unwrap();
    assert!(matches!(finish(late), Err(StoreError::Expired)));
    finish(in_time).unwrap();
    assert!(!kept.expire(), "what has begun is not expired any more");
    assert!(!is_set(&bench.store, "late") && is_set(&bench.store, "in time"));
}

#[test]
fn many_waiting_jobs_share_few_commits() {
    let bench = plain();
    let (open, gate) = gate(&bench.store);
    let pending: Vec<_> = (0..100).map(|_| normal(&bench.store, set("x"))).collect();
    drop(open);
    finish(gate).unwrap();
    for pending in pending {
        finish(pending).unwrap();
    }
    let commits = bench.commits.load(Ordering::SeqCst);
    assert_eq!(commits, 1, "commits for the gate and 100 jobs");
}

/// Notes what happens in which order, and what is on disk by then.
struct Order {
    events: Mutex<Vec<&'static str>>,
    path: std::path::PathBuf,
}

impl CommitListener for Order {
    fn committed(&self, scopes: &[Scope]) {
        assert_eq!(
            scopes,
            [Scope::Global, Scope::Session(session_id(1))],
            "each scope once"
        );
        let disk = Connection::open(&self.path).unwrap();
        let rows: u32 = disk
            .query_row("SELECT count(*) FROM meta", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 1, "the commit comes first");
        self.events.lock().unwrap().push("heard");
    }
}

impl Wake for Order {
    fn wake(self: Arc<Self>) {
        self.events.lock().unwrap().push("answered");
    }
}

#[test]
fn rule_11_caches_hear_after_the_commit_and_before_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let order = Arc::new(Order {
        events: Mutex::new(Vec::new()),
        path: options.path.clone(),
    });
    let listener: Arc<dyn CommitListener> = Arc::clone(&order) as Arc<dyn CommitListener>;
    let (store, _) = open::open(options, Engine::real(), listener, Box::new(|_| {})).unwrap();
    let (open, gate) = gate(&store);
    let mut pending = normal(&store, |tx| {
        tx.invalidate(Scope::Global);
        tx.invalidate(Scope::Session(session_id(1)));
        tx.invalidate(Scope::Global);
        tx.meta_mut().set("x", b"1")
    });
    let waker = Waker::from(Arc::clone(&order));
    let polled = pending.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(matches!(polled, Poll::Pending));
    drop(open);
    finish(gate).unwrap();
    // Closing waits until all is answered.
    store.close();
    assert_eq!(*order.events.lock().unwrap(), ["heard", "answered"]);
}

#[test]
fn a92_a_full_disk_in_one_job_undoes_the_group_and_the_writer_lives() {
    let (bench, _) = bench(|_, engine| engine.max_pages = Some(100));
    let (open, gate) = gate(&bench.store);
    let first = normal(&bench.store, set("first"));
    let large = normal(&bench.store, |tx| {
        for n in 0..200 {
            tx.meta_mut().set(&format!("large {n}"), &[7; 4000])?;
        }
        Ok(())
    });
    let last = normal(&bench.store, set("last"));
    drop(open);
    let outcomes = [finish(gate), finish(first), finish(large)];
    for outcome in outcomes {
        let unavailable = matches!(outcome, Err(StoreError::Unavailable { .. }));
        assert!(unavailable, "{outcome:?}");
    }
    finish(last).unwrap();
    assert!(!is_set(&bench.store, "first") && !is_set(&bench.store, "large 0"));
    assert!(is_set(&bench.store, "last"));
    assert!(bench.fatal.lock().unwrap().is_empty());
}

#[test]
fn a92_a_full_disk_at_commit_undoes_the_group() {
    let (bench, fault) = bench(|_, _| {});
    fault.store(ffi::SQLITE_FULL as u32, Ordering::SeqCst);
    let full = bench.store.write_blocking(Priority::Normal, set("first"));
    assert!(matches!(full, Err(StoreError::Unavailable { .. })));
    assert!(!is_set(&bench.store, "first"));
    write(&bench.store, set("second"));
    assert!(is_set(&bench.store, "second"));
}

#[test]
fn r42_a92_a_failed_sync_is_unknown_fatal_and_never_tried_again() {
    let (bench, fault) = bench(|_, _| {});
    fault.store(ffi::SQLITE_IOERR_FSYNC as u32, Ordering::SeqCst);
    let unknown = bench.store.write_blocking(Priority::Normal, |tx| {
        tx.invalidate(Scope::Global);
        tx.meta_mut().set("x", b"1")
    });
    assert!(matches!(unknown, Err(StoreError::OutcomeUnknown { .. })));
    assert_eq!(*bench.heard.0.lock().unwrap(), [[Scope::Global]]);
    let later = bench.store.write_blocking(Priority::Urgent, set("later"));
    assert!(matches!(later, Err(StoreError::Unavailable { .. })));
    let later = bench.store.read_blocking(|tx| tx.meta().value("x"));
    assert!(matches!(later, Err(StoreError::Unavailable { .. })));
    bench.store.close();
    assert_eq!(bench.commits.load(Ordering::SeqCst), 1);
    assert_eq!(bench.fatal.lock().unwrap().len(), 1);
    let (store, _) = super::open_in(bench.folder.path()).unwrap();
    assert!(!is_set(&store, "later"));
}

#[test]
fn r8_a_locked_database_is_unavailable_and_recovers() {
    let bench = plain();
    let other = Connection::open(bench.folder.path().join("authd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let busy = bench.store.write_blocking(Priority::Normal, set("x"));
    assert!(matches!(busy, Err(StoreError::Unavailable { .. })));
    assert!(!is_set(&bench.store, "x"), "readers go on");
    other.execute_batch("ROLLBACK").unwrap();
    write(&bench.store, set("x"));
    assert!(is_set(&bench.store, "x"));
}

#[test]
fn closing_finishes_what_is_queued_and_refuses_what_comes() {
    let bench = plain();
    let (open, gate) = gate(&bench.store);
    let pending: Vec<_> = (0..10).map(|_| normal(&bench.store, set("x"))).collect();
    let store = bench.store.clone();
    let closing = std::thread::spawn(move || store.close());
    drop(open);
    closing.join().unwrap();
    finish(gate).unwrap();
    for pending in pending {
        finish(pending).unwrap();
    }
    let late = bench.store.write_blocking(Priority::Urgent, set("y"));
    assert!(matches!(late, Err(StoreError::Unavailable { .. })));
    let late = bench.store.read_blocking(|tx| tx.meta().value("x"));
    assert!(matches!(late, Err(StoreError::Unavailable { .. })));
    bench.store.close();
    assert!(!bench.folder.path().join("authd.db-wal").exists());
    let (store, _) = super::open_in(bench.folder.path()).unwrap();
    assert!(is_set(&store, "x") && !is_set(&store, "y"));
}

#[test]
fn r38_the_log_stays_bounded_without_checkpoints_in_commits() {
    let (bench, _) = bench(|options, _| options.checkpoint_pages = 10);
    write_pages(&bench.store, 400);
    let info = bench.store.info();
    assert!(
        info.wal_bytes < 400 * 4096,
        "{} bytes of log",
        info.wal_bytes
    );
    bench.store.close();
    let (store, _) = super::open_in(bench.folder.path()).unwrap();
    assert!(is_set(&store, "row 0") && is_set(&store, "row 399"));
}

#[test]
fn r38_a_reader_that_holds_the_log_is_told_of_and_the_log_shrinks_when_it_goes() {
    let (bench, _) = bench(|options, _| options.checkpoint_pages = 10);
    write_pages(&bench.store, 30);
    assert!(!bench.store.info().wal_held);
    let reader = Connection::open(bench.folder.path().join("authd.db")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let rows = "SELECT count(*) FROM meta";
    let seen: i64 = reader.query_row(rows, [], |row| row.get(0)).unwrap();
    write_pages(&bench.store, 200);
    eventually(|| bench.store.info().wal_held);
    let held = bench.store.info().wal_bytes;
    assert!(held > 200 * 4096, "{held} bytes of log");
    // What it read it reads again, and what was written meanwhile is there.
    let again: i64 = reader.query_row(rows, [], |row| row.get(0)).unwrap();
    assert_eq!(again, seen);
    assert!(is_set(&bench.store, "row 199"));
    reader.execute_batch("ROLLBACK").unwrap();
    // Without another write the log is moved; the next one begins it anew, in a shorter file.
    eventually(|| !bench.store.info().wal_held);
    write(&bench.store, |tx| tx.meta_mut().set("row 0", b"new"));
    let after = bench.store.info().wal_bytes;
    assert!(after <= 10 * 4 * 4096, "{after} of {held} bytes of log");
}

fn write_pages(store: &Store, rows: u32) {
    for n in 0..rows {
        write(store, move |tx| {
            tx.meta_mut().set(&format!("row {n}"), &[7; 3000])
        });
    }
}

/// Waits for what the checkpoint thread does.
fn eventually(is_so: impl Fn() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(std::time::Instant::now() < end, "not in time");
        std::thread::sleep(Duration::from_millis(5));
    }
}
