//! Binds an admin socket by authd's own hand (without systemd's units): it is never reachable with
//! wider rights than its final ones, and nothing is taken away from a path but a dead socket.

use std::fs::{DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::Group;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::UnixListener;

/// `sockaddr_un` has room for so many bytes and a NUL (unix(7)).
const PATH_LIMIT: usize = 107;
/// Names of the closed folder that is made for a moment, all of them short.
const FOLDER_NAMES: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

/// How a socket is bound.
#[derive(Debug, Clone)]
pub struct SocketPlan {
    /// Where it appears.
    pub path: PathBuf,
    /// Its group; none leaves the process's own.
    pub group: Option<String>,
    /// Its mode, such as 0o660.
    pub mode: u32,
    /// Mode of its folder where that is missing: 0o755, or 0o700 for a developer's own.
    pub folder_mode: u32,
}

/// Why a socket could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another daemon answers there.
    #[error("another daemon answers on {path}")]
    AddrInUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket stands there; it is left alone.
    #[error("{path} exists and is not a socket")]
    NotASocket {
        /// The file.
        path: PathBuf,
    },
    /// The path does not fit into a socket's address.
    #[error("{path} is longer than {PATH_LIMIT} bytes")]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// Others can replace what stands in the folder.
    #[error("{path} is writable by everybody")]
    OpenFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The group is not known on this machine.
    #[error("no group {group}")]
    NoGroup {
        /// The name.
        group: String,
    },
    /// The system refused a step.
    #[error("cannot {step} {path}")]
    System {
        /// What was tried.
        step: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

/// The file of a bound socket. Dropped, it goes, if it is still ours.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = |found: &Metadata| found.dev() == self.device && found.ino() == self.inode;
        if std::fs::symlink_metadata(&self.path).is_ok_and(|found| is_ours(&found))
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the socket stays behind");
        }
    }
}

/// Binds a socket; to be called within a runtime. Blocks for a few system calls.
///
/// # Errors
/// [`BindError`]
pub fn bind(plan: &SocketPlan) -> Result<(UnixListener, SocketFile), BindError> {
    let path = &plan.path;
    if path.as_os_str().len() > PATH_LIMIT {
        return Err(BindError::TooLong { path: path.clone() });
    }
    let group = plan.group.as_deref().map(group_id).transpose()?;
    let folder = folder_of(path);
    ensure_folder(folder, plan.folder_mode)?;
    clear_stale(path)?;
    let closed = ClosedFolder::within(folder)?;
    let inner = closed.path.join("s");
    let listener = UnixListener::bind(&inner).map_err(system("bind", path))?;
    // Nobody else reaches these paths: the folder around them is closed.
    std::os::unix::fs::chown(&inner, None, group).map_err(system("set the group of", path))?;
    std::fs::set_permissions(&inner, Permissions::from_mode(plan.mode))
        .map_err(system("set the mode of", path))?;
    let bound = std::fs::symlink_metadata(&inner).map_err(system("examine", path))?;
    std::fs::rename(&inner, path).map_err(system("put into place", path))?;
    let file = SocketFile {
        path: path.clone(),
        device: bound.dev(),
        inode: bound.ino(),
    };
    Ok((listener, file))
}

