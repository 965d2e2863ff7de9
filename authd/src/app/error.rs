//! What a use case refuses or fails with, and how that becomes the one public shape.
//! The cause stays in here for the log and never reaches an answer.

use std::borrow::Cow;
use std::time::Duration;

use common::error::{ErrorCode, FieldError, Problem};
use common::id::RequestId;
use domain::password::PasswordRejection;
use domain::profile::InvalidField;
use store::StoreError;

use crate::crypto::{CryptoError, HashError};

/// A refusal or a failure. It has no `Display`, so that a cause cannot leak by accident.
#[derive(Debug)]
pub struct Error {
    /// The public code.
    pub code: ErrorCode,
    /// For who integrates.
    pub developer_message: Cow<'static, str>,
    /// Refused fields.
    pub fields: Vec<FieldError>,
    /// Time to wait before another try.
    pub retry_after: Option<Duration>,
    /// Next step for the operator; shown on the admin channel alone.
    pub hint: Option<String>,
    /// For the log.
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A refusal with its code and what the integrator should know.
    pub fn new(code: ErrorCode, developer_message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            developer_message: developer_message.into(),
            fields: Vec::new(),
            retry_after: None,
            hint: None,
            cause: None,
        }
    }

    /// Something that should not happen; the cause goes to the log.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(
            ErrorCode::Internal,
            "internal error; the request id finds it in the log",
        )
        .with_cause(cause)
    }

    /// No room for the work right now; nothing was done.
    pub fn overloaded() -> Self {
        Self::new(
            ErrorCode::Overloaded,
            "no place in the queue; nothing was done",
        )
        .with_retry_after(Duration::from_secs(1))
    }

    /// One value that breaks a rule.
    pub fn field(
        path: impl Into<Cow<'static, str>>,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let field = FieldError::new(path, code, message);
        let developer = format!("{}: {}", field.path, field.message);
        Self {
            fields: vec![field],
            ..Self::new(ErrorCode::ValidationFailed, developer)
        }
    }

    /// A profile field that was refused.
    pub fn invalid_field(path: impl Into<Cow<'static, str>>, error: &InvalidField) -> Self {
        Self::field(path, error.code(), error.to_string()).with_limit(error.limit())
    }

    /// A password that cannot be one; `path` is where it stood.
    pub fn no_password(path: &'static str, rejection: &PasswordRejection) -> Self {
        Self::field(path, rejection.code(), rejection.to_string()).with_limit(rejection.limit())
    }

    /// A password that may not be set; `path` is where it stood.
    pub fn password(path: &'static str, rejection: &PasswordRejection) -> Self {
        let field = FieldError::new(path, rejection.code(), rejection.to_string());
        let developer = format!("{path}: {}", rejection.code());
        Self {
            fields: vec![field],
            ..Self::new(ErrorCode::PasswordRejected, developer)
        }
        .with_limit(rejection.limit())
    }

    /// Keeps the number that the fields' messages name.
    fn with_limit(mut self, limit: Option<usize>) -> Self {
        for field in &mut self.fields {
            field.limit = limit.and_then(|limit| u64::try_from(limit).ok());
        }
        self
    }

    /// An object that is not there, or not for the caller; the two answers are the same.
    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "no such object")
    }

    /// Adds the cause for the log.
    #[must_use]
    pub fn with_cause(
        mut self,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds the time to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds the operator's next step.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The public shape; waiting times are rounded up to whole seconds, at least one.
    pub fn problem(&self, request_id: RequestId) -> Problem {
        Problem {
            type_uri: format!("urn:authd:error:{}", self.code),
            title: self.code.title().to_owned(),
            status: self.code.status(),
            code: self.code,
            message: self.code.user_message().to_owned(),
            developer_message: self.developer_message.clone().into_owned(),
            fields: self.fields.clone(),
            request_id: request_id.to_string(),
            retry_after_seconds: self.retry_after_seconds(),
            hint: None,
        }
    }

    /// Seconds for `Retry-After`, where waiting helps.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|wait| {
            let partial = u64::from(wait.subsec_nanos() > 0);
            wait.as_secs().saturating_add(partial).max(1)
        })
    }
}

impl From<HashError> for Error {
    fn from(error: HashError) -> Self {
        match error {
            HashError::TooLate => Self::overloaded(),
            // Memory comes back with the hashes beside this one, so another try may have it.
            HashError::Failed(CryptoError::Memory { .. }) => Self::overloaded().with_cause(error),
            error => Self::internal(error),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let wait = Duration::from_secs(1);
        match error {
            StoreError::Unavailable { .. } => Self::new(
                ErrorCode::Unavailable,
                "the database did not take the work; nothing was done",
            )
            .with_retry_after(wait)
            .with_cause(error),
            StoreError::OutcomeUnknown { .. } => Self::new(
                ErrorCode::Unavailable,
                "outcome unknown: read the state before another try",
            )
            .with_retry_after(wait)
            .with_cause(error),
            StoreError::Expired => Self::new(
                ErrorCode::RequestTimeout,
                "the request took too long; nothing was done",
            )
            .with_retry_after(wait),
            StoreError::Damaged { .. } | StoreError::Panicked => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r19_want_of_memory_for_a_hash_is_want_of_a_place() {
        let short = HashError::Failed(CryptoError::Memory { kib: 19_456 });
        for (error, code, waits) in [
            (HashError::TooLate, ErrorCode::Overloaded, true),
            (short, ErrorCode::Overloaded, true),
            (HashError::Unusable, ErrorCode::Internal, false),
            (CryptoError::Stopped.into(), ErrorCode::Internal, false),
        ] {
            let error = Error::from(error);
            assert_eq!((error.code, error.retry_after.is_some()), (code, waits));
        }
    }
}
