//! Stores of other users: found or named, and reached by links.

use std::os::unix::fs::{MetadataExt, lchown};

use super::*;
use crate::support::Ran;

const NAMED: [&str; 4] = ["get a ask", "call a go", "ls", "where"];

#[test]
fn store_of_other_user_is_used_only_when_named() {
    if !has_users() {
        return;
    }
    let vactor = adas();
    vactor.line_as(ADA, "register plain class").ok();
    vactor.line_as(ADA, "create plain a").ok();
    // the surrounding folder is Bob's, and so are the folders below it
    give(&vactor.path("."), BOB);
    let store = vactor.path(".vactor");
    let store = store.to_str().unwrap();
    let class = vactor.path("class");
    let register = format!("register plain {}", class.display());
    for below in ["", "project/deep"] {
        fs::create_dir_all(vactor.path(below)).unwrap();
        for line in ["get a ask", "call a go", "ls", "where", "init", "ps", "batch", &register] {
            for user in [BOB, 0] {
                let mut command = vactor.command_as(user);
                command.current_dir(vactor.path(below)).args(line.split_whitespace());
                let error = format!("belongs to the user with the id {ADA}");
                Ran::from(command.output().unwrap()).refuses(6, &error, &format!("`--store {store}`"));
            }
        }
    }
    for line in NAMED {
        vactor.line(&format!("{line} --store {store}")).ok();
        let mut command = vactor.command();
        command.args(line.split_whitespace()).env("VACTOR_STORE", store);
        Ran::from(command.output().unwrap()).ok();
    }
    vactor.line("init --store project/.vactor").ok();
}

#[test]
fn completion_offers_nothing_of_store_of_other_user() {
    if !has_users() {
        return;
    }
    let vactor = adas();
    vactor.line_as(ADA, "register plain class").ok();
    vactor.line_as(ADA, "create plain actor").ok();
    let complete = || {
        let mut command = vactor.command();
        command.env("VACTOR_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "2");
        command.args(["--", "vactor", "get", "act"]);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert!(complete().contains("actor"));
    give(&vactor.path("."), BOB);
    assert!(!complete().contains("actor"));
}

#[test]
fn root_uses_store_of_folder_owner_and_keeps_its_owner() {
    let vactor = adas();
    vactor.line_as(ADA, "register plain class").ok();
    vactor.line_as(ADA, "create plain a").ok();
    for lost in ["lock", "worker.log"] {
        let _ = fs::remove_file(vactor.path(".vactor").join(lost));
    }
    let reference = vactor.line("call a go --async").ok();
    vactor.line(&format!("wait {reference}")).ok();
    vactor.line("call a go").ok();
    let data = fs::metadata(vactor.path(".vactor/store.redb")).unwrap();
    for name in ["lock", "worker.log"] {
        let file = fs::metadata(vactor.path(".vactor").join(name)).unwrap();
        assert_eq!((file.uid(), file.gid(), file.mode()), (data.uid(), data.gid(), data.mode()), "{name}");
    }
    assert_eq!(vactor.line_as(ADA, "call a go --async").ok(), "a#4\n");
    vactor.line_as(ADA, "wait a#4").ok();
    vactor.line_as(ADA, "call a go").ok();
}

#[test]
fn store_made_by_root_belongs_to_folder_owner() {
    let vactor = adas();
    fs::create_dir(vactor.path(".vactor")).unwrap();
    allow(&vactor.path(".vactor"), 0o700);
    give(&vactor.path(".vactor"), ADA);
    vactor.line("register plain class").ok();
    vactor.line_as(ADA, "create plain a").ok();
    vactor.line_as(ADA, "call a go").ok();
}

#[test]
fn file_of_third_user_is_refused_unless_group_writes_folder() {
    if !has_users() {
        return;
    }
    let vactor = adas();
    vactor.line_as(ADA, "register plain class").ok();
    vactor.line_as(ADA, "create plain a").ok();
    let refused = format!("belongs to the user with the id {BOB}, not to you, root or the owner of the folder");
    for (name, lines) in [("store.redb", &["get a ask", "call a go"][..]), ("lock", &["call a go"])] {
        let path = vactor.path(".vactor").join(name);
        allow(&path, 0o666);
        give(&path, BOB);
        for line in lines {
            vactor.line_as(ADA, line).refuses(6, &format!("{name} {refused}"), "");
            vactor.line(line).refuses(6, &format!("{name} {refused}"), "");
        }
        allow(&vactor.path(".vactor"), 0o770);
        for line in lines {
            vactor.line_as(ADA, line).ok();
        }
        allow(&vactor.path(".vactor"), 0o700);
        for owner in [0, ADA] {
            give(&path, owner);
            for line in lines {
                vactor.line_as(ADA, line).ok();
            }
        }
    }
}

#[test]
fn links_of_user_are_followed() {
    let vactor = vactor();
    fs::rename(vactor.path(".vactor"), vactor.path("elsewhere")).unwrap();
    symlink("elsewhere", vactor.path(".vactor")).unwrap();
    symlink(vactor.path("."), vactor.path("here")).unwrap();
    symlink("here/here", vactor.path("there")).unwrap();
    for store in ["", "--store .vactor", "--store there/.vactor", "--store there/elsewhere/../.vactor"] {
        assert_eq!(vactor.line(&format!("get a ask {store}")).ok(), "7\n", "{store}");
    }
    vactor.line("call a go").ok();
    symlink("loop", vactor.path("loop")).unwrap();
    vactor.line("get a ask --store loop").fails(6);
    vactor.line("init --store loop/x").fails(6);
}

#[test]
fn links_of_other_user_are_refused() {
    if !has_users() {
        return;
    }
    let vactor = adas();
    vactor.line_as(ADA, "register plain class --store real/.vactor").ok();
    symlink("real/.vactor", vactor.path(".vactor")).unwrap();
    symlink("real", vactor.path("link")).unwrap();
    for link in [".vactor", "link"] {
        lchown(vactor.path(link), Some(BOB), Some(BOB)).unwrap();
    }
    for line in ["ls", "where", "init", "ls --store .vactor", "init --store .vactor"] {
        for ran in [vactor.line(line), vactor.line_as(ADA, line)] {
            ran.refuses(6, "is reached by the link .vactor, which belongs to", "name the folder itself");
        }
    }
    for line in ["ls --store link/.vactor", "init --store link/new"] {
        for ran in [vactor.line(line), vactor.line_as(ADA, line)] {
            ran.refuses(6, "is reached by the link link, which belongs to", "name the folder itself");
        }
    }
    assert!(!vactor.path("real/new").exists());
    for link in [".vactor", "link"] {
        lchown(vactor.path(link), Some(ADA), Some(ADA)).unwrap();
    }
    vactor.line_as(ADA, "ls").ok();
    vactor.line_as(ADA, "ls --store link/.vactor").ok();
}
