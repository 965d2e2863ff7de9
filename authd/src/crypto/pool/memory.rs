//! The working memory of one hash thread: kept between hashes, really given back afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::Block;
use zeroize::Zeroize;

use super::super::error::CryptoError;

/// Address space to ask for at least, in blocks of 1 KiB. Over 32 MiB the C library always maps
/// memory of its own and unmaps it when freed; below, it may keep freed memory for later. Pages
/// that are not touched cost nothing.
const OWN_MAPPING_BLOCKS: usize = 33 * 1024;

/// Blocks that argon2 works in.
pub(super) struct Memory {
    blocks: Vec<Block>,
    /// Bytes that all threads of a pool keep.
    kept_bytes: Arc<AtomicUsize>,
}

impl Memory {
    /// Holds nothing yet; what it will hold is counted in `kept_bytes`.
    pub(super) const fn new(kept_bytes: Arc<AtomicUsize>) -> Self {
        Self {
            blocks: Vec::new(),
            kept_bytes,
        }
    }

    /// At least `count` blocks, with whatever the last hash left in them.
    ///
    /// # Errors
    /// [`CryptoError::Memory`] if there are none to be had.
    pub(super) fn blocks(&mut self, count: usize) -> Result<&mut [Block], CryptoError> {
        if self.blocks.len() < count {
            self.release();
            self.blocks
                .try_reserve_exact(count.max(OWN_MAPPING_BLOCKS))
                .map_err(|_| CryptoError::Memory {
                    kib: u32::try_from(count).unwrap_or(u32::MAX),
                })?;
            self.blocks.resize(count, Block::new());
            self.kept_bytes.fetch_add(self.bytes(), Ordering::AcqRel);
        }
        Ok(&mut self.blocks)
    }

    /// Gives the memory back if it is more than `usual` blocks: an imported hash was dearer.
    pub(super) fn shrink(&mut self, usual: usize) {
        if self.blocks.len() > usual {
            self.release();
        }
    }

    /// Gives the memory back.
    pub(super) fn release(&mut self) {
        self.kept_bytes.fetch_sub(self.bytes(), Ordering::AcqRel);
        // Not the vector's own method, which would touch the whole address space that it reserved.
        self.blocks.iter_mut().for_each(Block::zeroize);
        self.blocks = Vec::new();
    }

    /// Whether there is anything to give back.
    pub(super) const fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    const fn bytes(&self) -> usize {
        self.blocks.len() * Block::SIZE
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p5_memory_is_kept_grown_shrunk_and_given_back() {
        let kept = Arc::new(AtomicUsize::new(0));
        let mut memory = Memory::new(Arc::clone(&kept));
        let first = memory.blocks(100).unwrap().as_ptr();
        assert_eq!(memory.blocks(64).unwrap().as_ptr(), first);
        assert_eq!(kept.load(Ordering::Acquire), 100 * 1024);
        memory.blocks(200).unwrap();
        assert_eq!(kept.load(Ordering::Acquire), 200 * 1024);
        memory.shrink(200);
        assert!(!memory.is_empty());
        memory.shrink(100);
        assert!(memory.is_empty());
        assert_eq!(memory.blocks.capacity(), 0);
        memory.blocks(10).unwrap();
        assert!(memory.blocks.capacity() >= OWN_MAPPING_BLOCKS);
        drop(memory);
        assert_eq!(kept.load(Ordering::Acquire), 0);
    }
}
