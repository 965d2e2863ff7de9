//! How the command line calls what a call of the daemon does and takes. It looks flags up in the tree,
//! so that none is named which the command lacks.

/// `user disable` as it stands after "cannot".
pub(super) fn deed(call: &str) -> String {
    let words = match call {
        "user set-password" => "set the password",
        "user reset-password" => "reset the password",
        "user resend-invitation" => "resend the invitation",
        "user email" => "change the address",
        "user grant" => "grant roles",
        "user revoke" => "revoke roles",
        "user permissions" => "show permissions",
        "role allow" => "add permissions to the role",
        "role deny" => "remove permissions from the role",
        "session revoke" => "end sessions",
        "lockout add" => "lock the name",
        "lockout clear" => "clear the lockout",
        "attempt top" => "count attempts",
        "attempt prune" => "prune attempts",
        "tenant usage" => "show what is used",
        "tenant settings get" => "show the setting",
        "tenant settings list" => "list the settings",
        "tenant settings set" => "set the setting",
        "tenant settings unset" => "unset the setting",
        "token denylist" => "list the denied tokens",
        "who-can" => "list who can",
        "key jwks" => "print the public keys",
        "audit verify" => "verify the audit log",
        "audit verify --heads" => "mark the audit log",
        "audit export" => "export the audit log",
        "daemon config" => "show the configuration",
        "daemon reload" => "reload the configuration",
        "daemon log-level" => "set the level of the log",
        "daemon maintenance" => "switch maintenance",
        "mail queue list" => "list the mails",
        "mail queue show" => "show the mail",
        "mail queue retry" => "retry the mail",
        "mail queue delete" => "delete the mail",
        _ => {
            return match call.split_once(' ') {
                Some((noun, verb)) => format!("{verb} {noun}"),
                None => call.to_owned(),
            };
        }
    };
    words.to_owned()
}

/// The flag or argument behind a member of a call, in words where the command has neither; none where
/// the sentence names it already.
pub(super) fn flag(call: &str, path: &str) -> Option<String> {
    if path == "/password/given" {
        return None;
    }
    let member = path.trim_start_matches('/');
    let plain = member.replace('/', ".").replace('_', "-");
    let mut names: Vec<String> = special(member).iter().map(|n| (*n).to_owned()).collect();
    names.push(format!("--{plain}"));
    names.push(plain.to_uppercase());
    let has = taken(call);
    let known = names.into_iter().find(|name| has.contains(name));
    Some(known.unwrap_or_else(|| member.replace(['/', '_'], " ")))
}

/// What stands for members that the command line calls otherwise, the likelier first.
fn special(member: &str) -> &'static [&'static str] {
    match member {
        "slug" => &["NAME"],
        "name" | "name/display" => &["--display-name", "NAME", "RESOURCE:ACTION"],
        "name/given" => &["--given-name"],
        "name/family" => &["--family-name"],
        "external_refs" => &["--ref"],
        "email" => &["--email", "NEW"],
        "registration" => &["ADDRESS"],
        "permission" | "permissions" => &["--permission", "PERM"],
        "roles" => &["--role", "ROLE"],
        "tenant" => &["TENANT", "--tenant"],
        "term" | "seconds" => &["--for"],
        "idle_seconds" => &["--idle-since"],
        "older_than_seconds" => &["--older-than"],
        "inactive_seconds" => &["--inactive-since"],
        "ending_seconds" => &["--ending"],
        "expires_seconds" => &["--expires"],
        "activate_after_seconds" => &["--activate-after"],
        _ => &[],
    }
}

/// The flags and arguments of the command of a call, as they are written.
fn taken(call: &str) -> Vec<String> {
    let root = crate::args::command();
    let mut command = &root;
    for word in call.split(' ') {
        if let Some(next) = command.find_subcommand(word) {
            command = next;
        }
    }
    let everywhere = root.get_arguments().filter(|arg| arg.is_global_set());
    command
        .get_arguments()
        .chain(everywhere)
        .filter_map(|arg| match arg.get_long() {
            Some(long) => Some(format!("--{long}")),
            None => arg.get_value_names()?.first().map(ToString::to_string),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_member_is_named_as_its_command_has_it() {
        for (call, path, name) in [
            ("tenant create", "/name", "--display-name"),
            ("tenant create", "/slug", "NAME"),
            ("tenant set", "/max_users", "--max-users"),
            ("tenant settings set", "/value", "VALUE"),
            ("tenant settings set", "/tenant", "--tenant"),
            ("role create", "/name", "NAME"),
            ("role create", "/permissions", "--permission"),
            ("role allow", "/permissions", "PERM"),
            ("permission define", "/name", "RESOURCE:ACTION"),
            ("permission check", "/permission", "PERM"),
            ("lockout add", "/term", "--for"),
            ("daemon log-level", "/seconds", "--for"),
            ("daemon log-level", "/level", "LEVEL"),
            ("user create", "/email", "--email"),
            ("user email", "/email", "NEW"),
            ("user reset-password", "/expires_seconds", "--expires"),
            ("registration delete", "/registration", "ADDRESS"),
            ("mail test", "/address", "ADDRESS"),
            ("session list", "/user", "--user"),
            ("user show", "/user", "USER"),
            ("session revoke", "/confirm", "--confirm"),
            ("token inspect", "/token", "token"),
        ] {
            assert_eq!(flag(call, path).as_deref(), Some(name), "{call} {path}");
        }
    }

    /// `lockout --reason` and `tenant create --term` are no flags, whatever the daemon refuses.
    #[test]
    fn no_flag_is_named_that_the_command_lacks() {
        for call in common::call::all() {
            let has = taken(call.name);
            for path in [
                "/name",
                "/term",
                "/expires_seconds",
                "/registration",
                "/email",
            ] {
                let name = flag(call.name, path).unwrap();
                assert!(
                    !name.starts_with("--") || has.contains(&name),
                    "{}: {name}",
                    call.name
                );
            }
        }
    }

    #[test]
    fn deeds_are_told_in_words() {
        for (call, words) in [
            ("user disable", "disable user"),
            ("tenant settings set", "set the setting"),
            ("daemon log-level", "set the level of the log"),
            ("mail queue delete", "delete the mail"),
        ] {
            assert_eq!(deed(call), words);
        }
    }
}
