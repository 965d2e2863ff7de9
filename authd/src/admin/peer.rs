//! Who may talk to an admin socket beyond what its mode says, and what the peer's user is called.

use std::sync::Arc;
use std::time::Duration;

use nix::unistd::{Uid, User};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::app::Current;
use crate::serve::PeerCredentials;

/// Time for the name service; an audit row without a name still has the uid.
const LOOKUP_TIME: Duration = Duration::from_secs(2);

/// `admin.allow_uids`: a filter on top of the socket's mode.
#[derive(Clone)]
pub struct Admission {
    uids: Arc<Current<Vec<u32>>>,
    on_refused: Arc<dyn Fn(&PeerCredentials) + Send + Sync>,
}

impl Admission {
    /// Admits these uids, or all if there are none; `on_refused` writes the audit row of each peer
    /// that is turned away, and must not block.
    pub fn new(
        uids: Vec<u32>,
        on_refused: impl Fn(&PeerCredentials) + Send + Sync + 'static,
    ) -> Self {
        Self {
            uids: Arc::new(Current::new(uids)),
            on_refused: Arc::new(on_refused),
        }
    }

    /// Admits these from now on, or all if there are none.
    pub fn set(&self, uids: Vec<u32>) {
        self.uids.set(uids);
    }

    /// Those who are admitted; all if there are none.
    pub fn uids(&self) -> Vec<u32> {
        self.uids.get().to_vec()
    }

    /// Judges a peer before a byte of it is read.
    pub fn admits(&self, peer: &PeerCredentials) -> bool {
        let uids = self.uids.get();
        let is_admitted = uids.is_empty() || uids.contains(&peer.uid);
        if !is_admitted {
            tracing::warn!(
                uid = peer.uid,
                pid = peer.pid,
                "admin.allow_uids refused a peer"
            );
            (self.on_refused)(peer);
        }
        is_admitted
    }
}

/// Uid of a login name or of a number; none if there is no such name.
pub fn uid_of(name: &str) -> Option<u32> {
    if let Ok(uid) = name.parse() {
        return Some(uid);
    }
    let user = User::from_name(name).ok().flatten()?;
    Some(user.uid.as_raw())
}

/// Login name of a uid, if the name service knows one in time.
pub(super) async fn login_name(uid: u32) -> Option<String> {
    let lookup = spawn_blocking(move || User::from_uid(Uid::from_raw(uid)).ok().flatten());
    let user = timeout(LOOKUP_TIME, lookup).await.ok()?.ok()?;
    user.map(|user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn a59_other_uids_are_refused_and_told() {
        let refused = Arc::new(AtomicU32::new(0));
        let told = Arc::clone(&refused);
        let admission = Admission::new(vec![7], move |peer| {
            told.store(peer.uid, Ordering::SeqCst);
        });
        let peer = |uid| PeerCredentials {
            uid,
            gid: 1,
            pid: None,
        };
        assert!(admission.admits(&peer(7)));
        assert_eq!(refused.load(Ordering::SeqCst), 0);
        assert!(!admission.admits(&peer(8)));
        assert_eq!(refused.load(Ordering::SeqCst), 8);
        admission.clone().set(vec![8]);
        assert!(admission.admits(&peer(8)) && !admission.admits(&peer(7)));
        assert!(Admission::new(Vec::new(), |_| ()).admits(&peer(9)));
    }

    #[tokio::test]
    async fn names_and_numbers_are_users() {
        assert_eq!(uid_of("1234567"), Some(1_234_567));
        assert_eq!(uid_of("root"), Some(0));
        assert_eq!(uid_of("no-such-user-here"), None);
        assert_eq!(login_name(0).await.as_deref(), Some("root"));
    }
}
