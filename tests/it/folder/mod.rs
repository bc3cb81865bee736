//! Files of a store's folder: which are opened, and which owner and mode they have.

mod file_kinds;
mod modes;
mod moved;
mod owners;
mod references;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use crate::raw::{NULL, RawClass};
use crate::support::Vactor;

/// Two user ids that no machine uses.
const ADA: u32 = 64_001;
const BOB: u32 = 64_002;

fn class() -> RawClass {
    RawClass::new().text("seven", "7").query("ask", "(call $ok (call $text_seven))").mutation("go", NULL)
}

/// A store with an actor `a`, whose query `ask` gives 7 and whose mutation `go` does nothing.
fn vactor() -> Vactor {
    let vactor = Vactor::with("plain", &class());
    vactor.line("create plain a").ok();
    vactor
}

/// A folder of Ada's that all users may enter, with the file of a class. Without root it belongs to
/// the current user.
fn adas() -> Vactor {
    let vactor = Vactor::new();
    let class = vactor.write("class", class().build());
    allow(&class, 0o644);
    allow(&vactor.path("."), 0o755);
    give(&vactor.path("."), ADA);
    vactor
}

/// Whether tests can act as several users. If not, a message says so.
fn has_users() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        println!("left out: only root can act as another user");
    }
    is_root
}

fn give(path: &Path, user: u32) {
    if nix::unistd::geteuid().is_root() {
        chown(path, Some(user), Some(user)).unwrap();
    }
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
