//! The compiler command of an embedding program.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use vactor::model::{CompileLimit, Error, Hash, Limits};
use vactor::sandbox::{Aborted, Bounds, Cache, Compiling, Sandbox, StopSignal};

use crate::raw::{NULL, RawClass, hostile};

fn by(command: &[&str]) -> Compiling {
    Compiling { command: Some(command.iter().map(OsString::from).collect()), ..Compiling::default() }
}

/// The compiler command of this package's binary.
const COMMAND: [&str; 2] = [env!("CARGO_BIN_EXE_vactor"), "compile-for-parent"];

fn inspect(compiling: Compiling, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let sandbox = Sandbox::new(Cache::none()).compiling(compiling);
    let inspected = sandbox.inspect(bytes, &Limits::default(), &StopSignal::default(), &mut || (), &mut |_| ())?;
    Ok(inspected.component)
}

fn failed(script: &str, change: impl FnOnce(&mut Compiling)) -> Error {
    let mut compiling = by(&["sh", "-c", script]);
    change(&mut compiling);
    inspect(compiling, &hostile().build()).unwrap_err()
}

#[test]
fn compiler_command_gives_result_of_own_process() {
    let class = RawClass::new().mutation("go", NULL);
    let (module, component) = (class.module(), class.build());
    for bytes in [&module, &component] {
        assert_eq!(inspect(by(&COMMAND), bytes).unwrap(), inspect(Compiling::default(), bytes).unwrap());
    }
    for bytes in [b"".as_slice(), b"\0asm", &component[..component.len() - 1], &crate::raw::with_wasi()] {
        let here = inspect(Compiling::default(), bytes).unwrap_err();
        assert!(matches!(here, Error::NotAClass { .. }), "{here:?}");
        assert_eq!(inspect(by(&COMMAND), bytes).unwrap_err(), here);
    }
}

#[test]
fn crashed_compiler_command_is_class_error() {
    for (script, reason) in [
        ("echo begun; kill -SEGV $$", "the compiler crashed on it (SIGSEGV)"),
        ("echo begun; kill -ABRT $$", "the compiler crashed on it (SIGABRT)"),
        ("echo \"thread 'main' has overflowed its stack\" >&2; kill -ABRT $$", "it is nested too deep to be compiled"),
    ] {
        let error = failed(script, |_| ());
        assert!(matches!(&error, Error::NotAClass { reason: told, .. } if told == reason), "{error:?}");
    }
}

#[test]
fn compiler_command_over_limit_names_limit() {
    let over = |script: &str, change: fn(&mut Compiling)| match failed(script, change) {
        Error::NotCompiled { limit, reason } => (limit, reason),
        error => panic!("{error:?}"),
    };
    let time = (CompileLimit::Time, "compiling it took more than 60 s of processor time".to_owned());
    assert_eq!(over("exit 124", |_| ()), time);
    assert_eq!(over("kill -XCPU $$", |_| ()), time);
    let asked = "echo memory allocation of 3000000000 bytes failed >&2; kill -ABRT $$";
    let memory = (CompileLimit::Memory, "compiling it took more than 2 GiB of memory".to_owned());
    assert_eq!(over(asked, |_| ()), memory);
    assert_eq!(over("", |compiling| compiling.component = 100).0, CompileLimit::Component);
}

#[test]
fn misbehaving_compiler_command_is_shortage() {
    let has = |error: Error, words: &str| {
        let Error::Shortage { action, cause } = &error else { panic!("{error:?}") };
        assert!(action == "run the process that compiles classes" && cause.to_string().contains(words), "{error:?}");
    };
    has(failed("kill -KILL $$", |_| ()), "signal: 9");
    // it ended before it read the class
    has(failed("kill -ABRT $$", |_| ()), "signal: 6");
    has(failed("echo no space >&2; exit 3", |_| ()), "no space");
    has(failed("exit 0", |_| ()), "exit status: 0");
    has(failed("echo '{\"done\":{\"length\":5}}'; echo abc", |_| ()), "it gave 4 bytes of 5");
    has(failed("echo '{\"failed\":{\"reason\":\"too few threads\"}}'", |_| ()), "too few threads");
    // far below its limit
    has(failed("echo memory allocation of 4096 bytes failed >&2; kill -ABRT $$", |_| ()), "not enough memory");
    has(failed("", |compiling| compiling.command = Some(Vec::new())), "is empty");
    has(failed("", |compiling| compiling.command = Some(vec!["/nonexistent/vactor".into()])), "No such file");
}

#[test]
fn deadline_ends_silent_compiler_command() {
    let component = hostile().build();
    let sandbox = Sandbox::new(Cache::none()).compiling(by(&["sleep", "1000000"]));
    let deadline = Instant::now() + Duration::from_millis(20);
    let until = Bounds { stop: &StopSignal::default(), deadline: Some(deadline) };
    let class = sandbox.class(&Hash::of(&component), || Ok(&component), until, &mut || ());
    assert_eq!(class.err(), Some(Aborted::Deadline));
    assert!(Instant::now() >= deadline);
}

/// It also ends the children of the command.
#[test]
fn stop_ends_silent_compiler_command() {
    let stop = StopSignal::default();
    let component = hostile().build();
    let sandbox = Sandbox::new(Cache::none()).compiling(by(&["sh", "-c", "sleep 1000000; true"]));
    let class =
        |begun: &mut dyn FnMut()| sandbox.class(&Hash::of(&component), || Ok(&component), (&stop).into(), begun).err();
    let (begins, begun) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| class(&mut || begins.send(()).unwrap()));
        begun.recv().unwrap();
        stop.stop();
        assert_eq!(waiting.join().unwrap(), Some(Aborted::Stopped));
    });
    assert_eq!(class(&mut || ()), Some(Aborted::Stopped), "one that was stopped stays so");
}

/// The other thread compiles for minutes.
#[test]
fn wait_for_compiling_thread_ends_at_deadline_or_stop() {
    let component = hostile().build();
    let (hash, first, second) = (Hash::of(&component), StopSignal::default(), StopSignal::default());
    let sandbox = Sandbox::new(Cache::none()).compiling(by(&["sleep", "1000000"]));
    let class =
        |until: Bounds<'_>, begun: &mut dyn FnMut()| sandbox.class(&hash, || Ok(&component), until, begun).err();
    let (begins, begun) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let compiling = scope.spawn(|| class((&first).into(), &mut || begins.send(()).unwrap()));
        begun.recv().unwrap();
        let deadline = Some(Instant::now() + Duration::from_millis(20));
        assert_eq!(class(Bounds { stop: &second, deadline }, &mut || ()), Some(Aborted::Deadline));
        let waiting = scope.spawn(|| class((&second).into(), &mut || ()));
        second.stop();
        assert_eq!(waiting.join().unwrap(), Some(Aborted::Stopped));
        // a waiting thread compiles the class when the other thread has ended
        let (stop, (tell, told)) = (StopSignal::default(), std::sync::mpsc::channel());
        let next = scope.spawn({
            let stop = stop.clone();
            move || class((&stop).into(), &mut || tell.send(()).unwrap())
        });
        first.stop();
        assert_eq!(compiling.join().unwrap(), Some(Aborted::Stopped));
        told.recv().unwrap();
        stop.stop();
        assert_eq!(next.join().unwrap(), Some(Aborted::Stopped));
    });
}
