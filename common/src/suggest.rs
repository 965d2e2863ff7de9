//! The nearest known name to one that is unknown: one suggestion, or none.

/// Finds the name that `unknown` was most likely meant to be; none if nothing is near.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (unknown.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(unknown, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["mail.password_credential", "mail.port", "api.listen"];
        assert_eq!(
            nearest("mail.pasword_credential", known),
            Some("mail.password_credential")
        );
        assert_eq!(nearest("api.lisen", known), Some("api.listen"));
        assert_eq!(nearest("quite.different", known), None);
    }
}
