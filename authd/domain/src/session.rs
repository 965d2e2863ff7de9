//! Sessions: which ones a login ends, and when one is over (rules 9 and 10).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use common::id::{SessionId, TenantId, UserId};
use common::time::Time;

use crate::device::{Device, DeviceType};

/// Most sessions of one user under any policy.
pub const SESSIONS_LIMIT: u32 = 50;

/// How many sessions a user may have side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionPolicy {
    /// A login ends all others.
    Single,
    /// One a device id.
    PerDevice,
    /// One a device type.
    PerDeviceType,
    /// So many; the one unused longest goes.
    Limit(u32),
}

/// Why a text is no session policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected \"single\", \"per_device\", \"per_device_type\" or \"limit:N\" with N from 1 to 50"
)]
pub struct InvalidPolicy;

impl FromStr for SessionPolicy {
    type Err = InvalidPolicy;

    fn from_str(text: &str) -> Result<Self, InvalidPolicy> {
        match text {
            "single" => Ok(Self::Single),
            "per_device" => Ok(Self::PerDevice),
            "per_device_type" => Ok(Self::PerDeviceType),
            _ => text
                .strip_prefix("limit:")
                .filter(|n| n.bytes().all(|b| b.is_ascii_digit()) && !n.starts_with('0'))
                .and_then(|n| n.parse().ok())
                .filter(|n| (1..=SESSIONS_LIMIT).contains(n))
                .map(Self::Limit)
                .ok_or(InvalidPolicy),
        }
    }
}

impl fmt::Display for SessionPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single => f.write_str("single"),
            Self::PerDevice => f.write_str("per_device"),
            Self::PerDeviceType => f.write_str("per_device_type"),
            Self::Limit(n) => write!(f, "limit:{n}"),
        }
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its owner signed out, or an administrator or a changed password ended it.
    Revoked,
    /// A login on another device took its place.
    Superseded,
    /// An old refresh token was used again.
    Reused,
    /// An idle or absolute limit passed.
    Expired,
}

impl EndReason {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
            Self::Reused => "reused",
            Self::Expired => "expired",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Revoked, Self::Superseded, Self::Reused, Self::Expired]
            .into_iter()
            .find(|reason| reason.as_str() == name)
    }
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// `ses_…`
    pub id: SessionId,
    /// Tenant of its owner.
    pub tenant_id: TenantId,
    /// Owner.
    pub user_id: UserId,
    /// Device; none for the one nameless device.
    pub device: Option<Device>,
    /// Address that signed in.
    pub ip: Option<String>,
    /// When the password was checked; refresh never moves it.
    pub auth_time: Time,
    /// When it was made.
    pub created_at: Time,
    /// Last use that is on disk; uses since may be in memory.
    pub last_active_at: Time,
    /// How often the refresh token was rotated.
    pub generation: u32,
    /// When it was last rotated.
    pub rotated_at: Time,
    /// Random bytes that the refresh tokens are made over.
    pub salt: [u8; 16],
    /// Number of the key that the refresh tokens are made with.
    pub refresh_key: u32,
    /// End, and why.
    pub ended: Option<(Time, EndReason)>,
}

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionLimits {
    /// Longest time without use.
    pub idle_timeout: Duration,
    /// Longest life.
    pub max_age: Duration,
    /// What is over already, whatever the two say now.
    pub floors: Floors,
}

/// Moments up to which a tenant's sessions and devices are over: former or newer limits had ended them
/// when a limit was changed. They hold for everybody at once, until each row that they mean says so itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Floors {
    /// Of the last use of a session.
    pub active: Time,
    /// Of the making of a session.
    pub created: Time,
    /// Of the last use of a device.
    pub device: Time,
}

impl Floors {
    /// Behind which there is nothing.
    pub const NONE: Self = Self {
        active: NEVER,
        created: NEVER,
        device: NEVER,
    };

