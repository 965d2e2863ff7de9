//! The database as a whole: how it lies on the disk, whether it is sound, and the room beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use common::call::db::{Check, Migrations, Optimize, Status, Vacuum};
use common::error::chain;
use common::view::{CheckView, DatabaseView, MigrationView, Page, VacuumView, Warning};
use domain::attempt::Attempt;
use store::sqlite::{self, Layout};
use store::{Claim, OpenError, Priority, StoreError};

use crate::app::backup::aside;
use crate::app::job::Reporter;
use crate::app::{App, Error, Operator};

/// Pages that one job gives back: some milliseconds of the writer.
const PART_PAGES: u32 = 64;
/// Share of the pages that hold nothing from which writing the file anew is worth a word.
const WORTH_PERCENT: u64 = 20;
/// The part of `database.min_free` below which only what matters is written.
const LEAST_PART: u64 = 4;

/// How much room there is beside the database; looked at now and then, and asked at every attempt.
#[derive(Debug, Default)]
pub struct Room(AtomicU8);

/// What the room allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Roominess {
    /// As much as was asked for.
    Enough,
    /// Less: the operator is warned.
    Low,
    /// So little that names of nobody are counted, and not written down, and no picture is taken.
    Least,
}

impl Room {
    /// Takes a look's result; true if it is another than before.
    pub fn set(&self, free: u64, wanted: u64) -> bool {
        let now = Roominess::of(free, wanted);
        self.0.swap(now as u8, Ordering::AcqRel) != now as u8
    }

    /// Whether a row is written for an attempt: strangers must not take the last of the room. The
    /// counter of the name counts all the same.
    pub fn writes_down(&self, attempt: &Attempt) -> bool {
        attempt.user_id.is_some() || self.is() != Roominess::Least
    }

    /// What the room allows.
    pub fn is(&self) -> Roominess {
        match self.0.load(Ordering::Acquire) {
            0 => Roominess::Enough,
            1 => Roominess::Low,
            _ => Roominess::Least,
        }
    }
}

impl Roominess {
    /// By bytes free and wanted.
    pub fn of(free: u64, wanted: u64) -> Self {
        if free >= wanted {
            Self::Enough
        } else if free >= wanted / LEAST_PART {
            Self::Low
        } else {
            Self::Least
        }
    }
}

/// Says that room is short; none where it is not.
pub fn warning(free: u64, wanted: u64) -> Option<Warning> {
    let effect = match Roominess::of(free, wanted) {
        Roominess::Enough => return None,
        Roominess::Low => "",
        Roominess::Least => {
            "; attempts of unknown names are counted, and not written down, and pictures are refused"
        }
    };
    let mib = |bytes: u64| bytes >> 20;
    Some(Warning {
        code: "low_disk".to_owned(),
        tenant: None,
        message: format!(
            "{} MiB free of {} MiB wanted beside the database{effect}: sudo authd db rescue, \
             then grow the volume",
            mib(free),
            mib(wanted)
        ),
    })
}

fn failed(error: OpenError) -> Error {
    Error::internal(error)
}

/// How the database lies on the disk.
///
/// # Errors
/// `internal` if the file cannot be read.
pub async fn status(
    app: &Arc<App>,
    _operator: &Operator,
    _request: Status,
) -> Result<DatabaseView, Error> {
    view(app).await
}

async fn view(app: &App) -> Result<DatabaseView, Error> {
    let info = app.store.info();
    let layout = layout(app).await?;
    Ok(DatabaseView {
        backend: info.backend.to_owned(),
        path: info.path.display().to_string(),
        bytes: info.bytes,
        wal_bytes: info.wal_bytes,
        unused_bytes: layout.free_pages.saturating_mul(layout.page_bytes),
        gives_back: layout.gives_back,
        free_bytes: info.free_bytes,
        min_free_bytes: app.settings().min_free,
        schema: info.schema,
        pending: info.pending,
    })
}

async fn layout(app: &App) -> Result<Layout, Error> {
    let path = app.store.info().path;
    aside(move || sqlite::layout(&path)).await?.map_err(failed)
}

