//! Replays the recorded tries against another policy, name by name in parts, so that it takes the memory
//! of one name and holds no reader long. The policies are the tenants' present ones beside what is asked.

use std::sync::Arc;

use common::call::lockout::Simulate;
use common::id::{AttemptId, TenantId};
use common::time::Time;
use common::view::{SimulatedPolicy, SimulationView};
use domain::lockout::{CounterKey, LockoutPolicy, Recorded, Replay, Try};
use domain::setting::{Setting, Value};
use store::{ReadTx, StoreError, TryRow};

use crate::app::job::Reporter;
use crate::app::tenant::effective::Effectives;
use crate::app::{App, Error, Operator, names};

/// Rows that are read at once.
const PART: u32 = 500;
/// Steps (a name found, or a part of its rows) after which a reader is given back.
const STEPS: u32 = 200;

/// Replays the log.
///
/// # Errors
/// `not_found` for the tenant; `validation_failed` for a policy that could not be set.
pub async fn simulate(
    app: Arc<App>,
    _operator: Operator,
    request: Simulate,
    reporter: Reporter,
) -> Result<SimulationView, Error> {
    let asked = Asked::parse(&request)?;
    let name = request.tenant;
    let tenant = app
        .store
        .read(move |tx| names::tenant_filter(tx, name.as_deref()))
        .await?;
    let mut work = Work {
        asked,
        tenant,
        since: request.since,
        after: None,
        current: None,
        totals: Totals::default(),
    };
    loop {
        let inner = Arc::clone(&app);
        let (then, is_over) = app
            .store
            .read(move |tx| -> Result<_, StoreError> {
                let mut work = work;
                let is_over = work.advance(&inner, tx)?;
                Ok((work, is_over))
            })
            .await?;
        work = then;
        if is_over || !reporter.progress("replaying", work.totals.attempts, None) {
            break;
        }
    }
    let base = app.settings().tenant.lockout;
    Ok(work.totals.view(&asked, &base, request.since))
}

/// What is asked instead of the present policy; what is absent stays.
#[derive(Debug, Clone, Copy)]
struct Asked {
    threshold: Option<u32>,
    window: Option<std::time::Duration>,
    duration: Option<std::time::Duration>,
}

impl Asked {
    fn parse(request: &Simulate) -> Result<Self, Error> {
        let time = |setting: Setting, path, seconds: Option<u64>| {
            seconds
                .map(
                    |seconds| match bounded(setting, path, &format!("{seconds}s"))? {
                        Value::Duration(time) => Ok(time),
                        _ => Err(Error::internal("a setting of another kind")),
                    },
                )
                .transpose()
        };
        let threshold = request.threshold.map(|threshold| {
            let text = threshold.to_string();
            bounded(Setting::LockoutThreshold, "/threshold", &text).map(|_| threshold)
        });
        Ok(Self {
            threshold: threshold.transpose()?,
            window: time(
                Setting::LockoutWindow,
                "/window_seconds",
                request.window_seconds,
            )?,
            duration: time(
                Setting::LockoutDuration,
                "/duration_seconds",
                request.duration_seconds,
            )?,
        })
    }

    fn over(&self, present: LockoutPolicy) -> LockoutPolicy {
        LockoutPolicy {
            threshold: self.threshold.unwrap_or(present.threshold),
            window: self.window.unwrap_or(present.window),
            duration: self.duration.unwrap_or(present.duration),
        }
    }
}

/// A value that could be set.
fn bounded(setting: Setting, path: &'static str, text: &str) -> Result<Value, Error> {
    setting
        .parse(text)
        .map_err(|error| Error::field(path, "out_of_range", error.to_string()))
}

/// Where the replay stands between two parts.
struct Work {
    asked: Asked,
    tenant: Option<TenantId>,
    since: Time,
    after: Option<CounterKey>,
    current: Option<Name>,
    totals: Totals,
}

