//! The one source of randomness. Ids, salts, secrets and passwords are drawn here and nowhere else.

use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use common::id::{Id, Kind};
use common::secret::Secret;
use common::sharded::Sharded;
use common::time::Time;
use zeroize::Zeroizing;

use super::error::CryptoError;
use super::frame::keyed;

/// Where random bytes come from; tests bring their own.
pub trait Random: Send + Sync {
    /// Fills all of `bytes`.
    ///
    /// # Errors
    /// [`CryptoError::Random`]; the bytes must not be used then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), CryptoError>;
}

/// The generator of aws-lc-rs, seeded by the kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that draws random bytes"
    )]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), CryptoError> {
        aws_lc_rs::rand::fill(bytes).map_err(|_| CryptoError::Random)
    }
}

/// Draws ahead, because a draw costs about the same for many bytes as for few. For ids that are
/// public anyway: what waits here to be handed out lies open in memory.
pub struct DrawnAhead {
    source: Arc<dyn Random>,
    drawn: Sharded<Drawn>,
}

/// Bytes that were drawn, and how many of them were handed out.
struct Drawn {
    bytes: [u8; 640],
    used: usize,
}

impl DrawnAhead {
    /// Draws from `source`, when there is need.
    pub fn from(source: Arc<dyn Random>) -> Self {
        let nothing = || {
            let bytes = [0; 640];
            let used = bytes.len();
            Drawn { bytes, used }
        };
        Self {
            source,
            drawn: Sharded::new(nothing),
        }
    }
}

impl Random for DrawnAhead {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), CryptoError> {
        let mut drawn = self.drawn.own().ok_or(CryptoError::Random)?;
        let Drawn { bytes: ahead, used } = &mut *drawn;
        if ahead.len().saturating_sub(*used) < bytes.len() {
            // None of them may be handed out if this fails.
            *used = ahead.len();
            self.source.fill(ahead)?;
            *used = 0;
        }
        let end = used.saturating_add(bytes.len());
        let Some(next) = ahead.get(*used..end) else {
            // More than is ever kept.
            return self.source.fill(bytes);
        };
        bytes.copy_from_slice(next);
        *used = end;
        Ok(())
    }
}

/// Bytes that follow from a seed. For tests alone: whoever knows the seed knows every secret.
#[derive(Debug)]
pub struct SeededRandom {
    key: hmac::Key,
    drawn: Mutex<u64>,
}

impl SeededRandom {
    /// Starts the sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &seed.to_be_bytes()),
            drawn: Mutex::new(0),
        }
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), CryptoError> {
        let mut drawn = self.drawn.lock().map_err(|_| CryptoError::Random)?;
        for chunk in bytes.chunks_mut(32) {
            *drawn = drawn.wrapping_add(1);
            let block = keyed(&self.key, "seeded", &[&drawn.to_be_bytes()]);
            for (to, from) in chunk.iter_mut().zip(block) {
                *to = from;
            }
        }
        Ok(())
    }
}

/// Draws `N` bytes.
///
/// # Errors
/// [`CryptoError::Random`].
pub fn bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N], CryptoError> {
    let mut drawn = [0; N];
    random.fill(&mut drawn)?;
    Ok(drawn)
}

/// Makes an id: a `UUIDv7` of the given time (RFC 9562 5.7) with 74 random bits.
///
/// # Errors
/// [`CryptoError::Random`].
pub fn new_id<K: Kind>(random: &dyn Random, now: Time) -> Result<Id<K>, CryptoError> {
    Ok(id_of(bytes(random)?, now))
}

/// As [`new_id`], several of one draw, which costs about the same as one.
///
/// # Errors
/// [`CryptoError::Random`].
pub fn new_ids<K: Kind, const N: usize>(
    random: &dyn Random,
    now: Time,
) -> Result<[Id<K>; N], CryptoError> {
    let mut drawn = [[0; 10]; N];
    random.fill(drawn.as_flattened_mut())?;
    Ok(drawn.map(|drawn| id_of(drawn, now)))
}

fn id_of<K: Kind>(drawn: [u8; 10], now: Time) -> Id<K> {
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &drawn).into_uuid();
    Id::from_uuid(uuid)
}

/// Letters and digits that nobody takes for one another on paper or by telephone.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// Symbols between two hyphens.
const GROUP: usize = 6;

