//! What every kind of cache must keep, above all against a commit in the middle of a load (A74).

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use common::id::{ClientId, SessionId, TenantId, UserId};
use common::time::Time;
use domain::client::ServiceClient;
use domain::lockout::LockoutPolicy;
use domain::password::PasswordPolicy;
use domain::rights::{Access, Catalogue, Realm, Rights};
use domain::session::{EndReason, Floors, Session, SessionLimits, SessionPolicy};
use domain::setting::{Effective, LinkPages, TenantSettings};
use domain::tenant::{Slug, Tenant, TenantStatus};
use domain::token::{AccessClaims, Audience, PasswordChangeClaims};
use domain::user::UserStatus;
use store::Scope;

use super::{Cache, ClientState, DENIED_LIMIT, Listed, MemoryCache, SessionState, StateKey};
use crate::crypto::VerifiedToken;

fn caches() -> Vec<Arc<dyn Cache>> {
    vec![Arc::new(MemoryCache::new(1_000))]
}

pub(super) fn key(n: u8) -> StateKey {
    StateKey {
        tenant: TenantId::from_bytes([n; 16]),
        user: UserId::from_bytes([n; 16]),
        session: SessionId::from_bytes([n; 16]),
    }
}

pub(super) fn state_of(key: StateKey, ended: bool) -> Arc<SessionState> {
    let now = Time::from_millis(1_000);
    let session = Session {
        id: key.session,
        tenant_id: key.tenant,
        user_id: key.user,
        device: None,
        ip: None,
        auth_time: now,
        created_at: now,
        last_active_at: now,
        generation: 0,
        rotated_at: now,
        salt: [0; 16],
        refresh_key: 1,
        ended: ended.then_some((now, EndReason::Revoked)),
    };
    let tenant = Tenant {
        id: key.tenant,
        slug: Slug::system(),
        name: "System".to_owned(),
        status: TenantStatus::Active,
        time_zone: "UTC".to_owned(),
        plan: "none".to_owned(),
        ends_at: None,
        max_users: None,
        created_at: now,
        updated_at: now,
    };
    Arc::new(SessionState::new(
        session,
        UserStatus::Active,
        false,
        Arc::new(Access {
            roles: Vec::new(),
            rights: Rights::new(Realm::System, false, []),
            catalogue: Catalogue::default(),
        }),
        tenant,
        settings(5),
    ))
}

/// What holds for a tenant with this threshold.
fn settings(threshold: u32) -> Effective {
    let length = Duration::from_secs(1);
    Effective::of_installation(Arc::new(TenantSettings {
        attempts_retention: length,
        claimed_references: Vec::new(),
        claimed_permissions: false,
        cors_origins: Vec::new(),
        allowed_hosts: Vec::new(),
        pages: LinkPages {
            confirm: String::new(),
            reset: String::new(),
            verify: String::new(),
        },
        device_ttl: length,
        show_password: false,
        lockout: LockoutPolicy {
            threshold,
            window: length,
            duration: length,
        },
        mail: domain::setting::MailLook::default(),
        temporary_ttl: length,
        password_policy: PasswordPolicy {
            min_length: 15,
            max_length: 128,
        },
        reference_names: Vec::new(),
        registration: domain::registration::RegistrationPolicy {
            enabled: false,
            allowed_domains: Vec::new(),
            max_pending: 100,
        },
        session_limits: SessionLimits {
            idle_timeout: length,
            max_age: length,
            floors: Floors::NONE,
        },
        session_policy: SessionPolicy::Single,
        access_ttl: length,
        audience: vec!["apps".to_owned()],
    }))
}

#[test]
fn equal_settings_are_kept_once() {
    for cache in caches() {
        let [one, same, other] = [5, 5, 3].map(|n| cache.share_settings((*settings(n)).clone()));
        assert!(Arc::ptr_eq(&one, &same));
        assert_eq!((one.lockout.threshold, other.lockout.threshold), (5, 3));
    }
}

