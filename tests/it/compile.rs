//! Classes that are expensive to compile: limits, interruption, and no record of an attempt.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor, signal};

const MEMORY: &str = "(memory (export \"memory\") 2)";

/// A working class with additional functions.
fn with_functions(functions: &str) -> RawClass {
    RawClass::new().fields(&format!("{MEMORY} {functions}")).mutation("go", NULL)
}

/// A function with many locals and branches: the work of the compiler grows with the product.
fn tangle(locals: usize, branches: usize) -> String {
    let mut body = String::from("(func (param i32) (result i32)");
    for local in 0..locals {
        let _ = write!(body, "(local $l{local} i32)");
    }
    body.push_str("(loop $again ");
    for branch in 0..branches {
        let (from, to) = (branch % locals, (branch * 7 + 1) % locals);
        let _ = writeln!(
            body,
            "(if (i32.and (local.get 0) (i32.const {branch})) (then (local.set $l{to} (i32.add (local.get $l{from}) \
             (i32.const {branch}))) (br_if $again (local.get $l{to}))))"
        );
    }
    body.push_str(") (local.get $l0))");
    body
}

/// A class that takes minutes to compile.
fn endless() -> RawClass {
    with_functions(&tangle(2_000, 8_000))
}

/// A folder with the class in the file `class`, and a cache of its own.
struct Folder(Vactor);

impl Folder {
    fn with(class: &RawClass) -> Folder {
        let vactor = Vactor::new();
        vactor.write("class", class.build());
        Folder(vactor)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.0.command();
        command.env("XDG_CACHE_HOME", self.0.path("cache")).args(line.split_whitespace());
        command
    }

    fn line(&self, line: &str) -> Ran {
        Ran::from(self.command(line).output().unwrap())
    }

    fn forget_compiled(&self) {
        std::fs::remove_dir_all(self.0.path("cache")).unwrap();
    }
}

#[test]
fn register_of_costly_class_ends_at_named_limit() {
    let blocks = format!("(func {} {})", "block ".repeat(100_000), "end ".repeat(100_000));
    let sum = format!("(func (param i32) (result i32) (local.get 0) {})", "(i32.const 3) (i32.mul) ".repeat(400_000));
    let small = "(func (param i32) (result i32) (i32.add (local.get 0) (i32.const 7)))\n".repeat(30_000);
    for (shape, functions) in [
        ("deep", &blocks),
        ("long", &sum),
        ("many", &small),
        ("tangled", &tangle(2_000, 8_000)),
        ("plain", &String::new()),
    ] {
        let folder = Folder::with(&with_functions(functions));
        // no process compiles anything in a millisecond
        let ran = folder.line("register hostile class --max-compile-time 1ms");
        assert!(ran.stderr.contains("more than 1 ms of processor time"), "{shape}: {ran:?}");
        ran.refuses(2, "the class cannot be compiled", "`--max-compile-time`");
        assert!(!folder.0.path(".vactor").exists(), "{shape} makes no store");
    }
}

#[test]
fn register_of_class_that_needs_memory_names_that_limit() {
    let sum = format!("(func (param i32) (result i32) (local.get 0) {})", "(i32.const 3) (i32.mul) ".repeat(400_000));
    let folder = Folder::with(&with_functions(&sum));
    let ran = folder.line("register hostile class --max-compile-memory 32MiB");
    assert!(ran.stderr.contains("more than 32 MiB of memory"), "{ran:?}");
    ran.refuses(2, "the class cannot be compiled", "`--max-compile-memory`");
    assert!(!folder.0.path(".vactor").exists(), "what is no class makes no store");
}

#[test]
fn component_registers_at_limit_and_not_past_it() {
    let folder = Folder::with(&with_functions(""));
    let bytes = std::fs::metadata(folder.0.path("class")).unwrap().len();
    let ran = folder.line(&format!("register plain class --max-component {}", bytes - 1));
    ran.refuses(2, &format!("the component has more than {} bytes", bytes - 1), "`--max-component`");
    let mut command = folder.command("register plain class");
    command.env("VACTOR_MAX_COMPONENT", (bytes - 1).to_string());
    Ran::from(command.output().unwrap()).refuses(2, "the class cannot be compiled", "`--max-component`");
    folder.line(&format!("register plain class --max-component {bytes}")).ok();
}

