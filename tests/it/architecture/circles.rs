//! Circles in a graph of imports.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::imports::Imports;

/// Each largest set of files that reach each other.
pub fn circles(imports: &Imports) -> Vec<BTreeSet<PathBuf>> {
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        imports.keys().map(|file| (&**file, reach(imports, file))).collect();
    let mut circles: Vec<BTreeSet<PathBuf>> = Vec::new();
    for (file, from_here) in &reached {
        if !from_here.contains(file) || circles.iter().any(|circle| circle.contains(*file)) {
            continue;
        }
        let back =
            from_here.iter().filter(|other| reached.get(*other).is_some_and(|from_there| from_there.contains(file)));
        circles.push(back.map(|other| other.to_path_buf()).collect());
    }
    circles
}

fn reach<'a>(imports: &'a Imports, from: &Path) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Path> = vec![from];
    while let Some(file) = open.pop() {
        for next in imports.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(&**next) {
                open.push(next);
            }
        }
    }
    reached
}

/// The imports inside of a circle, a line each.
pub fn describe(imports: &Imports, circle: &BTreeSet<PathBuf>) -> String {
    let mut text = format!("{} files in a circle:\n", circle.len());
    for from in circle {
        for (to, names) in imports[from].iter().filter(|(to, _)| circle.contains(*to)) {
            let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            writeln!(text, "  {} -> {} ({names})", from.display(), to.display()).unwrap();
        }
    }
    text
}
