//! Colours of a tenant's mails: what is written on one must be readable (WCAG 2.2, 1.4.3).

/// Ink for light grounds.
const DARK: &str = "#0d1526";
/// Ink for dark grounds.
const LIGHT: &str = "#ffffff";

/// The ink that stands out better from a ground, `#rrggbb`.
pub(super) fn readable_on(ground: &str) -> &'static str {
    let ground = luminance(ground);
    if contrast(luminance(DARK), ground) > contrast(luminance(LIGHT), ground) {
        DARK
    } else {
        LIGHT
    }
}

fn contrast(one: f64, other: f64) -> f64 {
    let (light, dark) = if one > other {
        (one, other)
    } else {
        (other, one)
    };
    (light + 0.05) / (dark + 0.05)
}

/// Relative luminance (WCAG 2.2, definitions); black for what is no colour.
fn luminance(colour: &str) -> f64 {
    let part = |from: usize| {
        let digits = colour.get(from..from + 2).unwrap_or_default();
        let share = f64::from(u8::from_str_radix(digits, 16).unwrap_or(0)) / 255.0;
        if share <= 0.040_45 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ink_is_readable_on_every_ground() {
        assert_eq!(readable_on("#000000"), LIGHT);
        assert_eq!(readable_on("#1d4fbf"), LIGHT);
        assert_eq!(readable_on("#ffffff"), DARK);
        assert_eq!(readable_on("#ffd54a"), DARK);
        let steps = (0..=255_u32).step_by(15);
        for (red, green) in steps
            .clone()
            .flat_map(|r| steps.clone().map(move |g| (r, g)))
        {
            for blue in [0_u32, 128, 255] {
                let ground = format!("#{red:02x}{green:02x}{blue:02x}");
                let found = contrast(luminance(readable_on(&ground)), luminance(&ground));
                // The least of the worst ground between the two inks; large and bold text needs 3.
                assert!(found >= 4.2, "{ground}: {found}");
            }
        }
    }
}