#[cfg(unix)]
#[test]
fn register_reads_file_up_to_component_limit() {
    let folder = Folder::with(&with_functions(""));
    folder.line("register endless /dev/zero").refuses(2, "the component has more than 64 MiB", "`--max-component`");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_describe() {
    let endless = "(call $log (i32.const 1) (call $text_begun)) (loop (br 0)) (unreachable)";
    let folder = Folder::with(&RawClass::new().text("begun", "begun").export("describe", endless));
    let mut register = folder.command("register endless class");
    let mut child = register.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert!(said.ends_with("begun\n"), "{said}");
    signal(&child, "INT");
    Ran::from(child.wait_with_output().unwrap()).refuses(130, "interrupted; nothing happened", "");
}

/// A process that ignores SIGCHLD cannot wait for its children.
#[cfg(target_os = "linux")]
#[test]
fn process_that_ignores_children_compiles() {
    let folder = Folder::with(&with_functions(""));
    let mut command = Command::new("env");
    command.args(["--ignore-signal=CHLD", env!("CARGO_BIN_EXE_vactor"), "register", "plain", "class"]);
    command.env_clear().envs(folder.0.environment()).env("XDG_CACHE_HOME", folder.0.path("cache"));
    Ran::from(command.current_dir(folder.0.path("")).output().unwrap()).ok();
}

/// A copied store whose class is not in the cache.
#[test]
fn command_on_class_over_limit_records_nothing() {
    let class = with_functions("").query("ask", NULL).task("work", NULL);
    let folder = Folder::with(&class);
    folder.line("register plain class").ok();
    folder.line("create plain a").ok();
    folder.forget_compiled();
    let before = folder.line("log a --json").ok();
    for line in ["call a go --key k", "get a ask", "call a ask", "create plain b", "run plain work"] {
        let ran = folder.line(&format!("{line} --max-compile-time 1ms"));
        ran.refuses(2, "the class cannot be compiled", "`--max-compile-time`");
    }
    let mut batch = folder.command("batch --max-component 100");
    batch.stdin(std::fs::File::open(folder.0.write("lines", r#"{"actor":"a","method":"go","key":"k"}"#)).unwrap());
    let answered = Ran::from(batch.output().unwrap());
    let answer: Value = serde_json::from_str(&answered.stdout).unwrap();
    assert_eq!((answered.code, &answer["error"]["kind"]), (2, &"limit".into()), "{answer}");
    assert_eq!(folder.line("log a --json").ok(), before);
    folder.line("show b").refuses(3, "there is no actor b", "");
    let made: Value = serde_json::from_str(&folder.line("call a go --key k --json").ok()).unwrap();
    assert!(made.get("recorded").is_none() && folder.line("log a").ok().lines().count() == 3, "the key was unused");
}

#[test]
fn call_timeout_bounds_compiling() {
    let folder = Folder::with(&with_functions(""));
    folder.line("register plain class").ok();
    folder.line("create plain a").ok();
    folder.forget_compiled();
    let ran = folder.line("call a go --timeout 1ms");
    ran.refuses(4, "had not ended when the time ran out; nothing happened", "");
    assert_eq!(folder.line("log a").ok().lines().count(), 2);
}

/// The call stays queued until a process with a higher limit runs it.
#[test]
fn accepted_call_over_compile_limit_stays_queued() {
    let folder = Folder::with(&with_functions(""));
    folder.line("register plain class").ok();
    folder.line("create plain a").ok();
    folder.forget_compiled();
    let mut accept = folder.command("call a go --async");
    let accepted = Ran::from(accept.env("VACTOR_WORKER", "off").output().unwrap()).ok();
    assert_eq!(accepted, "a#2\n");
    let ran = folder.line("wait a#2 --max-compile-time 1ms");
    assert!(ran.code == 2 && ran.stderr.contains("hint: `--max-compile-time` raises the limit"), "{ran:?}");
    let ran = folder.line("worker --until-idle --max-compile-time 1ms");
    assert!(ran.stderr.contains("the class cannot be compiled"), "{ran:?}");
    assert_eq!(folder.line("ps").ok().lines().filter(|line| line.contains("queued")).count(), 1);
    assert_eq!(folder.line("wait a#2").ok(), "null\n");
}

/// The children of this process.
#[cfg(target_os = "linux")]
fn children(of: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<u32>>()).collect()
}

/// Waits until the compiler process runs, and returns its id.
#[cfg(target_os = "linux")]
fn compiler_of(child: &Child) -> u32 {
    loop {
        if let [compiler] = children(child.id())[..]
            && std::fs::read(format!("/proc/{compiler}/cmdline"))
                .is_ok_and(|line| line.ends_with(b"compile-for-parent\0"))
        {
            return compiler;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(target_os = "linux")]
fn lives(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_compiler_process() {
    for name in ["INT", "TERM"] {
        let folder = Folder::with(&endless());
        let mut register = folder.command("register hostile class --max-compile-time 1h");
        let child = register.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let compiler = compiler_of(&child);
        signal(&child, name);
        Ran::from(child.wait_with_output().unwrap()).refuses(130, "interrupted; nothing happened", "");
        assert!(!lives(compiler), "it was waited for");
        assert!(!folder.0.path(".vactor").exists());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn compiler_process_ends_with_its_parent() {
    let folder = Folder::with(&endless());
    let mut register = folder.command("register hostile class --max-compile-time 1h");
    let mut child = register.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let compiler = compiler_of(&child);
    child.kill().unwrap();
    child.wait().unwrap();
    while lives(compiler) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn killed_compiler_process_records_nothing() {
    let folder = Folder::with(&endless());
    let mut register = folder.command("register hostile class --max-compile-time 1h");
    let child = register.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let compiler = compiler_of(&child);
    assert!(Command::new("kill").args(["-KILL", &compiler.to_string()]).status().unwrap().success());
    let ran = Ran::from(child.wait_with_output().unwrap());
    ran.refuses(6, "this machine cannot run the process that compiles classes: signal: 9", "");
}
