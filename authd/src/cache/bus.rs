//! What carries invalidations between nodes. It may lose, double and reorder what it carries, and it
//! may carry what nobody sent: it makes a node look at the log sooner, and decides nothing.

use store::Scope;
use tokio::sync::broadcast;

/// What a change invalidated, as it travels between nodes. A hint: the log in the database is the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Its number in the log.
    pub number: u64,
    /// What it invalidated.
    pub scope: Scope,
}

impl Notice {
    /// Bytes of one notice.
    pub const LENGTH: usize = 25;

    /// The number, the scope's kind and its id; zeros where there is no id.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let (kind, id) = self.scope.to_parts();
        let id = id.copied().unwrap_or_default();
        let bytes = self
            .number
            .to_be_bytes()
            .into_iter()
            .chain([kind])
            .chain(id);
        let mut all = [0; Self::LENGTH];
        for (place, byte) in all.iter_mut().zip(bytes) {
            *place = byte;
        }
        all
    }

    /// Reads what [`Notice::to_bytes`] gave; none if it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk::<8>()?;
        let (&kind, id) = rest.split_first()?;
        let id: [u8; 16] = id.try_into().ok()?;
        let scope = match Scope::from_parts(kind, None) {
            Some(scope) if id == [0; 16] => Some(scope),
            _ => Scope::from_parts(kind, Some(id)),
        };
        Some(Self {
            number: u64::from_be_bytes(*number),
            scope: scope?,
        })
    }
}

/// Carries notices to and from other nodes.
pub trait Bus: Send + Sync {
    /// Hands on what was committed. Never waits, never fails; what cannot be sent is lost.
    fn publish(&self, notices: &[Notice]);
    /// What others sent from now on; lossy, doubled, reordered. A node may hear itself.
    fn subscribe(&self) -> broadcast::Receiver<Notice>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::id::{SessionId, TenantId, UserId};

    #[test]
    fn every_notice_survives_its_bytes_and_nothing_else_is_read() {
        for scope in [
            Scope::Global,
            Scope::Tokens,
            Scope::Tenant(TenantId::from_bytes([1; 16])),
            Scope::User(UserId::from_bytes([2; 16])),
            Scope::Session(SessionId::from_bytes([3; 16])),
        ] {
            let notice = Notice {
                number: u64::MAX - 1,
                scope,
            };
            let bytes = notice.to_bytes();
            assert_eq!(Notice::from_bytes(&bytes), Some(notice));
            for length in 0..bytes.len() {
                assert_eq!(Notice::from_bytes(&bytes[..length]), None);
            }
            assert_eq!(Notice::from_bytes(&[&bytes[..], &[0]].concat()), None);
            let mut other = bytes;
            other[8] = 9;
            assert_eq!(Notice::from_bytes(&other), None);
        }
        let mut global = Notice {
            number: 1,
            scope: Scope::Global,
        }
        .to_bytes();
        global[24] = 1;
        assert_eq!(
            Notice::from_bytes(&global),
            None,
            "no id where none belongs"
        );
    }
}