fn token() -> Arc<VerifiedToken> {
    Arc::new(VerifiedToken::PasswordChange(PasswordChangeClaims {
        iss: String::new(),
        aud: String::new(),
        sub: key(1).user,
        tid: key(1).tenant,
        jti: String::new(),
        iat: 0,
        nbf: 0,
        exp: 0,
        cver: 1,
    }))
}

fn access_token(key: StateKey) -> Arc<VerifiedToken> {
    Arc::new(VerifiedToken::Access(AccessClaims {
        iss: String::new(),
        aud: Audience::One("apps".to_owned()),
        sub: key.user,
        client_id: String::new(),
        tid: key.tenant,
        tenant: String::new(),
        sid: key.session,
        jti: String::new(),
        iat: 0,
        nbf: 0,
        exp: 0,
        auth_time: 0,
        roles: Vec::new(),
        adm: false,
        ext: std::collections::BTreeMap::new(),
    }))
}

fn scopes_of(key: StateKey) -> [Scope; 4] {
    [
        Scope::Session(key.session),
        Scope::User(key.user),
        Scope::Tenant(key.tenant),
        Scope::Global,
    ]
}

#[test]
fn what_was_put_is_served_to_its_own_key() {
    for cache in caches() {
        assert!(cache.state(&key(1)).is_none());
        let state = state_of(key(1), false);
        cache.put_state(cache.ticket(&key(1)), Arc::clone(&state));
        assert!(Arc::ptr_eq(&cache.state(&key(1)).unwrap(), &state));
        for (tenant, user, session) in [(2, 1, 1), (1, 2, 1), (1, 1, 2)] {
            let other = StateKey {
                tenant: key(tenant).tenant,
                user: key(user).user,
                session: key(session).session,
            };
            assert!(cache.state(&other).is_none());
        }
        let ticket = cache.token_ticket();
        cache.put_token(ticket, [1; 32], token());
        assert!(cache.token(&[1; 32]).is_some());
        assert!(cache.token(&[2; 32]).is_none());
        let stats = cache.stats();
        assert_eq!((stats.entries, stats.hits, stats.misses), (2, 2, 5));
    }
}

#[test]
fn a_ticket_is_good_for_its_own_state_only() {
    for cache in caches() {
        cache.put_state(cache.ticket(&key(1)), state_of(key(2), false));
        assert!(cache.state(&key(1)).is_none());
        assert!(cache.state(&key(2)).is_none());
    }
}

#[test]
fn a74_a_commit_outdates_a_warm_entry() {
    for cache in caches() {
        for scope in scopes_of(key(1)) {
            cache.put_state(cache.ticket(&key(1)), state_of(key(1), false));
            cache.put_state(cache.ticket(&key(2)), state_of(key(2), false));
            cache.committed(&[Scope::Session(key(3).session), scope]);
            assert!(cache.state(&key(1)).is_none(), "{scope:?}");
            let is_other_kept = cache.state(&key(2)).is_some();
            assert_eq!(is_other_kept, scope != Scope::Global, "{scope:?}");
        }
    }
}

#[test]
fn a74_a_load_that_began_before_a_commit_is_never_served_after_it() {
    for cache in caches() {
        for scope in scopes_of(key(1)) {
            let ticket = cache.ticket(&key(1));
            let loaded_before = state_of(key(1), false);
            cache.committed(&[scope]);
            cache.put_state(ticket, loaded_before);
            assert!(cache.state(&key(1)).is_none(), "{scope:?}");
        }
    }
}

/// The load puts its entry before the commit is heard of, the look-up comes after it.
#[test]
fn a74_a_commit_between_put_and_look_up_is_seen() {
    for cache in caches() {
        for scope in scopes_of(key(1)) {
            let ticket = cache.ticket(&key(1));
            cache.put_state(ticket, state_of(key(1), false));
            cache.committed(&[scope]);
            // A second load with the first one's ticket does not bring it back either.
            cache.put_state(ticket, state_of(key(1), false));
            assert!(cache.state(&key(1)).is_none(), "{scope:?}");
        }
    }
}

