//! Exit codes: the closed list, and the one place that maps an answer of the daemon to them.
//! A script may rely on each number across 1.x.

use std::process::ExitCode;

use common::error::ErrorCode;

/// How authctl ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or already so; also a closed pipe on standard output.
    Done,
    /// Anything without its own code.
    Failure,
    /// The command line or a value in it is wrong.
    Usage,
    /// No daemon answers on the socket.
    NotRunning,
    /// The socket refuses the caller, or the call, or belongs to a stranger.
    Denied,
    /// The object does not exist.
    NotFound,
    /// The name is taken, or somebody else was faster.
    Conflict,
    /// A rule says no.
    Refused,
    /// Some objects of several failed.
    Partial,
    /// Client and daemon speak different protocols.
    Version,
    /// Too busy or too slow: a retry may help.
    Busy,
    /// What was checked is not as it should be.
    Unsound,
    /// Answered no, or nobody there to answer.
    NotConfirmed,
    /// Interrupted at a prompt.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::NotRunning => 3,
            Self::Denied => 4,
            Self::NotFound => 5,
            Self::Conflict => 6,
            Self::Refused => 7,
            Self::Partial => 8,
            Self::Version => 9,
            Self::Busy => 10,
            Self::Unsound => 11,
            Self::NotConfirmed => 12,
            Self::Interrupted => 130,
        }
    }

    /// The end that a refusal of the daemon leads to.
    pub(crate) const fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::MalformedRequest
            | ErrorCode::UnknownField
            | ErrorCode::UnknownParameter
            | ErrorCode::InvalidCursor
            | ErrorCode::MethodNotAllowed
            | ErrorCode::BodyTooLarge
            | ErrorCode::UnsupportedMediaType
            | ErrorCode::ValidationFailed
            | ErrorCode::UnknownPermission => Self::Usage,
            ErrorCode::NotFound | ErrorCode::LinkExpired | ErrorCode::FeedGap => Self::NotFound,
            ErrorCode::EmailTaken
            | ErrorCode::NameTaken
            | ErrorCode::Conflict
            | ErrorCode::PreconditionFailed => Self::Conflict,
            ErrorCode::UserLimitReached
            | ErrorCode::LastAdmin
            | ErrorCode::NoMailTransport
            | ErrorCode::PermissionDenied
            | ErrorCode::PasswordChangeRequired
            | ErrorCode::AccountDisabled
            | ErrorCode::TenantSuspended
            | ErrorCode::SubscriptionEnded
            | ErrorCode::RegistrationClosed
            | ErrorCode::PasswordRejected => Self::Refused,
            ErrorCode::LoginLocked
            | ErrorCode::RateLimited
            | ErrorCode::RequestTimeout
            | ErrorCode::Overloaded
            | ErrorCode::Unavailable => Self::Busy,
            ErrorCode::Internal
            | ErrorCode::InvalidCredentials
            | ErrorCode::MissingToken
            | ErrorCode::InvalidToken
            | ErrorCode::TokenExpired
            | ErrorCode::SessionExpired
            | ErrorCode::SessionRevoked
            | ErrorCode::SessionSuperseded
            | ErrorCode::RefreshTokenReused
            | ErrorCode::ReauthenticationRequired
            | ErrorCode::InvalidClient => Self::Failure,
        }
    }

    /// The end for a refusal whose code this build does not know.
    pub(crate) const fn of_status(status: u16) -> Self {
        match status {
            400 | 405 | 413 | 415 | 422 => Self::Usage,
            403 | 409 => Self::Refused,
            404 | 410 => Self::NotFound,
            412 => Self::Conflict,
            429 | 503 => Self::Busy,
            _ => Self::Failure,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_agrees_with_its_status_but_where_the_table_says_otherwise() {
        for &code in ErrorCode::ALL {
            let by_code = Exit::of(code);
            let by_status = Exit::of_status(code.status());
            let apart = matches!(
                code,
                ErrorCode::EmailTaken
                    | ErrorCode::NameTaken
                    | ErrorCode::Conflict
                    | ErrorCode::PasswordRejected
            );
            assert_eq!(by_code == by_status, !apart, "{code}");
        }
    }

    #[test]
    fn no_refusal_ends_well_and_none_ends_like_a_panic() {
        for &code in ErrorCode::ALL {
            assert!(!matches!(Exit::of(code).code(), 0 | 101), "{code}");
        }
    }
}