fn system(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BindError {
    let path = path.to_owned();
    move |source| BindError::System { step, path, source }
}

/// Looks at what [`bind`] would stumble over, and changes nothing; a daemon that answers is none.
///
/// # Errors
/// [`BindError`]
pub fn look(path: &Path, group: Option<&str>) -> Result<(), BindError> {
    if let Some(group) = group {
        group_id(group)?;
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => Err(BindError::NotASocket {
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn group_id(name: &str) -> Result<u32, BindError> {
    let group = Group::from_name(name).ok().flatten();
    let group = group.ok_or_else(|| BindError::NoGroup {
        group: name.to_owned(),
    })?;
    Ok(group.gid.as_raw())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the folder where it is missing, and refuses one in which strangers can swap files.
fn ensure_folder(folder: &Path, mode: u32) -> Result<(), BindError> {
    const WRITABLE_BY_ALL: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    if !folder.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(folder)
            .map_err(system("create the folder", folder))?;
    }
    let found = std::fs::metadata(folder).map_err(system("examine", folder))?;
    if found.mode() & WRITABLE_BY_ALL != 0 && found.mode() & STICKY == 0 {
        return Err(BindError::OpenFolder {
            path: folder.to_owned(),
        });
    }
    Ok(())
}

/// Removes a socket that nobody answers on, and nothing else.
fn clear_stale(path: &Path) -> Result<(), BindError> {
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system("examine", path)(error)),
    };
    if !found.file_type().is_socket() {
        return Err(BindError::NotASocket {
            path: path.to_owned(),
        });
    }
    match knock(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(system("remove the dead socket", path))
        }
        // A full queue is a sign of life too.
        Ok(()) => Err(in_use(path)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(in_use(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(system("knock at", path)(error)),
    }
}

fn in_use(path: &Path) -> BindError {
    BindError::AddrInUse {
        path: path.to_owned(),
    }
}

/// Connects without waiting.
fn knock(path: &Path) -> io::Result<()> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(())
}

/// A folder that only this process's user can enter; it goes when dropped.
struct ClosedFolder {
    path: PathBuf,
}

impl ClosedFolder {
    fn within(folder: &Path) -> Result<Self, BindError> {
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for name in FOLDER_NAMES.chars() {
            // Short, so that the socket's first address is no longer than its final one.
            let path = folder.join(format!(".{name}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                Err(error) => return Err(system("create a folder in", folder)(error)),
            }
        }
        Err(system("create a folder in", folder)(last))
    }
}

impl Drop for ClosedFolder {
    fn drop(&mut self) {
        // What is left in it stands there only after a failure.
        let leftover = self.path.join("s");
        if leftover.exists() {
            drop(std::fs::remove_file(leftover));
        }
        if let Err(error) = std::fs::remove_dir(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a folder stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn plan(path: PathBuf) -> SocketPlan {
        SocketPlan {
            path,
            group: None,
            mode: 0o660,
            folder_mode: 0o755,
        }
    }

    #[tokio::test]
    async fn a59_a_socket_has_its_mode_and_group_and_goes_with_its_daemon() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run/deep/admin.sock");
        let group = Group::from_gid(nix::unistd::getgid()).unwrap().unwrap();
        let plan = SocketPlan {
            group: Some(group.name),
            ..plan(path.clone())
        };
        let (listener, file) = bind(&plan).unwrap();
        let found = std::fs::symlink_metadata(&path).unwrap();
        assert_eq!(found.mode() & 0o7777, 0o660);
        assert_eq!(found.gid(), group.gid.as_raw());
        let folder = path.parent().unwrap();
        assert_eq!(std::fs::metadata(folder).unwrap().mode() & 0o777, 0o755);
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
        std::os::unix::net::UnixStream::connect(&path).unwrap();
        listener.accept().await.unwrap();
        drop((listener, file));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a59_the_socket_is_never_reachable_with_wider_rights() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("admin.sock");
        let done = Arc::new(AtomicBool::new(false));
        let watcher = std::thread::spawn({
            let (folder, path, done) = (home.path().to_owned(), path.clone(), Arc::clone(&done));
            move || {
                while !done.load(Ordering::SeqCst) {
                    if let Ok(found) = std::fs::symlink_metadata(&path) {
                        assert_eq!(found.mode() & 0o7777, 0o600);
                    }
                    let entries = std::fs::read_dir(&folder).unwrap().flatten();
                    let found = entries.filter_map(|entry| entry.metadata().ok());
                    for folder in found.filter(Metadata::is_dir) {
                        assert_eq!(folder.mode() & 0o7777, 0o700);
                    }
                }
            }
        });
        let plan = SocketPlan {
            mode: 0o600,
            ..plan(path.clone())
        };
        for _ in 0..200 {
            drop(bind(&plan).unwrap());
        }
        done.store(true, Ordering::SeqCst);
        watcher.join().unwrap();
    }

    #[tokio::test]
    async fn a59_only_a_dead_socket_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);

        drop(std::os::unix::net::UnixListener::bind(at("dead")).unwrap());
        let (_listener, _file) = bind(&plan(at("dead"))).unwrap();
        std::os::unix::net::UnixStream::connect(at("dead")).unwrap();

        let first = std::os::unix::net::UnixListener::bind(at("live")).unwrap();
        let error = bind(&plan(at("live"))).unwrap_err();
        assert!(matches!(error, BindError::AddrInUse { .. }), "{error:?}");
        first.set_nonblocking(true).unwrap();
        first.accept().unwrap();
        std::os::unix::net::UnixStream::connect(at("live")).unwrap();

        std::fs::write(at("file"), "precious").unwrap();
        let error = bind(&plan(at("file"))).unwrap_err();
        assert!(matches!(error, BindError::NotASocket { .. }), "{error:?}");
        assert_eq!(std::fs::read(at("file")).unwrap(), b"precious");

        drop(std::os::unix::net::UnixListener::bind(at("target")).unwrap());
        std::os::unix::fs::symlink(at("target"), at("link")).unwrap();
        let error = bind(&plan(at("link"))).unwrap_err();
        assert!(matches!(error, BindError::NotASocket { .. }), "{error:?}");
        assert!(at("target").exists() && at("link").is_symlink());
    }

    #[tokio::test]
    async fn what_cannot_be_bound_safely_is_not_bound() {
        let home = tempfile::tempdir().unwrap();
        let error = bind(&plan(home.path().join("x".repeat(PATH_LIMIT)))).unwrap_err();
        assert!(matches!(error, BindError::TooLong { .. }), "{error:?}");

        let mut with_group = plan(home.path().join("s"));
        with_group.group = Some("no-such-group-here".to_owned());
        let error = bind(&with_group).unwrap_err();
        assert!(matches!(error, BindError::NoGroup { .. }), "{error:?}");

        let open = home.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        let error = bind(&plan(open.join("s"))).unwrap_err();
        assert!(matches!(error, BindError::OpenFolder { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_socket_that_was_replaced_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("admin.sock");
        let (_listener, file) = bind(&plan(path.clone())).unwrap();
        std::fs::remove_file(&path).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(file);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn the_longest_path_still_binds() {
        let home = tempfile::tempdir().unwrap();
        let room = PATH_LIMIT - home.path().as_os_str().len() - 1;
        let (_listener, _file) = bind(&plan(home.path().join("x".repeat(room)))).unwrap();
    }
}
