//! The part of the tree about users: making them, looking at them, opening and closing them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{ListArgs, Many, UserRoles, UserSet, duration};

/// Where a new password comes from.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub(crate) struct PasswordArgs {
    /// Let authd make the password, and show it once
    #[arg(long)]
    pub(crate) generate: bool,
    /// Read the password from standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Read it from a file that only you can read
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// What `user create` takes.
#[derive(Debug, Args)]
pub(crate) struct UserCreate {
    /// E-mail address, unique in the tenant
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: String,
    /// Given name
    #[arg(long, value_name = "TEXT")]
    pub(crate) given_name: Option<String>,
    /// Family name
    #[arg(long, value_name = "TEXT")]
    pub(crate) family_name: Option<String>,
    /// Name as shown; made of the two where it is absent
    #[arg(long, value_name = "TEXT")]
    pub(crate) display_name: Option<String>,
    /// Let the user do everything within the tenant
    #[arg(long)]
    pub(crate) tenant_admin: bool,
    /// Grant a role, or system:NAME; repeatable
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// Telephone number, such as +254712345678
    #[arg(long, value_name = "NUMBER", hide_short_help = true)]
    pub(crate) phone: Option<String>,
    /// The employer's own number
    #[arg(long, value_name = "TEXT")]
    pub(crate) employee_id: Option<String>,
    /// KRA PIN
    #[arg(long, value_name = "PIN", hide_short_help = true)]
    pub(crate) kra_pin: Option<String>,
    /// Reference to another service; repeatable
    #[arg(long = "ref", value_name = "NAME=VALUE", value_parser = reference)]
    pub(crate) refs: Vec<(String, String)>,
    /// Language, such as sw-KE
    #[arg(long, value_name = "TAG", hide_short_help = true)]
    pub(crate) locale: Option<String>,
    #[command(flatten)]
    pub(crate) password: FirstPasswordArgs,
    /// Keep the password; else it must be changed first
    #[arg(long)]
    pub(crate) permanent: bool,
}

/// Where a first password comes from; by mail without any of these.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct FirstPasswordArgs {
    /// Mail an invitation with a password (the default)
    #[arg(long, conflicts_with_all = ["generate", "password_stdin", "password_file", "permanent"])]
    pub(crate) invite: bool,
    #[command(flatten)]
    pub(crate) password: PasswordArgs,
    /// Print a link for setting one, instead of mailing
    #[arg(long, conflicts_with_all = ["generate", "password_stdin", "password_file", "permanent"])]
    pub(crate) print_link: bool,
}

impl FirstPasswordArgs {
    /// Whether a mail brings the password: it was asked for so, or nothing else was. One that is to
    /// stand (`permanent`) is not mailed, so it is asked for.
    pub(crate) fn is_invitation(&self, permanent: bool) -> bool {
        let from = &self.password;
        let is_given = from.generate || from.password_stdin || from.password_file.is_some();
        self.invite || !(is_given || permanent)
    }
}

/// What `user reset-password` takes.
#[derive(Debug, Args)]
pub(crate) struct UserReset {
    #[command(flatten)]
    pub(crate) many: Many,
    /// Let the link live so long, 1m to 1d [default: 1h, or as configured]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) expires: Option<Duration>,
    /// Print the link instead of mailing it
    #[arg(long)]
    pub(crate) print_link: bool,
}

/// What `user picture` takes.
#[derive(Debug, Args)]
pub(crate) struct UserPicture {
    /// usr_… id, address or TENANT/ADDRESS
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    /// set, remove or get
    #[arg(value_name = "ACT", hide_possible_values = true)]
    pub(crate) act: PictureAct,
    /// File to send (JPEG, PNG, WebP) or to write; - for standard input or output
    #[arg(value_name = "FILE", required_if_eq_any = [("act", "set"), ("act", "get")])]
    pub(crate) file: Option<PathBuf>,
}

