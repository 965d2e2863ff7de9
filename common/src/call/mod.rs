//! The admin protocol: each call is a type that names its method, path, sockets, request and answer.
//! Server and client use the same types, so the compiler checks both ends. No call has a path on
//! the daemon's file system as a parameter.

pub mod apply;
pub mod attempt;
pub mod audit;
pub mod backup;
pub mod cache;
pub mod client;
pub mod daemon;
pub mod db;
pub mod doctor;
pub mod events;
pub mod explain;
pub mod job;
pub mod key;
pub mod lockout;
pub mod mail;
pub mod permission;
pub mod registration;
pub mod role;
pub mod session;
pub mod setting;
pub mod status;
pub mod tenant;
pub mod token;
pub mod user;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::id::AuditId;
use crate::secret::RevealedSecret;
use crate::time::Time;

/// Header that carries the client's version; a request without it is closed unparsed.
pub const CLIENT_VERSION_HEADER: &str = "authctl-version";
/// Header that carries the client's protocol number; a request without it is closed unparsed.
pub const CLIENT_PROTOCOL_HEADER: &str = "authctl-protocol";
/// Header that asks for a rehearsal: the change runs and is undone (`--dry-run`). The answer bears it
/// too, or it was no rehearsal.
pub const DRY_RUN_HEADER: &str = "authctl-dry-run";
/// Header that carries the daemon's version.
pub const SERVER_VERSION_HEADER: &str = "authd-version";
/// Header that carries the daemon's protocol number.
pub const SERVER_PROTOCOL_HEADER: &str = "authd-protocol";

/// A door into the daemon; the file system decides who may knock at which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Socket {
    /// `admin.sock`: everything.
    Admin,
    /// `monitor.sock`: status, counts and masked lists; no personal data.
    Monitor,
    /// `helpdesk.sock`: helps a user back in; lists are masked, and `system` and tenant
    /// administrators are out of its reach.
    Helpdesk,
}

impl Socket {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Monitor, Self::Helpdesk];

    /// Whether personal data is shown there.
    pub const fn shows_personal(self) -> bool {
        matches!(self, Self::Admin)
    }

    /// Name for messages and audit rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Monitor => "monitor",
            Self::Helpdesk => "helpdesk",
        }
    }
}

/// Method of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the methods of HTTP")]
pub enum Method {
    Get,
    Post,
}

impl Method {
    /// Name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// One call of the admin protocol. Requests of GET calls travel in the query, others as JSON.
pub trait AdminCall: Serialize + DeserializeOwned + Send + 'static {
    /// Answer of the call.
    type Answer: Serialize + DeserializeOwned + Send + 'static;
    /// Words on the command line, for messages: `user disable`.
    const NAME: &'static str;
    /// Method on the wire.
    const METHOD: Method;
    /// Path on the wire; fixed, ids travel in the request.
    const PATH: &'static str;
    /// Sockets that carry it beside `admin.sock`; a new call is closed until it is listed.
    const ALSO_ON: &'static [Socket] = &[];
    /// Whether the request holds a secret, which authctl sends to a trusted peer alone.
    const SENDS_SECRET: bool = false;
    /// Whether it changes nothing although it is posted, so that a rehearsal makes it as it is.
    const ONLY_READS: bool = false;
    /// Whether it takes long: the answer comes in frames ([`job`]), without a total limit.
    const IS_JOB: bool = false;

    /// Whether a rehearsal (`--dry-run`) is something else than the call itself.
    const CHANGES: bool = matches!(Self::METHOD, Method::Post) && !Self::ONLY_READS;

    /// Whether a socket carries this call.
    fn allowed_on(socket: Socket) -> bool {
        socket == Socket::Admin || Self::ALSO_ON.contains(&socket)
    }
}

/// What every change answers with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Change {
    /// Stable name, such as `user.disable`.
    pub action: String,
    /// False where the object already was as asked.
    pub changed: bool,
    /// Whether all this was only rehearsed, and undone.
    #[serde(default)]
    pub dry_run: bool,
    /// The object's id.
    pub id: Option<String>,
    /// Slug of the tenant.
    pub tenant: Option<String>,
    /// The audit row; null where nothing changed.
    pub audit_id: Option<AuditId>,
    /// The object by its name, for the sentence that people read.
    pub subject: String,
    /// Sessions that ended with it.
    #[serde(default)]
    pub sessions_ended: u32,
    /// Whom a rehearsal would have touched, where it changes rights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blast: Option<Blast>,
    /// Further sentences for people, such as what to do next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// A password that the caller asked to have made, shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_password: Option<RevealedSecret>,
    /// The secret that was made for a service client, shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<RevealedSecret>,
    /// A link that the caller asked for instead of a mail, shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<RevealedSecret>,
    /// When the link ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

/// Whom a change of rights touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blast {
    /// Users whose rights change.
    pub users: u64,
    /// Their live sessions.
    pub sessions: u64,
    /// Permissions that users lose.
    pub takes: Vec<Touched>,
    /// Permissions that users get.
    pub gives: Vec<Touched>,
    /// Whether it was counted beside the rehearsal, at a moment of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

/// A permission, and how many users lose or get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// The permission, or `ALL_PERMISSIONS`.
    pub permission: String,
    /// Users who hold it by nothing else.
    pub users: u64,
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Paging {
    /// Rows wanted, 1 to 200; 200 where it is absent.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// Which tenants a list covers: one slug or `ten_…` id, or all of them.
pub type TenantFilter = Option<String>;

/// A user as the operator names it, with the tenant where one was given.
///
/// `name` is a `usr_…` id or an e-mail address; `tenant` a slug or `ten_…` id. Without a tenant an
/// address must match in exactly one (else 422 with the candidates as fields `/user`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRef {
    /// Slug or id of the tenant.
    pub tenant: Option<String>,
    /// Id or address.
    pub name: String,
}