/// The name that is being replayed.
struct Name {
    key: CounterKey,
    /// Where the part before ended.
    after: Option<(Time, AttemptId)>,
    is_user: bool,
    /// Under the present policy and the asked one; none before the first row.
    replays: Option<[Replay; 2]>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Outcome {
    locks: u64,
    names: u64,
    real_users: u64,
    let_through: u64,
}

#[derive(Debug, Default)]
struct Totals {
    attempts: u64,
    names: u64,
    folded_rows: u64,
    folded_attempts: u64,
    taken_for_wrong: u64,
    on_devices: u64,
    outcomes: [Outcome; 2],
    /// The present policies: one, or several tenants' different ones.
    present: Vec<LockoutPolicy>,
}

impl Work {
    /// Goes on for a while; true at the end of the log.
    fn advance(&mut self, app: &App, tx: &dyn ReadTx) -> Result<bool, StoreError> {
        let effectives = Effectives::new(app);
        for _ in 0..STEPS {
            let mut name = match self.current.take() {
                Some(name) => name,
                None => match tx.operator().next_tried(self.after.as_ref())? {
                    None => return Ok(true),
                    Some(key) => Name {
                        key,
                        after: None,
                        is_user: false,
                        replays: None,
                    },
                },
            };
            let rows = tx
                .operator()
                .tries_of(&name.key, self.since, name.after, PART)?;
            let is_last = rows.len() < usize::try_from(PART).unwrap_or(usize::MAX);
            for row in &rows {
                name.after = Some((row.at, row.id));
                if self.tenant.is_none_or(|tenant| row.tenant == Some(tenant)) {
                    self.take(&mut name, row, &effectives, tx)?;
                }
            }
            if is_last {
                self.after = Some(name.key);
                self.totals.add(name);
            } else {
                self.current = Some(name);
            }
        }
        Ok(false)
    }

    fn take(
        &mut self,
        name: &mut Name,
        row: &TryRow,
        effectives: &Effectives,
        tx: &dyn ReadTx,
    ) -> Result<(), StoreError> {
        let totals = &mut self.totals;
        totals.attempts = totals.attempts.saturating_add(row.count);
        name.is_user |= row.user.is_some();
        let Some(kind) = Try::of(row.outcome) else {
            return Ok(());
        };
        if row.on_device {
            totals.on_devices = totals.on_devices.saturating_add(row.count);
            return Ok(());
        }
        if row.count > 1 {
            totals.folded_rows = totals.folded_rows.saturating_add(1);
            totals.folded_attempts = totals.folded_attempts.saturating_add(row.count);
        }
        if kind == Try::Unknown {
            totals.taken_for_wrong = totals.taken_for_wrong.saturating_add(row.count);
        }
        if name.replays.is_none() {
            let present = effectives.of(tx, row.tenant)?.lockout;
            if totals.present.len() < 2 && !totals.present.contains(&present) {
                totals.present.push(present);
            }
            name.replays = Some([present, self.asked.over(present)].map(Replay::new));
        }
        for replay in name.replays.iter_mut().flatten() {
            replay.take(Recorded {
                at: row.at,
                last_at: row.last_at,
                count: row.count,
                kind,
            });
        }
        Ok(())
    }
}

impl Totals {
    fn add(&mut self, name: Name) {
        let Some(replays) = name.replays else { return };
        self.names = self.names.saturating_add(1);
        for (total, replay) in self.outcomes.iter_mut().zip(replays) {
            let replayed = replay.finish();
            let is_locked = u64::from(replayed.locks > 0);
            total.locks = total.locks.saturating_add(replayed.locks);
            total.let_through = total.let_through.saturating_add(replayed.let_through);
            total.names = total.names.saturating_add(is_locked);
            if name.is_user {
                total.real_users = total.real_users.saturating_add(is_locked);
            }
        }
    }

    fn view(&self, asked: &Asked, base: &LockoutPolicy, since: Time) -> SimulationView {
        let one = match self.present.as_slice() {
            [] => Some(*base),
            [one] => Some(*one),
            _ => None,
        };
        let seconds = |time: std::time::Duration| time.as_secs();
        let [present, then] = self.outcomes;
        let policy = |name: &str, outcome: Outcome, asked: Option<&Asked>| SimulatedPolicy {
            policy: name.to_owned(),
            threshold: asked
                .and_then(|asked| asked.threshold)
                .or(one.map(|policy| policy.threshold)),
            window_seconds: asked
                .and_then(|asked| asked.window)
                .or(one.map(|policy| policy.window))
                .map(seconds),
            duration_seconds: asked
                .and_then(|asked| asked.duration)
                .or(one.map(|policy| policy.duration))
                .map(seconds),
            locks: outcome.locks,
            names: outcome.names,
            real_users: outcome.real_users,
            guesses_let_through: outcome.let_through,
        };
        SimulationView {
            policies: vec![
                policy("present", present, None),
                policy("asked", then, Some(asked)),
            ],
            since,
            attempts: self.attempts,
            names: self.names,
            folded_rows: self.folded_rows,
            folded_attempts: self.folded_attempts,
            taken_for_wrong: self.taken_for_wrong,
            on_devices: self.on_devices,
        }
    }
}
