//! What a disk may hold when the power goes: a model of a file system that keeps no more promises than
//! POSIX gives.
//!
//! What a finished `fsync` or `fdatasync` covers is there. Of everything else any part may be, in pieces
//! of a sector and in any order: later writes without earlier ones, a file that grew without its
//! content, a name that was made or removed without its folder.

use std::collections::BTreeMap;
use std::path::Path;

use harness::{Call, Dice};

/// What a disk writes whole or not at all.
const SECTOR: u64 = 512;

/// What survives of the changes that no sync covers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Luck {
    /// Nothing.
    None,
    /// Everything, as after kill -9.
    All,
    /// Any part, by dice of this seed.
    Some(u64),
}

enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    Truncate(u64),
}

/// A file without its name.
#[derive(Default)]
struct Inode {
    /// What is surely on the disk.
    durable: Vec<u8>,
    /// Changes that are not, with the moment at which each came back.
    pending: Vec<(Option<usize>, Change)>,
}

/// A change of the folder.
struct Naming {
    done: Option<usize>,
    name: String,
    /// The inode that the name stands for from now on; none for a removal.
    inode: Option<usize>,
}

/// One folder on a disk.
pub(crate) struct Disk {
    folder: String,
    inodes: Vec<Inode>,
    /// Names as the programs see them.
    live: BTreeMap<String, usize>,
    /// Names that are surely on the disk.
    durable: BTreeMap<String, usize>,
    pending: Vec<Naming>,
    /// Whether a sync does anything: a model in which none does shows that the judge sees losses.
    hears_syncs: bool,
    /// Syncs that covered something.
    pub(crate) syncs: usize,
    /// Writes, by file name.
    pub(crate) writes: BTreeMap<String, usize>,
}

impl Disk {
    /// A folder with these files, all on the disk.
    pub(crate) fn new(folder: &Path, files: &BTreeMap<String, Vec<u8>>, hears_syncs: bool) -> Self {
        let mut disk = Self {
            folder: folder.display().to_string(),
            inodes: Vec::new(),
            live: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: Vec::new(),
            hears_syncs,
            syncs: 0,
            writes: BTreeMap::new(),
        };
        for (name, content) in files {
            disk.live.insert(name.clone(), disk.inodes.len());
            disk.inodes.push(Inode {
                durable: content.clone(),
                pending: Vec::new(),
            });
        }
        disk.durable = disk.live.clone();
        disk
    }

    /// The name in this folder of a file that is kept; none for any other.
    fn name_of(&self, file: &str) -> Option<String> {
        let file = file.strip_suffix(" (deleted)").unwrap_or(file);
        let name = file.strip_prefix(&self.folder)?.strip_prefix('/')?;
        is_kept(name).then(|| name.to_owned())
    }

    /// Takes a call that was entered; one that came back by now, or not.
    pub(crate) fn take(&mut self, call: &Call) {
        match call.name.as_str() {
            "pwrite64" => {
                let (offset, bytes) = (call.last_number(), call.bytes.clone());
                self.change(call, Change::Write { offset, bytes });
            }
            "ftruncate" => self.change(call, Change::Truncate(call.last_number())),
            "fsync" | "fdatasync" => self.sync(call),
            "openat" if call.arguments.contains("O_CREAT") && call.done.is_some() => {
                if let Some(name) = self.name_of(&String::from_utf8_lossy(&call.bytes)) {
                    self.create(name, call.done);
                }
            }
            "unlink" | "unlinkat" if call.done.is_some() => {
                if let Some(name) = self.name_of(&String::from_utf8_lossy(&call.bytes)) {
                    self.live.remove(&name);
                    self.pending.push(Naming {
                        done: call.done,
                        name,
                        inode: None,
                    });
                }
            }
            other => {
                // What this model does not know must not touch the files.
                let named = self.name_of(&String::from_utf8_lossy(&call.bytes));
                let name = self.name_of(&call.file).or(named);
                let is_harmless = name.is_none() || ["openat", "unlink"].contains(&other);
                assert!(is_harmless, "not in the model: {other} of {name:?}");
            }
        }
    }