/// What is to become of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PictureAct {
    /// A file takes its place.
    Set,
    /// It goes.
    Remove,
    /// It is written to a file.
    Get,
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Make a user, invited by mail unless a flag says otherwise
    Create(Box<UserCreate>),
    /// List users
    List {
        /// Only those invited, active or disabled
        #[arg(long, value_name = "STATUS", value_parser = user_status)]
        status: Option<common::view::UserStatus>,
        /// Only those who hold this role
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// Only those that are locked out now
        #[arg(long)]
        locked: bool,
        /// Only tenant administrators
        #[arg(long)]
        tenant_admin: bool,
        /// Only those who have not signed in for 90d, say
        #[arg(long, value_name = "TIME", value_parser = duration)]
        inactive_since: Option<Duration>,
        /// Only those with this reference to another service; repeatable
        #[arg(long = "ref", value_name = "NAME=VALUE", value_parser = reference)]
        refs: Vec<(String, String)>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show a user
    Show(UserShow),
    /// Close users: their sessions end
    Disable(Many),
    /// Open users again
    Enable(Many),
    /// Void passwords that others know, and mail a link
    FlagCompromised(Many),
    /// Clear counters and locks, as lockout clear
    Unlock(Many),
    /// Delete users for good: sessions and devices go with them
    Delete(UserDelete),
    /// Change the profile of a user, or the tenant-admin flag
    #[command(override_usage = "authctl user set [OPTIONS] <USER>")]
    Set(Box<UserSet>),
    /// Grant roles to a user
    Grant(UserRoles),
    /// Take roles from a user
    Revoke(UserRoles),
    /// Show what a user may do, and by which role
    Permissions {
        /// usr_… id, address or TENANT/ADDRESS
        #[arg(value_name = "USER")]
        user: String,
    },
    /// Set, remove or fetch the picture of a user
    #[command(
        override_usage = "authctl user picture [OPTIONS] <USER> set <FILE> | remove | get <FILE>"
    )]
    Picture(UserPicture),
    /// Mail users a link for setting a new password
    ResetPassword(UserReset),
    /// Give a user another address, once its owner confirms it
    Email {
        /// usr_… id, address or TENANT/ADDRESS
        #[arg(value_name = "USER")]
        user: String,
        /// The new address
        #[arg(value_name = "NEW")]
        new: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Mail invited users a new first password
    ResendInvitation(Many),
    /// Set a user's password: all sessions end
    SetPassword {
        /// usr_… id, address or TENANT/ADDRESS
        #[arg(value_name = "USER")]
        user: String,
        #[command(flatten)]
        password: PasswordArgs,
        /// Keep the password; else it must be changed first
        #[arg(long)]
        permanent: bool,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

fn user_status(text: &str) -> Result<common::view::UserStatus, String> {
    use common::view::UserStatus::{Active, Disabled, Invited};
    [Invited, Active, Disabled]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| "expected invited, active or disabled".to_owned())
}

pub(super) fn reference(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// What `user show` takes.
#[derive(Debug, Args)]
pub(crate) struct UserShow {
    /// usr_… id, address or TENANT/ADDRESS
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    #[command(flatten)]
    pub(crate) parts: UserParts,
}

/// Which parts of a user are shown; without any the user with all but the permissions.
#[derive(Debug, Args)]
pub(crate) struct UserParts {
    /// Only the sessions, and other parts asked for
    #[arg(long)]
    pub(crate) sessions: bool,
    /// Only the last attempts, and other parts asked for
    #[arg(long)]
    pub(crate) attempts: bool,
    /// Only what the user may do, and other parts asked for
    #[arg(long)]
    pub(crate) permissions: bool,
}

/// What `user delete` takes.
#[derive(Debug, Args)]
pub(crate) struct UserDelete {
    #[command(flatten)]
    pub(crate) many: Many,
    /// Also erase what is personal from login attempts and audit log
    #[arg(long)]
    pub(crate) hard: bool,
}