    /// The higher one of each two.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            active: self.active.max(other.active),
            created: self.created.max(other.created),
            device: self.device.max(other.device),
        }
    }

    /// Whether they mean a session that was last used at `last_active`.
    pub fn mean(&self, session: &Session, last_active: Time) -> bool {
        let last_active = last_active.max(session.last_active_at);
        last_active <= self.active || session.created_at <= self.created
    }
}

const NEVER: Time = Time::from_millis(i64::MIN);

impl Session {
    /// When it ends by itself if it was last used at `last_active`.
    pub fn expires_at(&self, limits: &SessionLimits, last_active: Time) -> Time {
        let idle = last_active
            .max(self.last_active_at)
            .plus(limits.idle_timeout);
        let end = idle.min(self.created_at.plus(limits.max_age));
        let floors = &limits.floors;
        if floors.mean(self, last_active) {
            // Both lie behind the change that made them.
            return end.min(floors.active.max(floors.created));
        }
        end
    }

    /// When anything of it last changed.
    pub fn updated_at(&self) -> Time {
        let used = self.last_active_at.max(self.rotated_at);
        let ended = self.ended.map(|(at, _)| at);
        used.max(self.created_at)
            .max(ended.unwrap_or(self.created_at))
    }

    /// Whether it is alive at `now`.
    pub fn is_alive(&self, limits: &SessionLimits, last_active: Time, now: Time) -> bool {
        self.ended.is_none() && now < self.expires_at(limits, last_active)
    }

    fn device_id(&self) -> Option<&str> {
        self.device.as_ref().map(|device| device.id.as_str())
    }

    fn device_type(&self) -> DeviceType {
        self.device
            .as_ref()
            .map_or(DeviceType::Other, |device| device.kind)
    }
}

