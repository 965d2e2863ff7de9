//! The part of the tree about explaining; the doc comments are the help texts.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Explain {
    /// Tell why a login was refused, and what to do next
    Login {
        #[arg(
            value_name = "SUBJECT",
            help = "usr_… id, address or TENANT/ADDRESS, also of no user; att_… or req_… id; or\nthe id that an application gave its request"
        )]
        subject: String,
        /// Tell of so many attempts, 50 at most
        #[arg(long, value_name = "N", default_value = "5",
            value_parser = clap::value_parser!(u32).range(1..=50))]
        last: u32,
    },
    /// Tell by what a user holds a permission, or which roles would give it
    Permission {
        /// usr_… id, address or TENANT/ADDRESS
        #[arg(value_name = "USER")]
        user: String,
        #[arg(value_name = "PERM", help = "RESOURCE:ACTION, or ALL_PERMISSIONS")]
        permission: String,
    },
}
