//! Configuration: files, drop-ins, environment, `--set`; one file a section. Each layer of the
//! daemon takes its own section. Nothing here reads the process's environment or opens a socket.

mod admin;
mod api;
mod attempts;
mod backup;
mod beside;
mod cache;
mod check;
mod claims;
mod cors;
mod database;
mod development;
mod device;
mod employees;
mod environment;
mod events;
mod fault;
mod file;
mod flag;
mod form;
mod key;
mod keys;
mod links;
mod load;
mod lockout;
mod log;
mod login_budget;
mod mail;
mod metrics;
mod password;
mod profile;
mod read;
mod refs;
mod registration;
mod reload;
mod schema;
mod session;
mod show;
mod tenant;
mod timeouts;
mod token;
mod value;

use std::str::FromStr;

use domain::tenant::Slug;

pub use admin::{Account, Admin};
pub use api::{Api, ClientIpHeader};
pub use attempts::{Attempts, StoreIp};
pub use backup::Backup;
pub use beside::{Redis, RedisAddress, RedisUrl};
pub use cache::Cache;
pub use claims::Claims;
pub use cors::Cors;
pub use database::{Database, DatabaseUrl};
pub use development::DevDefaults;
pub use device::Device;
pub use employees::Employees;
pub use environment::PREFIX as ENVIRONMENT_PREFIX;
pub use events::Events;
pub use fault::{Fault, Faults, Origin, Severity};
pub use form::{LEVELS, directives};
pub use key::{Change, Class, Form, Key, Kind};
pub use keys::Keys;
pub use links::Links;
pub use load::{Loaded, Source, load};
pub use lockout::Lockout;
pub use log::{Log, LogTarget};
pub use login_budget::LoginBudget;
pub use mail::{Mail, MailTls, Transport};
pub use metrics::Metrics;
pub use password::Password;
pub use profile::Profile;
pub use refs::Refs;
pub use registration::Registration;
pub use reload::{Changed, Reloaded, reload};
pub use schema::json_schema;
pub use session::Session;
pub use show::{defaults, effective, place};
pub use tenant::Tenant;
pub use timeouts::Timeouts;
pub use token::Token;
pub use value::{Entry, Value, Values};

/// Folder of an installed daemon's configuration.
pub const SYSTEM_FOLDER: &str = "/etc/authd";
/// The main file within that folder; drop-ins are in the folder of the same name with `.d`.
pub const FILE_NAME: &str = "authd.toml";

/// A section of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Name; empty for the keys outside every section.
    pub name: &'static str,
    /// What it is about.
    pub doc: &'static str,
    /// Its keys, sorted by name.
    pub keys: &'static [Key],
}

const GENERAL: &[Key] = &[Key {
    name: "default_tenant",
    kind: Kind::Text(Form::Slug),
    default: None,
    change: Change::Reload,
    class: Class::Installation,
    doc: "Tenant of sign-ins that name none, by slug; never \"system\".",
}];

/// All sections, in the order in which they are shown.
pub const SECTIONS: &[Section] = &[
    section("", "General", GENERAL),
    section("api", "The HTTP side", api::KEYS),
    section("timeouts", "Times of particular operations", timeouts::KEYS),
    section("cors", "Pages of other origins", cors::KEYS),
    section("admin", "The sockets of authctl", admin::KEYS),
    section("database", "Where the data is", database::KEYS),
    section("backup", "Copies of the database", backup::KEYS),
    section("cache", "What is kept in memory", cache::KEYS),
    section("redis", "A Redis beside the database", beside::KEYS),
    section("token", "What stands in tokens", token::KEYS),
    section("claims", "What tokens show beside that", claims::KEYS),
    section(
        "keys",
        "Keys that sign, and the one that protects them",
        keys::KEYS,
    ),
    section(
        "password",
        "How passwords are made, checked and stored",
        password::KEYS,
    ),
    section("lockout", "When wrong passwords lock a name", lockout::KEYS),
    section("device", "Known devices", device::KEYS),
    section(
        "login_budget",
        "How many wrong passwords one address may send",
        login_budget::KEYS,
    ),
    section("attempts", "The log of sign-in attempts", attempts::KEYS),
    section("session", "How long sign-ins last", session::KEYS),
    section("profile", "Profiles of users", profile::KEYS),
    section("refs", "External references of users", refs::KEYS),
    section(
        "registration",
        "People who make their own accounts",
        registration::KEYS,
    ),
    section(
        "employees",
        "Accounts that administrators make",
        employees::KEYS,
    ),
    section("tenant", "What new tenants begin with", tenant::KEYS),
    section("links", "Where mailed links lead", links::KEYS),
    section("mail", "How mails leave", mail::KEYS),
    section(
        "events",
        "What happened, for those who follow it",
        events::KEYS,
    ),
    section("log", "What authd says about itself", log::KEYS),
    section("metrics", "Counters for Prometheus", metrics::KEYS),
];

