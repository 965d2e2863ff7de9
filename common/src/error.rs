//! The one error shape (RFC 9457) and the closed list of codes, for HTTP and the admin channel.
//! It never holds a cause: causes go to the log, under the request id.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every code that an answer can bear; stable, and documented in the API's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the codes are their own names; http-api.md explains each"
)]
pub enum ErrorCode {
    MalformedRequest,
    UnknownField,
    UnknownParameter,
    InvalidCursor,
    InvalidCredentials,
    MissingToken,
    InvalidToken,
    TokenExpired,
    SessionExpired,
    SessionRevoked,
    SessionSuperseded,
    RefreshTokenReused,
    ReauthenticationRequired,
    InvalidClient,
    PermissionDenied,
    PasswordChangeRequired,
    AccountDisabled,
    TenantSuspended,
    SubscriptionEnded,
    RegistrationClosed,
    UnknownPermission,
    NotFound,
    MethodNotAllowed,
    BodyTooLarge,
    UnsupportedMediaType,
    EmailTaken,
    NameTaken,
    UserLimitReached,
    LastAdmin,
    Conflict,
    NoMailTransport,
    LinkExpired,
    FeedGap,
    PreconditionFailed,
    ValidationFailed,
    PasswordRejected,
    LoginLocked,
    RateLimited,
    Internal,
    RequestTimeout,
    Overloaded,
    Unavailable,
}

impl ErrorCode {
    /// All of them, for tables and tests.
    pub const ALL: &[Self] = &[
        Self::MalformedRequest,
        Self::UnknownField,
        Self::UnknownParameter,
        Self::InvalidCursor,
        Self::InvalidCredentials,
        Self::MissingToken,
        Self::InvalidToken,
        Self::TokenExpired,
        Self::SessionExpired,
        Self::SessionRevoked,
        Self::SessionSuperseded,
        Self::RefreshTokenReused,
        Self::ReauthenticationRequired,
        Self::InvalidClient,
        Self::PermissionDenied,
        Self::PasswordChangeRequired,
        Self::AccountDisabled,
        Self::TenantSuspended,
        Self::SubscriptionEnded,
        Self::RegistrationClosed,
        Self::UnknownPermission,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::EmailTaken,
        Self::NameTaken,
        Self::UserLimitReached,
        Self::LastAdmin,
        Self::Conflict,
        Self::NoMailTransport,
        Self::LinkExpired,
        Self::FeedGap,
        Self::PreconditionFailed,
        Self::ValidationFailed,
        Self::PasswordRejected,
        Self::LoginLocked,
        Self::RateLimited,
        Self::Internal,
        Self::RequestTimeout,
        Self::Overloaded,
        Self::Unavailable,
    ];

