//! The pages README.md, SECURITY.md and docs/: what they name is there.

use std::fs;
use std::path::{Path, PathBuf};

/// A page: its path from the root of the repository, and its text.
struct Page {
    path: PathBuf,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn pages() -> Vec<Page> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let front = ["README.md", "SECURITY.md"].map(|name| root().join(name));
    let pages: Vec<_> = front
        .into_iter()
        .chain(docs)
        .map(|path| Page { text: fs::read_to_string(&path).unwrap(), path })
        .collect();
    assert!(pages.len() > 20, "{}", pages.len());
    pages
}

/// What stands in code on a line: `like this`.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The names by which links lead to the headings of a page.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = |character: &char| character.is_alphanumeric() || "-_ ".contains(*character);
            heading.chars().filter(kept).collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        for link in page.text.split("](").skip(1) {
            let (link, _) = link.split_once(')').unwrap();
            if link.starts_with("http") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if path.is_empty() { page.path.clone() } else { page.path.parent().unwrap().join(path) };
            assert!(target.exists(), "{}: {link}", page.path.display());
            if !anchor.is_empty() {
                let anchors = anchors(&fs::read_to_string(target).unwrap());
                assert!(anchors.iter().any(|known| known == anchor), "{}: {link}", page.path.display());
            }
        }
    }
}

#[test]
fn every_file_that_is_named_is_there() {
    let folders = ["docs/", "examples/", "guest/", "host/", "packaging/", "tests/", "wit/"];
    for page in pages() {
        let named = code(&page.text)
            .filter(|word| folders.iter().any(|folder| word.starts_with(folder)) && !word.contains(' '));
        for path in named {
            assert!(root().join(path).exists(), "{}: {path}", page.path.display());
        }
    }
}

#[test]
fn every_target_of_make_that_is_named_is_there() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let targets: Vec<_> = makefile.lines().filter_map(|line| line.strip_prefix(".PHONY: ")).collect();
    for page in pages() {
        let commands = page.text.lines().filter_map(|line| line.strip_prefix("$ ")).chain(code(&page.text));
        for command in commands {
            let words = command.split('#').next().unwrap().split_whitespace();
            let mut words = words.skip_while(|word| word.contains('=')).peekable();
            if words.next() == Some("make") {
                for target in words {
                    assert!(targets.contains(&target), "{}: {command}", page.path.display());
                }
            }
        }
    }
}