/// Makes a password of `length` characters, hyphens after every sixth symbol included: at the
/// usual 20 that is `abcdef-ghjkmn-pqrstu` with 89 random bits.
///
/// # Errors
/// [`CryptoError::Random`].
pub fn generated_password(
    random: &dyn Random,
    length: usize,
) -> Result<Secret<String>, CryptoError> {
    // Bytes at or over the largest multiple of the alphabet's size are drawn again: no symbol is
    // likelier than another.
    let limit = 256 - 256 % ALPHABET.len();
    let mut password = Zeroizing::new(String::with_capacity(length));
    let mut drawn = Zeroizing::new([0_u8; 64]);
    let mut symbols = 0;
    while password.len() < length {
        random.fill(drawn.as_mut())?;
        for byte in drawn.iter().map(|&byte| usize::from(byte)) {
            let Some(&symbol) = ALPHABET
                .get(byte % ALPHABET.len())
                .filter(|_| byte < limit && password.len() < length)
            else {
                continue;
            };
            if symbols > 0 && symbols % GROUP == 0 && password.len() + 1 < length {
                password.push('-');
            }
            password.push(char::from(symbol));
            symbols += 1;
        }
    }
    Ok(Secret::new(std::mem::take(&mut *password)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::id::UserId;
    use std::collections::{BTreeMap, HashSet};

    struct Broken;

    impl Random for Broken {
        fn fill(&self, _bytes: &mut [u8]) -> Result<(), CryptoError> {
            Err(CryptoError::Random)
        }
    }

    #[test]
    fn v11_a_broken_source_is_an_error_and_never_a_fallback() {
        assert!(bytes::<16>(&Broken).is_err());
        assert!(new_id::<common::id::UserKind>(&Broken, Time::default()).is_err());
        assert!(generated_password(&Broken, 20).is_err());
    }

    #[test]
    fn what_is_drawn_ahead_is_handed_out_once() {
        let random = DrawnAhead::from(Arc::new(SystemRandom));
        let drawn: HashSet<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| (0..500).map(|_| bytes::<10>(&random).unwrap()).collect()))
                .collect();
            let of_thread = threads.into_iter().map(|thread| thread.join().unwrap());
            of_thread.flat_map(|ids: Vec<_>| ids).collect()
        });
        assert_eq!(drawn.len(), 8_000);
        // As many as are kept, and more than that.
        assert_ne!(bytes::<640>(&random).unwrap(), [0; 640]);
        assert_ne!(bytes::<641>(&random).unwrap(), [0; 641]);
    }

    #[test]
    fn v11_a_source_that_breaks_later_hands_out_nothing_twice() {
        struct Twice(Mutex<u8>);
        impl Random for Twice {
            fn fill(&self, bytes: &mut [u8]) -> Result<(), CryptoError> {
                let mut draws = self.0.lock().unwrap();
                *draws += 1;
                if *draws > 2 {
                    return Err(CryptoError::Random);
                }
                bytes.fill(*draws);
                Ok(())
            }
        }
        let random = DrawnAhead::from(Arc::new(Twice(Mutex::new(0))));
        let draws: Vec<_> = (0..200).map(|_| bytes::<10>(&random).ok()).collect();
        assert!(draws[..64].iter().all(|drawn| *drawn == Some([1; 10])));
        assert!(draws[64..128].iter().all(|drawn| *drawn == Some([2; 10])));
        assert!(draws[128..].iter().all(Option::is_none));
    }

    #[test]
    fn an_id_carries_the_time_and_random_bits() {
        let now = Time::from_millis(1_764_000_000_123);
        let one: UserId = new_id(&SystemRandom, now).unwrap();
        let two: UserId = new_id(&SystemRandom, now).unwrap();
        assert_ne!(one, two);
        assert_eq!(one.uuid().get_version_num(), 7);
        let (seconds, nanos) = one.uuid().get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos), (1_764_000_000, 123_000_000));
    }

    #[test]
    fn a_seed_repeats_itself_and_another_does_not() {
        let draw = |seed| bytes::<40>(&SeededRandom::new(seed)).unwrap();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let random = SeededRandom::new(7);
        assert_ne!(bytes::<8>(&random).unwrap(), bytes::<8>(&random).unwrap());
    }

    #[test]
    fn v11_drawn_secrets_are_unique_across_threads() {
        const EACH: usize = 250_000;
        let draw = || {
            let drawn = (0..EACH).map(|_| bytes::<16>(&SystemRandom).unwrap());
            drawn.collect::<Vec<_>>()
        };
        // All of them run before the first is waited for.
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draw)).collect();
        let drawn = threads.into_iter().flat_map(|one| one.join().unwrap());
        assert_eq!(drawn.collect::<HashSet<_>>().len(), 4 * EACH);
    }

    #[test]
    fn r24_a_generated_password_has_over_eighty_bits_and_no_look_alikes() {
        let password = generated_password(&SystemRandom, 20).unwrap();
        let text = password.expose();
        assert_eq!(text.len(), 20);
        let symbols = text.chars().filter(|&c| c != '-').count();
        let bits = f64::from(u32::try_from(symbols).unwrap()) * 31_f64.log2();
        assert!(bits >= 80.0, "{bits}");
        assert!(!text.contains(['0', 'o', '1', 'l', 'i']));
        assert!(text.split('-').all(|group| group.len() == 6));
        for length in [1, 7, 8, 15, 21, 64] {
            let text = generated_password(&SystemRandom, length).unwrap();
            assert_eq!(text.expose().len(), length);
            assert!(!text.expose().ends_with('-'));
        }
    }

    #[test]
    fn no_symbol_of_a_generated_password_is_likelier_than_another() {
        let random = SeededRandom::new(1);
        let mut counts: BTreeMap<char, u32> = BTreeMap::new();
        for _ in 0..2_000 {
            for symbol in generated_password(&random, 20).unwrap().expose().chars() {
                *counts.entry(symbol).or_default() += 1;
            }
        }
        counts.remove(&'-');
        assert_eq!(counts.len(), ALPHABET.len());
        // 36,000 symbols over 31: 1,161 each, with a deviation of 33.
        assert!(counts.values().all(|count| (980..1_340).contains(count)));
    }
}
