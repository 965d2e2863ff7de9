//! The part of the tree about roles and permissions.

use clap::{Args, Subcommand};

use super::ListArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// List roles, the system roles first
    List {
        /// Only system roles
        #[arg(long)]
        system: bool,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show a role
    Show {
        /// Name, system:NAME or rol_… id
        #[arg(value_name = "ROLE")]
        role: String,
    },
    /// List the users who hold a role
    Members {
        /// Name, system:NAME or rol_… id
        #[arg(value_name = "ROLE")]
        role: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Make a role
    Create {
        /// a-z, 0-9, _ and -; with system: before it, one for all tenants
        #[arg(value_name = "NAME")]
        name: String,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Let it grant this; repeatable
        #[arg(long = "permission", value_name = "PERM")]
        permissions: Vec<String>,
    },
    /// Change a role's description, or all of its permissions
    Set {
        /// Name, system:NAME or rol_… id
        #[arg(value_name = "ROLE")]
        role: String,
        /// What it is for; the empty text removes it
        #[arg(long, value_name = "TEXT", required_unless_present = "permissions")]
        description: Option<String>,
        /// Let it grant this and what else is named, and no more; repeatable
        #[arg(long = "permission", value_name = "PERM")]
        permissions: Vec<String>,
    },
    /// Add permissions to a role
    Allow(Permissions),
    /// Remove permissions from a role
    Deny(Permissions),
    /// Remove a role: its members lose it
    Delete {
        /// Name, system:NAME or rol_… id
        #[arg(value_name = "ROLE")]
        role: String,
        /// Give its members this role instead
        #[arg(long, value_name = "ROLE")]
        reassign: Option<String>,
    },
}

/// A role and permissions.
#[derive(Debug, Args)]
pub(crate) struct Permissions {
    /// Name, system:NAME or rol_… id
    #[arg(value_name = "ROLE")]
    pub(crate) role: String,
    #[arg(
        value_name = "PERM",
        required = true,
        help = "RESOURCE:ACTION, or ALL_PERMISSIONS"
    )]
    pub(crate) permissions: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Permission {
    /// List the catalogue: built-in, system-wide, and the tenant's
    List {
        /// Only those on this resource
        #[arg(long, value_name = "RESOURCE")]
        resource: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Ask whether a user holds a permission (exit 0 or 7)
    Check {
        /// usr_… id, address or TENANT/ADDRESS
        #[arg(value_name = "USER")]
        user: String,
        #[arg(value_name = "PERM", help = "RESOURCE:ACTION, or ALL_PERMISSIONS")]
        permission: String,
    },
    /// Define a permission, for the tenant of -t or else system-wide
    Define {
        /// Such as orders:edit
        #[arg(value_name = "RESOURCE:ACTION")]
        name: String,
        /// What it allows
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Remove a permission, from the roles that grant it too
    Undefine {
        /// Such as orders:edit
        #[arg(value_name = "RESOURCE:ACTION")]
        name: String,
    },
}

/// A user and roles.
#[derive(Debug, Args)]
pub(crate) struct UserRoles {
    /// usr_… id, address or TENANT/ADDRESS
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    /// Names of the user's tenant, system:NAME or rol_… ids
    #[arg(value_name = "ROLE", required = true)]
    pub(crate) roles: Vec<String>,
}

/// What `user set` changes.
#[derive(Debug, Args)]
pub(crate) struct UserSet {
    /// usr_… id, address or TENANT/ADDRESS
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    #[command(flatten)]
    pub(crate) wanted: UserWanted,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// What changes of the user.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct UserWanted {
    /// Given name
    #[arg(long, value_name = "TEXT")]
    pub(crate) given_name: Option<String>,
    /// Family name
    #[arg(long, value_name = "TEXT")]
    pub(crate) family_name: Option<String>,
    /// Name as shown; else it follows the other two
    #[arg(long, value_name = "TEXT")]
    pub(crate) display_name: Option<String>,
    /// Let the user do everything within the tenant
    #[arg(long, conflicts_with = "no_tenant_admin")]
    pub(crate) tenant_admin: bool,
    /// Let the user do no more than its roles say
    #[arg(long)]
    pub(crate) no_tenant_admin: bool,
    /// Telephone number, such as +254712345678
    #[arg(long, value_name = "NUMBER", hide_short_help = true)]
    pub(crate) phone: Option<String>,
    /// The employer's own number
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    pub(crate) employee_id: Option<String>,
    /// KRA PIN
    #[arg(long, value_name = "PIN", hide_short_help = true)]
    pub(crate) kra_pin: Option<String>,
    /// Reference to another service; repeatable
    #[arg(long = "ref", value_name = "NAME=VALUE", value_parser = super::user::reference)]
    pub(crate) refs: Vec<(String, String)>,
    /// Language, such as sw-KE
    #[arg(long, value_name = "TAG", hide_short_help = true)]
    pub(crate) locale: Option<String>,
    /// Take a field away: phone, ref.NAME …; repeatable
    #[arg(long, value_name = "FIELD")]
    pub(crate) unset: Vec<String>,
}