    /// The code as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedRequest => "malformed_request",
            Self::UnknownField => "unknown_field",
            Self::UnknownParameter => "unknown_parameter",
            Self::InvalidCursor => "invalid_cursor",
            Self::InvalidCredentials => "invalid_credentials",
            Self::MissingToken => "missing_token",
            Self::InvalidToken => "invalid_token",
            Self::TokenExpired => "token_expired",
            Self::SessionExpired => "session_expired",
            Self::SessionRevoked => "session_revoked",
            Self::SessionSuperseded => "session_superseded",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::ReauthenticationRequired => "reauthentication_required",
            Self::InvalidClient => "invalid_client",
            Self::PermissionDenied => "permission_denied",
            Self::PasswordChangeRequired => "password_change_required",
            Self::AccountDisabled => "account_disabled",
            Self::TenantSuspended => "tenant_suspended",
            Self::SubscriptionEnded => "subscription_ended",
            Self::RegistrationClosed => "registration_closed",
            Self::UnknownPermission => "unknown_permission",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::BodyTooLarge => "body_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::EmailTaken => "email_taken",
            Self::NameTaken => "name_taken",
            Self::UserLimitReached => "user_limit_reached",
            Self::LastAdmin => "last_admin",
            Self::Conflict => "conflict",
            Self::NoMailTransport => "no_mail_transport",
            Self::LinkExpired => "link_expired",
            Self::FeedGap => "feed_gap",
            Self::PreconditionFailed => "precondition_failed",
            Self::ValidationFailed => "validation_failed",
            Self::PasswordRejected => "password_rejected",
            Self::LoginLocked => "login_locked",
            Self::RateLimited => "rate_limited",
            Self::Internal => "internal",
            Self::RequestTimeout => "request_timeout",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
        }
    }

    /// HTTP status, the same over both channels.
    pub const fn status(self) -> u16 {
        match self {
            Self::MalformedRequest
            | Self::UnknownField
            | Self::UnknownParameter
            | Self::InvalidCursor => 400,
            Self::InvalidCredentials
            | Self::MissingToken
            | Self::InvalidToken
            | Self::TokenExpired
            | Self::SessionExpired
            | Self::SessionRevoked
            | Self::SessionSuperseded
            | Self::RefreshTokenReused
            | Self::ReauthenticationRequired
            | Self::InvalidClient => 401,
            Self::PermissionDenied
            | Self::PasswordChangeRequired
            | Self::AccountDisabled
            | Self::TenantSuspended
            | Self::SubscriptionEnded
            | Self::RegistrationClosed => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::EmailTaken
            | Self::NameTaken
            | Self::UserLimitReached
            | Self::LastAdmin
            | Self::Conflict
            | Self::NoMailTransport => 409,
            Self::LinkExpired | Self::FeedGap => 410,
            Self::PreconditionFailed => 412,
            Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::ValidationFailed | Self::PasswordRejected | Self::UnknownPermission => 422,
            Self::LoginLocked | Self::RateLimited => 429,
            Self::Internal => 500,
            Self::RequestTimeout | Self::Overloaded | Self::Unavailable => 503,
        }
    }

    /// Short English name of the problem, the same for every occurrence (RFC 9457 `title`).
    pub const fn title(self) -> &'static str {
        match self {
            Self::MalformedRequest => "Malformed request",
            Self::UnknownField => "Unknown field",
            Self::UnknownParameter => "Unknown parameter",
            Self::InvalidCursor => "Invalid cursor",
            Self::InvalidCredentials => "Invalid credentials",
            Self::MissingToken => "Missing token",
            Self::InvalidToken => "Invalid token",
            Self::TokenExpired => "Token expired",
            Self::SessionExpired => "Session expired",
            Self::SessionRevoked => "Session revoked",
            Self::SessionSuperseded => "Session superseded",
            Self::RefreshTokenReused => "Refresh token reused",
            Self::ReauthenticationRequired => "Reauthentication required",
            Self::InvalidClient => "Invalid client",
            Self::PermissionDenied => "Permission denied",
            Self::PasswordChangeRequired => "Password change required",
            Self::AccountDisabled => "Account disabled",
            Self::TenantSuspended => "Tenant suspended",
            Self::SubscriptionEnded => "Subscription ended",
            Self::RegistrationClosed => "Registration closed",
            Self::UnknownPermission => "Unknown permission",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::BodyTooLarge => "Body too large",
            Self::UnsupportedMediaType => "Unsupported media type",
            Self::EmailTaken => "E-mail taken",
            Self::NameTaken => "Name taken",
            Self::UserLimitReached => "User limit reached",
            Self::LastAdmin => "Last administrator",
            Self::Conflict => "Conflict",
            Self::NoMailTransport => "No mail transport",
            Self::LinkExpired => "Link expired",
            Self::FeedGap => "Gap in the feed",
            Self::PreconditionFailed => "Precondition failed",
            Self::ValidationFailed => "Validation failed",
            Self::PasswordRejected => "Password rejected",
            Self::LoginLocked => "Login locked",
            Self::RateLimited => "Rate limited",
            Self::Internal => "Internal error",
            Self::RequestTimeout => "Request timeout",
            Self::Overloaded => "Overloaded",
            Self::Unavailable => "Unavailable",
        }
    }

    /// What an end user may read: no jargon, and nothing that tells one reason from another.
    pub const fn user_message(self) -> &'static str {
        match self {
            Self::MalformedRequest
            | Self::UnknownField
            | Self::UnknownParameter
            | Self::InvalidCursor
            | Self::MethodNotAllowed
            | Self::UnsupportedMediaType
            | Self::InvalidClient
            | Self::FeedGap
            | Self::UnknownPermission => "The app sent a request that could not be understood.",
            Self::InvalidCredentials => "The e-mail address or the password is not right.",
            Self::MissingToken | Self::InvalidToken | Self::TokenExpired => {
                "Please sign in to continue."
            }
            Self::SessionExpired => "You were away for a while. Please sign in again.",
            Self::SessionRevoked | Self::RefreshTokenReused => {
                "You have been signed out. Please sign in again."
            }
            Self::SessionSuperseded => {
                "You signed in on another device, so this one was signed out."
            }
            Self::ReauthenticationRequired => "Please sign in again to confirm that it is you.",
            Self::PermissionDenied => "You are not allowed to do this.",
            Self::PasswordChangeRequired => "Please choose a new password to continue.",
            Self::AccountDisabled => "This account is disabled. Please ask your administrator.",
            Self::TenantSuspended => {
                "This organisation is suspended. Please ask your administrator."
            }
            Self::SubscriptionEnded => "The subscription has ended. Please ask your administrator.",
            Self::RegistrationClosed => {
                "It is not possible to register here. Please ask your administrator."
            }
            Self::NotFound => "This could not be found.",
            Self::BodyTooLarge => "That is too large.",
            Self::EmailTaken => "This e-mail address is already in use.",
            Self::NameTaken => "This name is already in use.",
            Self::UserLimitReached => "No more users can be added.",
            Self::LastAdmin => "The last administrator cannot be removed.",
            Self::Conflict => "This was changed by someone else in the meantime.",
            Self::NoMailTransport => "No mail can be sent.",
            Self::LinkExpired => "This link is no longer valid. Please ask for a new one.",
            Self::PreconditionFailed => {
                "This was changed in the meantime. Please load it again and repeat your change."
            }
            Self::ValidationFailed => "Please check the highlighted fields.",
            Self::PasswordRejected => "Please choose another password.",
            Self::LoginLocked => "Too many tries. Please wait a while and try again.",
            Self::RateLimited => "Too many requests. Please wait a moment and try again.",
            Self::Internal => "Something went wrong. Please try again later.",
            Self::RequestTimeout | Self::Overloaded | Self::Unavailable => {
                "The service is busy. Please try again in a moment."
            }
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One field that was refused: where it stands, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the request's body.
    pub path: Cow<'static, str>,
    /// Stable reason, such as `invalid_email`.
    pub code: Cow<'static, str>,
    /// What to write instead, for the end user.
    pub message: Cow<'static, str>,
    /// The number in the message, for who says it in another language.
    #[serde(skip)]
    pub limit: Option<u64>,
}

