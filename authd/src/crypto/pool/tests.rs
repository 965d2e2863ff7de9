//! The pool as a whole: places, deadlines, nobody's hash, memory, concurrency.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use common::secret::Secret;
use domain::password::Password;
use tokio::sync::oneshot;

use super::super::random::SeededRandom;
use super::super::wrap::WrapKey;
use super::evaluate::Evaluator;
use super::memory::Memory;
use super::place::Places;
use super::queue::{Job, Work};
use super::*;

const SETTINGS: HashSettings = HashSettings {
    memory_kib: 64,
    iterations: 1,
    parallelism: 1,
    threads: 2,
    queue_length: 8,
    queue_deadline: Duration::from_mins(1),
    idle_release: Duration::from_mins(1),
};

fn start(settings: HashSettings) -> HashPool {
    HashPool::start(settings, Arc::new(SeededRandom::new(1))).unwrap()
}

fn password(text: &str) -> Password {
    Password::new(&Secret::new(text.to_owned())).unwrap()
}

fn stored(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

#[tokio::test]
async fn a13_a_hash_names_its_parameters_and_verifies() {
    let pool = start(SETTINGS);
    let mut place = pool.place(Lane::Common).unwrap();
    let one = place.hash(&password("correct horse")).await.unwrap();
    let two = place.hash(&password("correct horse")).await.unwrap();
    assert_ne!(one.expose(), two.expose());
    assert_eq!(pool.scheme(), "$argon2id$v=19$m=64,t=1,p=1");
    for phc in [&one, &two] {
        assert_eq!(scheme_of(phc.expose()), Some(pool.scheme().as_str()));
        let right = |text: &str| {
            let (password, phc) = (password(text), Some(stored(phc.expose())));
            let mut place = pool.place(Lane::Kept).unwrap();
            async move { place.verify(&password, phc).await.unwrap() }
        };
        assert!(right("correct horse").await);
        assert!(!right("correct horsf").await);
        assert!(!right("Correct horse").await);
        assert!(!right("correct horse ").await);
        assert!(!right("").await);
    }
    pool.stop();
}

#[tokio::test]
async fn v6_the_last_of_128_characters_counts() {
    let pool = start(SETTINGS);
    let mut place = pool.place(Lane::Common).unwrap();
    let long = "x".repeat(127);
    let phc = place.hash(&password(&format!("{long}a"))).await.unwrap();
    let phc = phc.expose().as_str();
    let wrong = password(&format!("{long}b"));
    assert!(!place.verify(&wrong, Some(stored(phc))).await.unwrap());
    let right = password(&format!("{long}a"));
    assert!(place.verify(&right, Some(stored(phc))).await.unwrap());
}

/// The vector of RFC 9106 needs a secret and associated data, which we never use; this one is
/// the reference implementation's for argon2id, version 19, m=256, t=2, p=1.
#[tokio::test]
async fn v11_the_reference_vector_verifies() {
    let pool = start(SETTINGS);
    let mut place = pool.place(Lane::Common).unwrap();
    let phc =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    assert!(
        place
            .verify(&password("password"), Some(stored(phc)))
            .await
            .unwrap()
    );
    assert!(
        !place
            .verify(&password("passwore"), Some(stored(phc)))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a67_nobodys_hash_is_worked_on_and_is_never_right() {
    let pool = start(SETTINGS);
    let mut place = pool.place(Lane::Common).unwrap();
    for text in ["", "measured", "correct horse battery staple"] {
        assert!(!place.verify(&password(text), None).await.unwrap());
    }
    assert!(pool.memory_bytes() > 0);
}

#[tokio::test]
async fn a67_a_hash_of_four_gibibytes_is_refused_before_memory_is_taken() {
    let pool = start(SETTINGS);
    let mut place = pool.place(Lane::Common).unwrap();
    for scheme in [
        "$argon2id$v=19$m=4194304,t=2,p=1",
        "$argon2id$v=19$m=64,t=100,p=1",
        "$argon2id$v=19$m=64,t=1,p=8",
        "$2b$12",
    ] {
        let phc = format!("{scheme}$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4");
        let result = place
            .verify(&password("password"), Some(stored(&phc)))
            .await;
        assert!(matches!(result, Err(HashError::Unusable)), "{scheme}");
    }
    assert_eq!(pool.memory_bytes(), 0);
}

#[test]
fn a63_places_are_bounded_and_given_back() {
    let pool = start(SETTINGS);
    let common: Vec<_> = (0..4).map(|_| pool.place(Lane::Common).unwrap()).collect();
    assert_eq!(pool.place(Lane::Common).unwrap_err(), NoPlace);
    let kept: Vec<_> = (0..4).map(|_| pool.place(Lane::Kept).unwrap()).collect();
    assert_eq!(pool.place(Lane::Kept).unwrap_err(), NoPlace);
    assert_eq!(pool.places_taken(), 8);
    drop(common);
    assert!(pool.place(Lane::Kept).is_ok());
    assert!(pool.place(Lane::Common).is_ok());
    drop(kept);
    assert_eq!(pool.places_taken(), 0);
}

#[test]
fn a72_half_of_the_places_is_kept_and_the_rest_is_for_all() {
    for (length, common) in [(1, 1), (2, 1), (3, 2), (256, 128)] {
        let places = Arc::new(Places::new(length));
        let taken: Vec<_> =
            std::iter::from_fn(|| Places::take(&places, Lane::Common).ok()).collect();
        assert_eq!(taken.len(), common);
        let kept: Vec<_> = std::iter::from_fn(|| Places::take(&places, Lane::Kept).ok()).collect();
        assert_eq!(kept.len(), length - common);
        drop(taken);
        let kept_too: Vec<_> =
            std::iter::from_fn(|| Places::take(&places, Lane::Kept).ok()).collect();
        assert_eq!(kept_too.len(), common);
    }
}

#[tokio::test]
async fn a63_who_waited_too_long_is_told_that_nothing_was_evaluated() {
    let pool = start(HashSettings {
        queue_deadline: Duration::ZERO,
        ..SETTINGS
    });
    let mut place = pool.place(Lane::Common).unwrap();
    let verified = place.verify(&password("x"), None).await;
    assert!(matches!(verified, Err(HashError::TooLate)));
    let hashed = place.hash(&password("x")).await;
    assert!(matches!(hashed, Err(HashError::TooLate)));
    assert_eq!(pool.memory_bytes(), 0);
}

#[tokio::test]
async fn after_the_stop_nothing_is_evaluated() {
    let pool = start(SETTINGS);
    let mut place = pool.place(Lane::Common).unwrap();
    place.hash(&password("x")).await.unwrap();
    pool.stop();
    pool.stop();
    assert_eq!(pool.memory_bytes(), 0);
    let result = place.hash(&password("x")).await;
    assert!(matches!(result, Err(HashError::TooLate)));
}

#[tokio::test]
async fn what_waits_when_the_pool_stops_is_refused() {
    let queue = Queue::new();
    let places = Arc::new(Places::new(2));
    let (job, result) = job(&places, Lane::Common);
    queue.push(job).unwrap_or_else(|_| panic!("pushed"));
    queue.stop();
    assert!(matches!(result.await, Ok(Err(HashError::TooLate))));
    assert_eq!(places.taken(), 0);
}

fn job(places: &Arc<Places>, lane: Lane) -> (Job, oneshot::Receiver<Result<bool, HashError>>) {
    let (answer, result) = oneshot::channel();
    let job = Job {
        work: Work::Verify {
            password: password("x"),
            stored: None,
            answer,
        },
        queued: Instant::now(),
        permit: Places::take(places, lane).unwrap(),
    };
    (job, result)
}

#[test]
fn a72_the_lanes_take_turns() {
    let queue = Queue::new();
    let places = Arc::new(Places::new(8));
    let mut results = Vec::new();
    for lane in [Lane::Common, Lane::Common, Lane::Common, Lane::Kept] {
        let (job, result) = job(&places, lane);
        assert!(queue.push(job).is_ok());
        results.push(result);
    }
    let order: Vec<Lane> = (0..4)
        .map(|_| match queue.next(Some(Duration::ZERO)) {
            queue::Next::Work(job) => job.permit.lane(),
            _ => panic!("a job was expected"),
        })
        .collect();
    assert_eq!(
        order,
        [Lane::Common, Lane::Kept, Lane::Common, Lane::Common]
    );
}

#[test]
fn a_job_that_nobody_waits_for_is_not_begun() {
    let evaluator = evaluator();
    let mut memory = Memory::new(Arc::new(AtomicUsize::new(0)));
    let places = Arc::new(Places::new(2));
    let (job, result) = job(&places, Lane::Common);
    drop(result);
    worker::serve(job, &evaluator, &mut memory, Duration::MAX);
    assert!(memory.is_empty());
    assert_eq!(places.taken(), 0);
}

fn evaluator() -> Evaluator {
    let cost = Cost {
        memory_kib: 64,
        iterations: 1,
        parallelism: 1,
        pepper: None,
    };
    Evaluator::new(cost, None, Arc::new(SeededRandom::new(1))).unwrap()
}

#[test]
fn p5_memory_of_a_dearer_hash_is_given_back_at_once() {
    let kept = Arc::new(AtomicUsize::new(0));
    let mut memory = Memory::new(Arc::clone(&kept));
    let places = Arc::new(Places::new(2));
    let (mut dear, mut result) = job(&places, Lane::Common);
    let (answer, dear_result) = oneshot::channel();
    dear.work = Work::Verify {
        password: password("password"),
        stored: Some(stored(
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        )),
        answer,
    };
    worker::serve(dear, &evaluator(), &mut memory, Duration::MAX);
    assert!(dear_result.blocking_recv().unwrap().unwrap());
    assert!(result.try_recv().is_err());
    assert!(memory.is_empty());
    let (usual, result) = job(&places, Lane::Common);
    worker::serve(usual, &evaluator(), &mut memory, Duration::MAX);
    assert!(!result.blocking_recv().unwrap().unwrap());
    assert!(!memory.is_empty());
}

#[tokio::test]
async fn p5_idle_threads_give_their_memory_back() {
    let pool = start(HashSettings {
        idle_release: Duration::ZERO,
        ..SETTINGS
    });
    let mut place = pool.place(Lane::Common).unwrap();
    for _ in 0..4 {
        place.verify(&password("x"), None).await.unwrap();
    }
    // With no patience at all the memory goes as soon as the thread looks at its empty queue.
    let deadline = Instant::now() + Duration::from_secs(30);
    while pool.memory_bytes() > 0 && Instant::now() < deadline {
        tokio::task::yield_now().await;
    }
    assert_eq!(pool.memory_bytes(), 0);
    assert!(!place.verify(&password("x"), None).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_hashes_keep_their_passwords_apart() {
    let pool = start(HashSettings {
        queue_length: 64,
        threads: 3,
        ..SETTINGS
    });
    let tasks: Vec<_> = (0..24)
        .map(|number: u32| {
            let mut place = pool.place(Lane::Common).unwrap();
            tokio::spawn(async move {
                let own = password(&format!("password {number}"));
                let other = password(&format!("password {}", number + 1));
                let phc = place.hash(&own).await.unwrap();
                let right = place.verify(&own, Some(phc.clone())).await.unwrap();
                let wrong = place.verify(&other, Some(phc)).await.unwrap();
                (right, wrong)
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), (true, false));
    }
    assert_eq!(pool.places_taken(), 0);
}

#[test]
fn p3_the_threads_have_names_and_the_lowest_priority() {
    let pool = start(SETTINGS);
    assert_eq!(pool.threads(), 2);
    assert!(pool.priority_lowered());
    let own = rustix::process::getpriority_process(None).unwrap();
    assert!(own < 19, "the calling thread keeps its priority");
    let mut found = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let folder = task.unwrap().path();
        // Threads of other tests may end meanwhile.
        let (Ok(name), Ok(stat)) = (
            std::fs::read_to_string(folder.join("comm")),
            std::fs::read_to_string(folder.join("stat")),
        ) else {
            continue;
        };
        if name.starts_with("authd-hash-") {
            let (_, fields) = stat.rsplit_once(") ").unwrap();
            let nice = fields.split(' ').nth(16).unwrap();
            if nice == "19" {
                found += 1;
            }
        }
    }
    assert!(found >= 2, "{found}");
}

#[test]
fn a67_the_floor_follows_the_dearest_scheme_that_is_evaluated() {
    let pool = start(SETTINGS);
    let plain = pool.calibrate(&[]);
    assert!(plain > Duration::ZERO);
    let dear = pool.calibrate(&[
        "$argon2id$v=19$m=8192,t=4,p=1".to_owned(),
        "$argon2id$v=19$m=4194304,t=2,p=1".to_owned(),
        "$2b$12".to_owned(),
    ]);
    assert!(dear > plain * 4, "{dear:?} {plain:?}");
    // One that has begun before is taken as it is, unless something dearer is stored.
    let begun = || Calibration {
        work: pool.cost().work(),
        thread: std::thread::spawn(|| Duration::from_secs(7)),
    };
    assert_eq!(pool.calibrate_with(begun(), &[]), Duration::from_secs(7));
    let stored = ["$argon2id$v=19$m=8192,t=4,p=1".to_owned()];
    let dear = pool.calibrate_with(begun(), &stored);
    assert!(dear > plain && dear < Duration::from_secs(7), "{dear:?}");
    let measured = Calibration::begin(&SETTINGS).unwrap();
    assert!(pool.calibrate_with(measured, &[]) > Duration::ZERO);
}

#[test]
fn parameters_that_argon2_does_not_know_stop_the_start() {
    for settings in [
        HashSettings {
            memory_kib: 4,
            ..SETTINGS
        },
        HashSettings {
            iterations: 0,
            ..SETTINGS
        },
        HashSettings {
            parallelism: 0,
            ..SETTINGS
        },
    ] {
        assert!(HashPool::start(settings, Arc::new(SeededRandom::new(1))).is_err());
    }
}

#[test]
fn a60_nothing_secret_is_shown() {
    let pool = start(SETTINGS);
    let place = pool.place(Lane::Kept).unwrap();
    assert_eq!(format!("{place:?}"), "Place(Kept)");
    assert!(format!("{pool:?}").contains("memory_kib: 64"));
}

fn pepper(seed: u64) -> Pepper {
    Pepper::of(&WrapKey::generate(&SeededRandom::new(seed)).unwrap())
}

fn peppered(pepper: Option<Pepper>) -> HashPool {
    HashPool::start_with(SETTINGS, pepper, Arc::new(SeededRandom::new(1))).unwrap()
}

/// Who has the hashes alone can check no password: with another pepper, and without one, the right
/// one is not even compared.
#[tokio::test]
async fn v11_a_pepper_goes_into_every_hash_and_older_hashes_verify_without() {
    let right = password("correct horse");
    let plain = peppered(None);
    let with = peppered(Some(pepper(1)));
    let old = plain.place(Lane::Kept).unwrap().hash(&right).await.unwrap();
    let new = with.place(Lane::Kept).unwrap().hash(&right).await.unwrap();
    assert!(new.expose().contains(",keyid="), "{}", new.expose());
    assert!(with.is_behind(&old) && !with.is_behind(&new));
    let check = |pool: &HashPool, hash: &Secret<String>| {
        let mut place = pool.place(Lane::Kept).unwrap();
        let (right, hash) = (right.clone(), Some(hash.clone()));
        async move { place.verify(&right, hash).await }
    };
    assert!(check(&with, &old).await.unwrap());
    assert!(check(&with, &new).await.unwrap());
    for pool in [&plain, &peppered(Some(pepper(2)))] {
        let refused = check(pool, &new).await;
        assert!(matches!(refused, Err(HashError::Unusable)));
    }
    // Renamed to look as if it had none, it is another hash.
    let (head, tail) = new.expose().split_once(",keyid=").unwrap();
    let (_, tail) = tail.split_once('$').unwrap();
    let bare = stored(&format!("{head}${tail}"));
    assert!(!check(&plain, &bare).await.unwrap());
}

#[tokio::test]
async fn rule_26_spare_places_are_few_and_take_none_from_logins() {
    let pool = start(SETTINGS);
    let spare: Vec<_> = (0..4).map(|_| pool.place(Lane::Spare).unwrap()).collect();
    assert_eq!(pool.place(Lane::Spare).unwrap_err(), NoPlace);
    assert_eq!((pool.places_taken(), pool.spare_places_taken()), (0, 4));
    let mut all = Vec::new();
    while let Ok(place) = pool.place(Lane::Kept) {
        all.push(place);
    }
    assert_eq!(all.len(), SETTINGS.queue_length);
    drop(spare);
    assert!(pool.place(Lane::Spare).is_ok());
}
