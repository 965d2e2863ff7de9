//! The sentence of a rehearsal: from "Disabled user bob" to "Would disable user bob".

/// Verbs that sentences about changes begin with, and what stands after "Would".
const VERBS: &[(&str, &str)] = &[
    ("Announced", "announce"),
    ("Added", "add"),
    ("Allowed", "allow"),
    ("Applied", "apply"),
    ("Changed", "change"),
    ("Cleared", "clear"),
    ("Created", "create"),
    ("Defined", "define"),
    ("Deleted", "delete"),
    ("Denied", "deny"),
    ("Disabled", "disable"),
    ("Enabled", "enable"),
    ("Ended", "end"),
    ("Granted", "grant"),
    ("Imported", "import"),
    ("Locked", "lock"),
    ("Made", "make"),
    ("Paused", "pause"),
    ("Pruned", "prune"),
    ("Queued", "queue"),
    ("Removed", "remove"),
    ("Restored", "restore"),
    ("Resumed", "resume"),
    ("Retired", "retire"),
    ("Revoked", "revoke"),
    ("Rotated", "rotate"),
    ("Sent", "send"),
    ("Set", "set"),
    ("Suspended", "suspend"),
    ("Took", "take"),
    ("Undefined", "undefine"),
    ("Unlocked", "unlock"),
    ("Voided", "void"),
];

/// The sentence in the conditional. One that begins otherwise is said to be a rehearsal's.
pub(super) fn of(done: &str) -> String {
    let (verb, rest) = done.split_once(' ').unwrap_or((done, ""));
    match VERBS.iter().find(|(past, _)| *past == verb) {
        Some((_, base)) => format!("Would {base} {rest}").trim_end().to_owned(),
        None => format!("Rehearsed, and undone: {done}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_becomes_the_conditional() {
        assert_eq!(of("Disabled user bob"), "Would disable user bob");
        assert_eq!(
            of("Set the password of bob"),
            "Would set the password of bob"
        );
        assert_eq!(of("Paused"), "Would pause");
        assert_eq!(of("Frobbed bob"), "Rehearsed, and undone: Frobbed bob");
    }

    #[test]
    fn every_verb_of_the_commands_is_known() {
        for source in [
            include_str!("attempt.rs"),
            include_str!("backup.rs"),
            include_str!("key.rs"),
            include_str!("lockout.rs"),
            include_str!("mail.rs"),
            include_str!("user/mailed.rs"),
            include_str!("session.rs"),
            include_str!("tenant.rs"),
            include_str!("tenant/state.rs"),
            include_str!("token.rs"),
            include_str!("user.rs"),
        ] {
            for (at, _) in source.match_indices("format!(\"") {
                let word: String = source
                    .chars()
                    .skip(source.get(..at).unwrap().chars().count() + 9)
                    .take_while(char::is_ascii_alphabetic)
                    .collect();
                let is_past = word.ends_with("ed") && word.starts_with(char::is_uppercase);
                assert!(!is_past || !of(&word).starts_with("Rehearsed"), "{word}");
            }
        }
    }
}
