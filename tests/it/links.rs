//! The links between the pages of the project.

use std::path::{Path, PathBuf};

#[test]
fn links_of_pages_name_files_and_headings_that_exist() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "actors/README.md"]
        .map(|page| project.join(page))
        .into();
    add_pages(&project.join("docs"), &mut pages);
    assert!(pages.len() > 20, "the pages are elsewhere");
    let broken: Vec<String> = pages.iter().flat_map(|page| broken_links(page)).collect();
    assert_eq!(broken, [""; 0], "links that lead nowhere");
}

fn add_pages(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_pages(&path, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

fn broken_links(page: &Path) -> Vec<String> {
    let prose = prose_of(page).join("\n");
    let links = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
    let leads_nowhere = |link: &&str| {
        let (file, heading) = link.split_once('#').unwrap_or((link, ""));
        let target = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
        !target.exists() || !heading.is_empty() && !headings_of(&target).iter().any(|found| found == heading)
    };
    let local = links.filter(|link| !link.contains(':'));
    local.filter(leads_nowhere).map(|link| format!("{}: {link}", page.display())).collect()
}

/// The lines of a page outside of code blocks.
fn prose_of(page: &Path) -> Vec<String> {
    let mut in_code = false;
    let text = std::fs::read_to_string(page).unwrap();
    let lines = text.lines().filter(|line| {
        let fence = line.starts_with("```");
        in_code ^= fence;
        !fence && !in_code
    });
    lines.map(str::to_owned).collect()
}

/// The anchors of a page, as GitHub makes them from its headings.
fn headings_of(page: &Path) -> Vec<String> {
    let headings = prose_of(page).into_iter().filter(|line| line.starts_with('#'));
    let anchor = |heading: String| -> String {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
        kept.map(|character| if character == ' ' { '-' } else { character }).collect()
    };
    headings.map(anchor).collect()
}