/// The steps of the schema.
///
/// # Errors
/// `internal` if the file cannot be read.
pub async fn migrations(
    app: &Arc<App>,
    _operator: &Operator,
    _request: Migrations,
) -> Result<Page<MigrationView>, Error> {
    let path = app.store.info().path;
    let rows = aside(move || sqlite::migrations(&path))
        .await?
        .map_err(failed)?;
    let items = rows
        .into_iter()
        .map(|row| MigrationView {
            version: row.version,
            name: row.name,
            applied_at: row.applied.and_then(|text| text.parse().ok()),
        })
        .collect();
    Ok(Page {
        items,
        next_cursor: None,
    })
}

/// Checks every page, index and reference, beside the requests.
///
/// # Errors
/// `internal` if it could not be done.
pub async fn check(
    app: Arc<App>,
    _operator: Operator,
    _request: Check,
    reporter: Reporter,
) -> Result<CheckView, Error> {
    reporter.progress("checking", 0, None);
    let path = app.store.info().path;
    // What cannot even be opened is what was looked for.
    let problems = aside(move || sqlite::problems(&path))
        .await?
        .unwrap_or_else(|error| vec![chain(&error)]);
    Ok(CheckView {
        ok: problems.is_empty(),
        problems,
        remarks: Vec::new(),
    })
}

/// Has the database look again at how large its tables are.
///
/// # Errors
/// `unavailable`.
pub async fn optimize(
    app: Arc<App>,
    _operator: Operator,
    _request: Optimize,
    reporter: Reporter,
) -> Result<DatabaseView, Error> {
    reporter.progress("optimizing", 0, None);
    app.store
        .write(
            Priority::Background,
            Claim::detached(),
            |tx| -> Result<(), StoreError> { tx.housekeeping().optimize() },
        )
        .await
        .map_err(Error::from)?;
    view(&app).await
}

/// Gives pages that hold nothing back, in parts between which others write. It ends between two of
/// them when nobody waits any more.
///
/// # Errors
/// `unavailable`; what was given back stays so.
pub async fn vacuum(
    app: Arc<App>,
    _operator: Operator,
    _request: Vacuum,
    reporter: Reporter,
) -> Result<VacuumView, Error> {
    let before = layout(&app).await?;
    let mut given = 0_u64;
    while before.gives_back && reporter.progress("giving back", given, Some(before.free_pages)) {
        let part = app
            .store
            .write(
                Priority::Background,
                Claim::detached(),
                |tx| -> Result<u32, StoreError> { tx.housekeeping().give_back(PART_PAGES) },
            )
            .await
            .map_err(Error::from)?;
        given = given.saturating_add(u64::from(part));
        if part < PART_PAGES {
            break;
        }
    }
    Ok(VacuumView {
        bytes_given_back: given.saturating_mul(before.page_bytes),
        bytes: app.store.info().bytes,
        notes: note(&before).into_iter().collect(),
    })
}

/// What would help more, where that is true.
fn note(layout: &Layout) -> Option<String> {
    let is_worth =
        layout.free_pages.saturating_mul(100) >= layout.pages.max(1).saturating_mul(WORTH_PERCENT);
    (!layout.gives_back && is_worth).then(|| {
        "this file was made without giving pages back; write it anew while authd is stopped: \
         sudo authd db vacuum"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_room_is_told_in_three_steps() {
        let room = Room::default();
        assert_eq!(room.is(), Roominess::Enough);
        assert!(!room.set(200, 200));
        assert!(room.set(199, 200));
        assert_eq!(room.is(), Roominess::Low);
        assert!(room.set(49, 200));
        assert_eq!(room.is(), Roominess::Least);
        assert!(!room.set(0, 200));
        assert!(room.set(200, 200));
        assert!(warning(200, 200).is_none());
        assert!(!warning(60, 200).unwrap().message.contains("unknown names"));
        assert!(warning(10, 200).unwrap().message.contains("unknown names"));
    }

    #[test]
    fn the_hint_stands_only_where_it_is_true() {
        let layout = |gives_back, free_pages| Layout {
            page_bytes: 4096,
            pages: 100,
            free_pages,
            gives_back,
        };
        assert!(note(&layout(true, 90)).is_none());
        assert!(note(&layout(false, 5)).is_none());
        assert!(note(&layout(false, 40)).is_some());
    }
}