impl FieldError {
    /// Names a field, a stable reason and a sentence for the user.
    pub fn new(
        path: impl Into<Cow<'static, str>>,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            path: path.into(),
            code: code.into(),
            message: message.into(),
            limit: None,
        }
    }
}

/// The body of every refused request (`application/problem+json`, RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `urn:authd:error:<code>`.
    #[serde(rename = "type")]
    #[schemars(regex(pattern = "^urn:authd:error:[a-z_]+$"))]
    pub type_uri: String,
    /// Short name of the problem.
    pub title: String,
    /// HTTP status.
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    /// The code that programs act on.
    pub code: ErrorCode,
    /// For the end user.
    pub message: String,
    /// For who integrates: what was wrong, what to send.
    pub developer_message: String,
    /// Fields that were refused; empty unless values broke a rule.
    pub fields: Vec<FieldError>,
    /// The request that this answers, to be found in the log.
    pub request_id: String,
    /// Seconds to wait before another try, where waiting helps.
    pub retry_after_seconds: Option<u64>,
    /// Next step for the operator; on the admin channel alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub hint: Option<String>,
}

/// An error and its causes in one line, the outermost first; for the log and for sysadmins.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_serializes_as_its_name() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert!((400..600).contains(&code.status()));
        }
    }
}
