//! The machine: the data folder, the disk, file handles.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use host::Prepared;

use super::finding::Finding;

const DATA: &str = "data folder";
const DISK: &str = "disk";
const FILES: &str = "file handles";

/// With less, a database can't even write its log of changes.
const DISK_LEAST_BYTES: u64 = 64 * 1024 * 1024;
/// With less, an operator has to do something this week.
const DISK_FEW_BYTES: u64 = 1024 * 1024 * 1024;
/// What the process has open besides its clients: files, pools, pipes.
const FILES_OF_OUR_OWN: u64 = 128;

pub(super) fn look(prepared: &Prepared) -> Vec<Finding> {
    let mut found = vec![folder(prepared)];
    found.extend(disk(prepared.data_dir()));
    found.push(file_handles(prepared));
    found
}

fn folder(prepared: &Prepared) -> Finding {
    let path = prepared.data_dir();
    let shown = path.display();
    let Some(mode) = mode_of(path) else {
        let parent = nearest(path);
        if is_writable(&parent) {
            return Finding::ok(DATA, format!("the first start makes {shown}"));
        }
        return Finding::fault(DATA, format!("{shown} is not there and can't be made in {}", parent.display()))
            .hint(format!("install -d -m 700 -o {} {shown}", user()));
    };
    if !path.is_dir() {
        return Finding::fault(DATA, format!("{shown} is no folder")).hint("name another one with --data-dir");
    }
    if !is_writable(path) {
        return Finding::fault(DATA, format!("{shown} can't be written to")).hint(format!("chown -R {} {shown}", user()));
    }
    if mode & 0o077 != 0 {
        let what = format!("others on this machine may look into {shown}, where keys and rows are kept");
        return Finding::serious_if(!prepared.environment().is_dev(), DATA, what).hint(format!("chmod 700 {shown}"));
    }
    Finding::ok(DATA, format!("{shown} is ours alone"))
}

/// The last part of the path that exists.
fn nearest(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    whole.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/")).to_owned()
}

fn is_writable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

/// The permissions of a file or folder; `None` when there is none.
pub(super) fn mode_of(path: &Path) -> Option<u32> {
    Some(std::fs::metadata(path).ok()?.permissions().mode())
}

/// Who runs this, as `chown` takes it.
fn user() -> String {
    rustix::process::geteuid().as_raw().to_string()
}

fn disk(data_dir: &Path) -> Option<Finding> {
    let place = nearest(data_dir);
    let room = rustix::fs::statvfs(&place).ok()?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let what = format!("{} MB are free where {} lies", free / (1024 * 1024), data_dir.display());
    let hint = format!("df -h {}", place.display());
    Some(match free {
        0..DISK_LEAST_BYTES => Finding::fault(DISK, what).hint(hint),
        DISK_LEAST_BYTES..DISK_FEW_BYTES => Finding::warning(DISK, what).hint(hint),
        _ => Finding::ok(DISK, what),
    })
}

/// Every client takes a handle; without one left, the next is turned away.
fn file_handles(prepared: &Prepared) -> Finding {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let settings = prepared.settings();
    let clients = u64::from(settings.server.connections_max);
    let needed = clients + 2 * u64::from(settings.database.connections_max) + FILES_OF_OUR_OWN;
    let what = format!("this process may open {limit} files; server.connections_max = {clients} needs {needed}");
    if limit >= needed {
        return Finding::ok(FILES, what);
    }
    let fitting = limit.saturating_sub(needed - clients);
    let hint = format!("ulimit -n {needed} (systemd: LimitNOFILE={needed}), or server.connections_max: {fitting}");
    Finding::serious_if(!prepared.environment().is_dev(), FILES, what).hint(hint)
}

/// The memory that this process may use, in KiB: of the machine, or of the container if that is less.
pub(super) fn memory_kib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let machine: u64 = line.split_whitespace().next()?.parse().ok()?;
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let container = limits.iter().filter_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok()).min();
    Some(container.map_or(machine, |bytes| machine.min(bytes / 1024)))
}