const fn section(name: &'static str, doc: &'static str, keys: &'static [Key]) -> Section {
    Section { name, doc, keys }
}

/// All keys, section by section.
pub fn all_keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// The key of that name.
pub fn find(name: &str) -> Option<&'static Key> {
    all_keys().find(|key| key.name == name)
}

/// The whole configuration, checked. Fields bear the names of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Tenant of sign-ins that name none.
    pub default_tenant: Option<Slug>,
    /// `[api]`
    pub api: Api,
    /// `[timeouts]`
    pub timeouts: Timeouts,
    /// `[cors]`
    pub cors: Cors,
    /// `[admin]`
    pub admin: Admin,
    /// `[database]`
    pub database: Database,
    /// `[backup]`
    pub backup: Backup,
    /// `[cache]`
    pub cache: Cache,
    /// `[redis]`
    pub redis: Redis,
    /// `[claims]`
    pub claims: Claims,
    /// `[token]`
    pub token: Token,
    /// `[keys]`
    pub keys: Keys,
    /// `[password]`
    pub password: Password,
    /// `[lockout]`
    pub lockout: Lockout,
    /// `[device]`
    pub device: Device,
    /// `[login_budget]`
    pub login_budget: LoginBudget,
    /// `[attempts]`
    pub attempts: Attempts,
    /// `[session]`
    pub session: Session,
    /// `[profile]`
    pub profile: Profile,
    /// `[refs]`
    pub refs: Refs,
    /// `[registration]`
    pub registration: Registration,
    /// `[employees]`
    pub employees: Employees,
    /// `[tenant]`
    pub tenant: Tenant,
    /// `[links]`
    pub links: Links,
    /// `[mail]`
    pub mail: Mail,
    /// `[events]`
    pub events: Events,
    /// `[log]`
    pub log: Log,
    /// `[metrics]`
    pub metrics: Metrics,
}

impl Config {
    /// Gives every checked value its Rust type.
    ///
    /// # Errors
    /// A fault of this program: a key's definition and its section disagree.
    pub fn build(values: &Values) -> Result<Self, Fault> {
        let default_tenant = values
            .optional("default_tenant")?
            .map(|slug| Slug::from_str(&slug).map_err(|e| values.refused("default_tenant", &e)))
            .transpose()?;
        Ok(Self {
            default_tenant,
            api: Api::build(values)?,
            timeouts: Timeouts::build(values)?,
            cors: Cors::build(values)?,
            admin: Admin::build(values)?,
            database: Database::build(values)?,
            backup: Backup::build(values)?,
            cache: Cache::build(values)?,
            redis: Redis::build(values)?,
            claims: Claims::build(values)?,
            token: Token::build(values)?,
            keys: Keys::build(values)?,
            password: Password::build(values)?,
            lockout: Lockout::build(values)?,
            device: Device::build(values)?,
            login_budget: LoginBudget::build(values)?,
            attempts: Attempts::build(values)?,
            session: Session::build(values)?,
            profile: Profile::build(values)?,
            refs: Refs::build(values)?,
            registration: Registration::build(values)?,
            employees: Employees::build(values)?,
            tenant: Tenant::build(values)?,
            links: Links::build(values)?,
            mail: Mail::build(values)?,
            events: Events::build(values)?,
            log: Log::build(values)?,
            metrics: Metrics::build(values)?,
        })
    }
}

#[cfg(test)]
mod tests;