/// Two threads, put in step at every border: the loader holds the old state while the other one
/// commits and answers; whatever the loader does then, nobody is served the old state.
#[test]
fn a74_forced_across_the_commit_by_two_threads() {
    for cache in caches() {
        for round in 0..200_u8 {
            let state_key = key(round % 7);
            let scope = scopes_of(state_key)[usize::from(round % 4)];
            let step = Arc::new(Barrier::new(2));
            let loader = {
                let (cache, step) = (Arc::clone(&cache), Arc::clone(&step));
                thread::spawn(move || {
                    let ticket = cache.ticket(&state_key);
                    let old = state_of(state_key, false);
                    step.wait();
                    step.wait();
                    cache.put_state(ticket, old);
                    step.wait();
                })
            };
            step.wait();
            cache.committed(&[scope]);
            assert!(cache.state(&state_key).is_none());
            step.wait();
            step.wait();
            assert!(cache.state(&state_key).is_none(), "{scope:?}");
            loader.join().unwrap();
            cache.put_state(cache.ticket(&state_key), state_of(state_key, true));
            let served = cache.state(&state_key).unwrap();
            assert!(served.session.ended.is_some());
        }
    }
}

/// Without steps: after its answer, the one who revokes never sees the session alive, however
/// loads and look-ups of others fall.
#[test]
fn a74_a_revocation_is_never_followed_by_an_old_state_under_load() {
    for cache in caches() {
        let ended = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let loaders: Vec<_> = (0..3)
            .map(|_| {
                let (cache, ended, stop) =
                    (Arc::clone(&cache), Arc::clone(&ended), Arc::clone(&stop));
                thread::spawn(move || {
                    while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                        let ticket = cache.ticket(&key(1));
                        let snapshot = ended.load(std::sync::atomic::Ordering::SeqCst);
                        cache.put_state(ticket, state_of(key(1), snapshot));
                    }
                })
            })
            .collect();
        for _ in 0..2_000 {
            ended.store(true, std::sync::atomic::Ordering::SeqCst);
            cache.committed(&[Scope::Session(key(1).session)]);
            for _ in 0..4 {
                if let Some(state) = cache.state(&key(1)) {
                    assert!(state.session.ended.is_some());
                }
            }
            ended.store(false, std::sync::atomic::Ordering::SeqCst);
            cache.committed(&[Scope::Session(key(1).session)]);
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        for loader in loaders {
            loader.join().unwrap();
        }
    }
}

#[test]
fn a74_a_signing_keys_end_forgets_tokens_also_those_being_verified() {
    for cache in caches() {
        cache.put_token(cache.token_ticket(), [1; 32], token());
        cache.put_state(cache.ticket(&key(1)), state_of(key(1), false));
        let before = cache.token_ticket();
        cache.flush();
        cache.put_token(before, [2; 32], token());
        assert!(cache.token(&[1; 32]).is_none());
        assert!(cache.token(&[2; 32]).is_none());
        assert!(cache.state(&key(1)).is_none());
        cache.put_token(cache.token_ticket(), [1; 32], token());
        assert!(cache.token(&[1; 32]).is_some());
        cache.committed(&[Scope::Global]);
        assert!(cache.token(&[1; 32]).is_none());
    }
}

/// Both at once are as good as each by itself: no commit is missed because the two were found
/// together before.
#[test]
fn a74_token_and_state_are_recalled_together_until_a_commit_of_either() {
    for cache in caches() {
        let put = || {
            cache.put_token(cache.token_ticket(), [1; 32], access_token(key(1)));
            cache.put_state(cache.ticket(&key(1)), state_of(key(1), false));
        };
        let recall = || cache.recall(&[1; 32], &|_| true);
        assert!(recall().is_none());
        for scope in scopes_of(key(1)).into_iter().chain([Scope::Tokens]) {
            put();
            let first = recall().unwrap();
            assert!(Arc::ptr_eq(&first, &recall().unwrap()), "kept as one");
            assert!(Arc::ptr_eq(&first.state, &cache.state(&key(1)).unwrap()));
            cache.committed(&[Scope::Session(key(3).session), Scope::User(key(3).user)]);
            assert!(recall().is_some());
            cache.committed(&[scope]);
            assert!(recall().is_none(), "{scope:?}");
            // Either alone brings nothing back.
            if matches!(scope, Scope::Tokens | Scope::Global) {
                cache.put_state(cache.ticket(&key(1)), state_of(key(1), false));
                assert!(recall().is_none(), "{scope:?}");
            }
        }
        put();
        cache.put_state(cache.ticket(&key(1)), state_of(key(1), true));
        cache.committed(&[Scope::User(key(1).user)]);
        cache.put_state(cache.ticket(&key(1)), state_of(key(1), true));
        let newest = recall().unwrap();
        assert!(
            newest.state.session.ended.is_some(),
            "the state of after the commit"
        );
    }
}