/// Which of a user's live sessions a login from `device` ends under `policy`.
///
/// The same device replaces its own session under any policy; no device is one nameless device.
pub fn ends(live: &[Session], device: Option<&Device>, policy: SessionPolicy) -> Vec<SessionId> {
    let device_id = device.map(|device| device.id.as_str());
    let kind = device.map_or(DeviceType::Other, |device| device.kind);
    let (mut ended, mut kept): (Vec<&Session>, Vec<&Session>) =
        live.iter().partition(|session| match policy {
            SessionPolicy::Single => true,
            SessionPolicy::PerDevice | SessionPolicy::Limit(_) => session.device_id() == device_id,
            SessionPolicy::PerDeviceType => {
                session.device_id() == device_id || session.device_type() == kind
            }
        });
    let limit = match policy {
        SessionPolicy::Limit(limit) => limit.clamp(1, SESSIONS_LIMIT),
        _ => SESSIONS_LIMIT,
    };
    let room = usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    kept.sort_by_key(|session| (session.last_active_at, session.id));
    let excess = kept.len().saturating_sub(room);
    ended.extend(kept.into_iter().take(excess));
    ended.into_iter().map(|session| session.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, kind: DeviceType) -> Device {
        Device {
            id: id.to_owned(),
            name: None,
            kind,
        }
    }

    fn session(n: u8, device: Option<Device>, active: i64) -> Session {
        Session {
            id: SessionId::from_bytes([n; 16]),
            tenant_id: TenantId::from_bytes([0; 16]),
            user_id: UserId::from_bytes([0; 16]),
            device,
            ip: None,
            auth_time: Time::default(),
            created_at: Time::default(),
            last_active_at: Time::from_millis(active),
            generation: 0,
            rotated_at: Time::default(),
            salt: [0; 16],
            refresh_key: 1,
            ended: None,
        }
    }

    fn numbers(ids: &[SessionId]) -> Vec<u8> {
        let mut numbers: Vec<u8> = ids.iter().map(|id| id.as_bytes()[0]).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn each_policy_ends_what_it_says() {
        let live = [
            session(1, Some(device("a", DeviceType::Mobile)), 10),
            session(2, Some(device("b", DeviceType::Mobile)), 20),
            session(3, Some(device("c", DeviceType::Desktop)), 30),
            session(4, None, 40),
        ];
        let new = device("a", DeviceType::Desktop);
        assert_eq!(
            numbers(&ends(&live, Some(&new), SessionPolicy::Single)),
            [1, 2, 3, 4]
        );
        assert_eq!(
            numbers(&ends(&live, Some(&new), SessionPolicy::PerDevice)),
            [1]
        );
        assert_eq!(
            numbers(&ends(&live, Some(&new), SessionPolicy::PerDeviceType)),
            [1, 3]
        );
        assert_eq!(
            numbers(&ends(&live, Some(&new), SessionPolicy::Limit(2))),
            [1, 2, 3]
        );
        assert_eq!(
            numbers(&ends(&live, Some(&new), SessionPolicy::Limit(4))),
            [1]
        );
        assert_eq!(numbers(&ends(&live, None, SessionPolicy::PerDevice)), [4]);
    }

    #[test]
    fn nobody_has_more_than_fifty() {
        let live: Vec<_> = (0..50)
            .map(|n| {
                session(
                    n,
                    Some(device(&n.to_string(), DeviceType::Other)),
                    i64::from(n),
                )
            })
            .collect();
        let new = device("new", DeviceType::Other);
        assert_eq!(
            numbers(&ends(&live, Some(&new), SessionPolicy::PerDevice)),
            [0]
        );
    }

    #[test]
    fn s23_a_session_was_changed_when_it_was_made_used_rotated_or_ended() {
        let at = Time::from_millis;
        let mut session = session(1, None, 0);
        session.created_at = at(5);
        assert_eq!(session.updated_at(), at(5));
        session.last_active_at = at(7);
        assert_eq!(session.updated_at(), at(7));
        session.rotated_at = at(9);
        assert_eq!(session.updated_at(), at(9));
        session.ended = Some((at(11), EndReason::Revoked));
        assert_eq!(session.updated_at(), at(11));
    }

    #[test]
    fn rule_19_what_lies_below_a_floor_is_over_whatever_the_limits_say() {
        let limits = |floors| SessionLimits {
            idle_timeout: Duration::from_secs(3600),
            max_age: Duration::from_secs(3600),
            floors,
        };
        let at = Time::from_millis;
        let session = session(1, None, 20);
        let alive = |floors: Floors, last: i64| {
            let limits = limits(floors);
            let is_alive = session.is_alive(&limits, at(last), at(100));
            let ends = session.expires_at(&limits, at(last));
            assert_eq!(is_alive, ends > at(100));
            is_alive
        };
        let below = |active, created| Floors {
            active: at(active),
            created: at(created),
            ..Floors::NONE
        };
        assert!(alive(Floors::NONE, 0));
        assert!(alive(below(19, -1), 0));
        assert!(!alive(below(20, -1), 0));
        assert!(alive(below(20, -1), 21), "used since");
        assert!(!alive(below(-1, 0), 21), "and made before");
        let raised = below(20, -1).or(below(10, 5));
        assert_eq!((raised.active, raised.created), (at(20), at(5)));
    }

    #[test]
    fn a32_both_limits_hold() {
        let limits = SessionLimits {
            idle_timeout: Duration::from_millis(100),
            max_age: Duration::from_millis(250),
            floors: Floors::NONE,
        };
        let session = session(1, None, 0);
        assert!(session.is_alive(&limits, Time::default(), Time::from_millis(99)));
        assert!(!session.is_alive(&limits, Time::default(), Time::from_millis(100)));
        assert!(session.is_alive(&limits, Time::from_millis(200), Time::from_millis(249)));
        assert!(!session.is_alive(&limits, Time::from_millis(249), Time::from_millis(250)));
    }

    #[test]
    fn policies_read_back_and_others_are_refused() {
        for text in [
            "single",
            "per_device",
            "per_device_type",
            "limit:1",
            "limit:50",
        ] {
            assert_eq!(text.parse::<SessionPolicy>().unwrap().to_string(), text);
        }
        for text in [
            "", "Single", "limit:0", "limit:51", "limit:", "limit:-1", "limit:+1", "limit:05",
        ] {
            assert!(text.parse::<SessionPolicy>().is_err(), "{text}");
        }
    }
}