    fn create(&mut self, name: String, done: Option<usize>) {
        if self.live.contains_key(&name) {
            return;
        }
        let inode = self.inodes.len();
        self.inodes.push(Inode::default());
        self.live.insert(name.clone(), inode);
        self.pending.push(Naming {
            done,
            name,
            inode: Some(inode),
        });
    }

    fn change(&mut self, call: &Call, change: Change) {
        let Some(name) = self.name_of(&call.file) else {
            return;
        };
        let inode = self.live.get(&name).copied();
        let inode = inode.and_then(|index| self.inodes.get_mut(index));
        let inode = inode.unwrap_or_else(|| panic!("{name} is written and was never made"));
        inode.pending.push((call.done, change));
        *self.writes.entry(name).or_default() += 1;
    }

    /// Covers what had come back when the sync was entered.
    fn sync(&mut self, call: &Call) {
        if !self.hears_syncs || call.done.is_none() {
            return;
        }
        let is_covered = |done: Option<usize>| done.is_some_and(|done| done < call.entered);
        if call.file == self.folder {
            for naming in self
                .pending
                .extract_if(.., |naming| is_covered(naming.done))
            {
                settle(&mut self.durable, &naming);
            }
            self.syncs += 1;
            return;
        }
        let name = self.name_of(&call.file);
        let index = name.and_then(|name| self.live.get(&name).copied());
        let Some(inode) = index.and_then(|index| self.inodes.get_mut(index)) else {
            return;
        };
        for (_, change) in inode.pending.extract_if(.., |(done, _)| is_covered(*done)) {
            apply(&mut inode.durable, &change, &mut |_| true);
        }
        self.syncs += 1;
    }

    /// The files that the next start finds.
    pub(crate) fn after_power_loss(&self, luck: Luck) -> BTreeMap<String, Vec<u8>> {
        let mut dice = Dice::of(match luck {
            Luck::Some(seed) => seed,
            Luck::None | Luck::All => 0,
        });
        // Of some disks half is lost, of others little or nearly all.
        let odds = 1 + dice.roll(15);
        let mut survives = |_| match luck {
            Luck::None => false,
            Luck::All => true,
            Luck::Some(_) => dice.roll(16) < odds,
        };
        let mut names = self.durable.clone();
        for naming in &self.pending {
            if survives(0) {
                settle(&mut names, naming);
            }
        }
        let mut files = BTreeMap::new();
        for (name, index) in names {
            let Some(inode) = self.inodes.get(index) else {
                continue;
            };
            let mut content = inode.durable.clone();
            for (_, change) in &inode.pending {
                apply(&mut content, change, &mut survives);
            }
            files.insert(name, content);
        }
        files
    }
}

/// Whether a file outlives a power loss: one that is shared memory, or made anew by each start, does not.
pub(crate) fn is_kept(name: &str) -> bool {
    !["authd.db-shm", "authd.lock"].contains(&name)
}

fn settle(names: &mut BTreeMap<String, usize>, naming: &Naming) {
    match naming.inode {
        Some(inode) => drop(names.insert(naming.name.clone(), inode)),
        None => drop(names.remove(&naming.name)),
    }
}

/// Does a change, sector by sector where it is a write.
fn apply(content: &mut Vec<u8>, change: &Change, survives: &mut impl FnMut(u64) -> bool) {
    match change {
        Change::Truncate(length) => {
            if survives(*length) {
                content.resize(usize::try_from(*length).expect("a length"), 0);
            }
        }
        Change::Write { offset, bytes } => {
            let end = offset + bytes.len() as u64;
            let mut at = *offset;
            while at < end {
                let next = ((at / SECTOR + 1) * SECTOR).min(end);
                if survives(at) {
                    let place = |n: u64| usize::try_from(n).expect("a place");
                    let piece = bytes.get(place(at - offset)..place(next - offset));
                    if content.len() < place(next) {
                        content.resize(place(next), 0);
                    }
                    let there = content.get_mut(place(at)..place(next));
                    let pair = there.zip(piece);
                    let (there, piece) = pair.expect("the piece lies in both");
                    there.copy_from_slice(piece);
                }
                at = next;
            }
        }
    }
}