/// A token that was verified while something was committed is never introduced.
#[test]
fn a74_a_token_is_introduced_with_a_state_unless_either_is_outdated_by_then() {
    for cache in caches() {
        let glance = || {
            cache.put_state(cache.ticket(&key(1)), state_of(key(1), false));
            cache.glance(&key(1)).unwrap()
        };
        let before = cache.stats();
        let seen = glance();
        let ticket = cache.token_ticket();
        let met = cache.introduce(ticket, [1; 32], access_token(key(1)), seen);
        let met = met.unwrap();
        let after = cache.stats();
        assert_eq!(
            (after.hits, after.misses),
            (before.hits + 1, before.misses + 1)
        );
        assert!(Arc::ptr_eq(
            &met,
            &cache.recall(&[1; 32], &|_| true).unwrap()
        ));
        for scope in scopes_of(key(1)).into_iter().chain([Scope::Tokens]) {
            let (seen, ticket) = (glance(), cache.token_ticket());
            cache.committed(&[scope]);
            let met = cache.introduce(ticket, [2; 32], access_token(key(1)), seen);
            assert!(met.is_none(), "{scope:?}");
            assert!(cache.token(&[2; 32]).is_none(), "{scope:?}");
        }
        // A state of another session, and a token that names none.
        for token in [access_token(key(2)), token()] {
            let (seen, ticket) = (glance(), cache.token_ticket());
            assert!(cache.introduce(ticket, [3; 32], token, seen).is_none());
        }
        cache.committed(&[Scope::Session(key(1).session)]);
        assert!(cache.glance(&key(1)).is_none());
    }
}

#[test]
fn a74_the_list_of_denied_tokens_is_good_until_the_next_one_is_denied() {
    for cache in caches() {
        assert_eq!(cache.listed("a"), Listed::Unread);
        let ticket = cache.token_ticket();
        cache.put_denied(ticket, vec!["a".to_owned()]);
        assert_eq!(cache.listed("a"), Listed::Denied);
        assert_eq!(cache.listed("b"), Listed::Free);
        for scope in [Scope::Tokens, Scope::Global] {
            cache.committed(&[scope]);
            assert_eq!(cache.listed("b"), Listed::Unread);
            // What was read before the commit comes too late.
            cache.put_denied(ticket, Vec::new());
            assert_eq!(cache.listed("b"), Listed::Unread);
        }
        let long = (0..DENIED_LIMIT).map(|n| n.to_string()).collect();
        cache.put_denied(cache.token_ticket(), long);
        assert_eq!(cache.listed("0"), Listed::TooMany);
        assert_eq!(cache.listed("b"), Listed::TooMany);
    }
}

#[test]
fn what_does_not_fit_is_not_recalled_and_its_successor_is() {
    for cache in caches() {
        cache.put_token(cache.token_ticket(), [1; 32], access_token(key(1)));
        let old = state_of(key(1), false);
        cache.put_state(cache.ticket(&key(1)), Arc::clone(&old));
        assert!(cache.recall(&[1; 32], &|_| true).is_some());
        let is_other = |state: &SessionState| !std::ptr::eq(state, &raw const *old);
        let before = cache.stats();
        assert!(cache.recall(&[1; 32], &is_other).is_none());
        assert_eq!(cache.stats(), before, "nothing is counted twice");
        cache.put_state(cache.ticket(&key(1)), state_of(key(1), false));
        let found = cache.recall(&[1; 32], &is_other).unwrap();
        assert!(is_other(&found.state));
        assert_eq!(cache.stats().hits, before.hits + 2);
        // A token that names no session recalls none.
        cache.put_token(cache.token_ticket(), [2; 32], token());
        assert!(cache.recall(&[2; 32], &|_| true).is_none());
    }
}

