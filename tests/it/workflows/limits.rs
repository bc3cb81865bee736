//! Limits of methods that call others, by their flags.

use super::Probes;

#[test]
fn how_many_are_started() {
    let probes = Probes::new(&["a"]);
    assert_eq!(probes.line("call a sum_of_squares 5 --max-children 5").ok(), "55\n");
    let said = probes.line("call a sum_of_squares 6 --max-children 5").fails(1);
    assert!(said.contains("more than 5") && said.contains("`--max-children`"), "{said}");
    let mut command = probes.command();
    let output = command.env("VACTOR_MAX_CHILDREN", "5").args(["call", "a", "sum_of_squares", "6"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(probes.get("a", "value"), 55);
}

#[test]
fn how_much_is_asked_for() {
    let probes = Probes::new(&["a"]);
    for _ in 0..5 {
        probes.line("emit a go x").ok();
    }
    assert_eq!(probes.line("call a take_all go 2 --max-operations 2").ok(), "[\"x\",\"x\"]\n");
    let ran = probes.line("call a take_all go 3 --max-operations 2");
    assert!(ran.code != 0 && ran.stderr.contains("`--max-operations`"), "{ran:?}");
}

#[test]
fn how_deep_calls_nest() {
    let probes = Probes::new(&["a", "b", "c"]);
    let call = |row: &str| probes.run(&["call", "a", "meet_row", row, "--max-depth", "1"]);
    assert_eq!(call(r#"["b"]"#).ok(), "\"met\"\n");
    let ran = call(r#"["b","c"]"#);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("`--max-depth`") && ran.stderr.contains("cause: limit"), "{ran:?}");
}