/// Method, path and sockets of a call, for the tests that walk all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallInfo {
    /// Words on the command line.
    pub name: &'static str,
    /// Method on the wire.
    pub method: &'static str,
    /// Path on the wire.
    pub path: &'static str,
    /// Sockets that carry it.
    pub sockets: BTreeSet<Socket>,
    /// Whether its answer comes in frames.
    pub is_job: bool,
}

fn info<C: AdminCall>() -> CallInfo {
    CallInfo {
        name: C::NAME,
        method: C::METHOD.as_str(),
        path: C::PATH,
        sockets: Socket::ALL
            .into_iter()
            .filter(|&s| C::allowed_on(s))
            .collect(),
        is_job: C::IS_JOB,
    }
}

/// Every call there is; the listener's table and the matrix test are held against it.
pub fn all() -> Vec<CallInfo> {
    let mut calls = of_tenants();
    calls.extend(of_sign_ins());
    calls.extend(of_the_installation());
    calls
}

/// Calls about tenants, their users and their clients.
fn of_tenants() -> Vec<CallInfo> {
    vec![
        info::<tenant::Create>(),
        info::<tenant::List>(),
        info::<tenant::Show>(),
        info::<tenant::Set>(),
        info::<tenant::Suspend>(),
        info::<tenant::Resume>(),
        info::<tenant::Delete>(),
        info::<tenant::Restore>(),
        info::<tenant::Usage>(),
        info::<setting::List>(),
        info::<setting::Get>(),
        info::<setting::Set>(),
        info::<setting::Unset>(),
        info::<user::Create>(),
        info::<user::List>(),
        info::<user::Show>(),
        info::<user::Disable>(),
        info::<user::Enable>(),
        info::<user::FlagCompromised>(),
        info::<user::SetPassword>(),
        info::<user::Delete>(),
        info::<user::ResetPassword>(),
        info::<user::ResendInvitation>(),
        info::<user::ChangeEmail>(),
        info::<user::Set>(),
        info::<user::Grant>(),
        info::<user::Revoke>(),
        info::<user::Permissions>(),
        info::<user::SetPicture>(),
        info::<user::RemovePicture>(),
        info::<user::GetPicture>(),
        info::<role::List>(),
        info::<role::Show>(),
        info::<role::Create>(),
        info::<role::Set>(),
        info::<role::Allow>(),
        info::<role::Deny>(),
        info::<role::Delete>(),
        info::<permission::List>(),
        info::<permission::Check>(),
        info::<permission::Define>(),
        info::<permission::Undefine>(),
        info::<permission::WhoCan>(),
        info::<apply::Diff>(),
        info::<apply::Apply>(),
        info::<apply::Export>(),
        info::<explain::Permission>(),
        info::<client::List>(),
        info::<client::Show>(),
        info::<client::Create>(),
        info::<client::Rotate>(),
        info::<client::Delete>(),
    ]
}

/// Calls about signing in, and what it gave.
fn of_sign_ins() -> Vec<CallInfo> {
    vec![
        info::<explain::Login>(),
        info::<lockout::List>(),
        info::<lockout::Show>(),
        info::<lockout::Clear>(),
        info::<lockout::ClearAll>(),
        info::<lockout::Add>(),
        info::<lockout::Simulate>(),
        info::<attempt::List>(),
        info::<attempt::Show>(),
        info::<attempt::Top>(),
        info::<attempt::Prune>(),
        info::<registration::List>(),
        info::<registration::Delete>(),
        info::<session::List>(),
        info::<session::Show>(),
        info::<session::Revoke>(),
        info::<token::Inspect>(),
        info::<token::Revoke>(),
        info::<token::Denylist>(),
    ]
}

/// Calls about the daemon and what it keeps.
fn of_the_installation() -> Vec<CallInfo> {
    vec![
        info::<status::Status>(),
        info::<status::Stats>(),
        info::<status::Ping>(),
        info::<status::Version>(),
        info::<doctor::Doctor>(),
        info::<events::Events>(),
        info::<key::List>(),
        info::<key::Jwks>(),
        info::<key::Rotate>(),
        info::<key::Retire>(),
        info::<key::Revoke>(),
        info::<audit::Verify>(),
        info::<audit::Mark>(),
        info::<audit::List>(),
        info::<audit::Show>(),
        info::<audit::Export>(),
        info::<mail::Status>(),
        info::<mail::Test>(),
        info::<mail::Pause>(),
        info::<mail::Resume>(),
        info::<mail::QueueList>(),
        info::<mail::QueueShow>(),
        info::<mail::QueueRetry>(),
        info::<mail::QueueDelete>(),
        info::<daemon::Config>(),
        info::<daemon::Reload>(),
        info::<daemon::LogLevel>(),
        info::<daemon::Drain>(),
        info::<daemon::Maintenance>(),
        info::<backup::Create>(),
        info::<backup::List>(),
        info::<backup::Verify>(),
        info::<backup::Prune>(),
        info::<db::Status>(),
        info::<db::Migrations>(),
        info::<db::Check>(),
        info::<db::Optimize>(),
        info::<db::Vacuum>(),
        info::<cache::Stats>(),
        info::<cache::Flush>(),
    ]
}