#[test]
fn what_was_made_of_the_two_is_kept_with_them() {
    for cache in caches() {
        cache.put_token(cache.token_ticket(), [1; 32], access_token(key(1)));
        cache.put_state(cache.ticket(&key(1)), state_of(key(1), false));
        let found = cache.recall(&[1; 32], &|_| true).unwrap();
        assert_eq!(found.shown(|_| 7_u32), Some(&7));
        assert_eq!(found.shown(|_| 8_u32), Some(&7));
        assert_eq!(found.shown(|_| "another kind"), None);
        cache.committed(&[Scope::Session(key(1).session)]);
        cache.put_state(cache.ticket(&key(1)), state_of(key(1), false));
        let found = cache.recall(&[1; 32], &|_| true).unwrap();
        assert_eq!(found.shown(|_| 8_u32), Some(&8), "made of the new state");
    }
}

#[test]
fn the_number_of_entries_is_bounded() {
    let cache = MemoryCache::new(16);
    for n in 0..200_u8 {
        cache.put_state(cache.ticket(&key(n)), state_of(key(n), false));
        cache.put_token(cache.token_ticket(), [n; 32], token());
    }
    assert!(cache.stats().entries <= 32);
}

#[test]
fn last_active_only_moves_forward() {
    let state = state_of(key(1), false);
    let start = state.last_active();
    state.touched(start.plus(Duration::from_secs(5)));
    state.touched(start.plus(Duration::from_secs(3)));
    assert_eq!(state.last_active(), start.plus(Duration::from_secs(5)));
}

fn client_of(n: u8, generation: i64) -> Arc<ClientState> {
    let state = state_of(key(n), false);
    let now = Time::from_millis(1_000);
    Arc::new(ClientState {
        client: ServiceClient {
            id: ClientId::from_bytes([n; 16]),
            tenant_id: key(n).tenant,
            name: "billing".to_owned(),
            scopes: Vec::new(),
            roles: Vec::new(),
            secrets: Vec::new(),
            generation,
            expires_at: None,
            last_used_at: None,
            created_at: now,
            updated_at: now,
        },
        access: Arc::clone(&state.access),
        tenant: state.tenant.clone(),
        settings: settings(5),
    })
}

#[test]
fn a74_a_change_of_its_tenant_outdates_a_client_and_a_load_of_it() {
    for cache in caches() {
        let found = |n: u8| cache.client(key(n).tenant, ClientId::from_bytes([n; 16]));
        for n in [1, 2] {
            cache.put_client(cache.client_ticket(key(n).tenant), client_of(n, 7));
        }
        assert_eq!(found(1).unwrap().client.generation, 7);
        // Under another tenant it is not there, and a foreign ticket keeps nothing.
        let foreign = cache.client(key(2).tenant, ClientId::from_bytes([1; 16]));
        assert!(foreign.is_none());
        cache.put_client(cache.client_ticket(key(2).tenant), client_of(3, 7));
        assert!(found(3).is_none());
        let mut commits = cache.commits();
        let ticket = cache.client_ticket(key(1).tenant);
        commits.mark_unchanged();
        cache.committed(&[Scope::Tenant(key(1).tenant)]);
        assert!(commits.has_changed().unwrap());
        cache.put_client(ticket, client_of(1, 7));
        assert!(found(1).is_none() && found(2).is_some());
        cache.committed(&[Scope::Global]);
        assert!(found(2).is_none());
        cache.put_client(cache.client_ticket(key(1).tenant), client_of(1, 8));
        assert_eq!(found(1).unwrap().client.generation, 8);
        cache.flush();
        assert!(found(1).is_none());
    }
}
