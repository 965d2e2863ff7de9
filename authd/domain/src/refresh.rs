//! What a refresh token with a valid MAC is answered with (rule 10).

use std::time::Duration;

use common::time::Time;

use crate::session::{EndReason, Session, SessionLimits};

/// What to do with a presented generation of a session's refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// The current one: rotate to the next.
    Rotate,
    /// The one before, within the grace: answer the same successor, extend nothing.
    SameSuccessor,
    /// Anything else: the session ends.
    Reuse,
    /// The session had ended before.
    Ended(EndReason),
}

/// Decides on a refresh at `now`; `last_active` is the last use, which may not be on disk yet.
pub fn decide(
    session: &Session,
    generation: u32,
    grace: Duration,
    limits: &SessionLimits,
    last_active: Time,
    now: Time,
) -> Refresh {
    if let Some((_, reason)) = session.ended {
        return Refresh::Ended(reason);
    }
    if now >= session.expires_at(limits, last_active) {
        return Refresh::Ended(EndReason::Expired);
    }
    if generation == session.generation {
        return Refresh::Rotate;
    }
    let is_previous = generation.checked_add(1) == Some(session.generation);
    // In both directions: a clock that went back must not stretch the grace.
    let apart = now
        .since(session.rotated_at)
        .max(session.rotated_at.since(now));
    if is_previous && apart < grace {
        return Refresh::SameSuccessor;
    }
    Refresh::Reuse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Floors;
    use common::id::{SessionId, TenantId, UserId};

    const GRACE: Duration = Duration::from_secs(10);
    const LIMITS: SessionLimits = SessionLimits {
        idle_timeout: Duration::from_secs(3600),
        max_age: Duration::from_secs(7200),
        floors: Floors::NONE,
    };

    fn session(generation: u32, rotated_seconds: i64) -> Session {
        Session {
            id: SessionId::from_bytes([1; 16]),
            tenant_id: TenantId::from_bytes([0; 16]),
            user_id: UserId::from_bytes([0; 16]),
            device: None,
            ip: None,
            auth_time: Time::default(),
            created_at: Time::default(),
            last_active_at: Time::default(),
            generation,
            rotated_at: Time::from_millis(rotated_seconds * 1000),
            salt: [0; 16],
            refresh_key: 1,
            ended: None,
        }
    }

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    #[test]
    fn a73_each_generation_has_its_answer() {
        let session = session(7, 100);
        let decide = |generation, seconds| {
            decide(
                &session,
                generation,
                GRACE,
                &LIMITS,
                Time::default(),
                at(seconds),
            )
        };
        assert_eq!(decide(7, 105), Refresh::Rotate);
        assert_eq!(decide(6, 105), Refresh::SameSuccessor);
        assert_eq!(decide(6, 110), Refresh::Reuse);
        assert_eq!(decide(5, 105), Refresh::Reuse);
        assert_eq!(decide(8, 105), Refresh::Reuse);
        assert_eq!(decide(7, 3600), Refresh::Ended(EndReason::Expired));
    }

    #[test]
    fn r16_a_clock_that_jumps_back_does_not_stretch_the_grace() {
        let decide = |seconds| {
            let session = session(1, 100);
            decide(&session, 0, GRACE, &LIMITS, Time::default(), at(seconds))
        };
        assert_eq!(decide(98), Refresh::SameSuccessor);
        assert_eq!(decide(91), Refresh::SameSuccessor);
        assert_eq!(decide(90), Refresh::Reuse);
        assert_eq!(decide(-3600), Refresh::Reuse);
    }

    #[test]
    fn without_grace_the_one_before_is_reuse() {
        let decision = decide(
            &session(1, 100),
            0,
            Duration::ZERO,
            &LIMITS,
            Time::default(),
            at(100),
        );
        assert_eq!(decision, Refresh::Reuse);
    }

    #[test]
    fn an_ended_session_stays_ended() {
        let mut session = session(7, 100);
        session.ended = Some((at(101), EndReason::Superseded));
        let decision = decide(&session, 7, GRACE, &LIMITS, Time::default(), at(102));
        assert_eq!(decision, Refresh::Ended(EndReason::Superseded));
    }
}
