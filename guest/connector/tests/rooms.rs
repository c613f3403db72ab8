//! The rooms of the crate import from each other in one direction only.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// The map in lib.rs lists the rooms in an order in which each imports only from those above it, but for its first, `action`,
/// which is the way through all of them.
#[test]
fn a_room_imports_only_from_those_above_it_in_the_map() {
    let lib = fs::read_to_string(Path::new(SOURCES).join("lib.rs")).unwrap();
    let mut rooms: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("//! | [`")?.split_once("`]").map(|(room, _)| room))
        .collect();
    assert_eq!(rooms.first(), Some(&"action"));
    rooms.rotate_left(1);
    let modules: BTreeSet<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(rooms.iter().copied().collect::<BTreeSet<_>>(), modules);

    for (index, room) in rooms.iter().enumerate() {
        let allowed = &rooms[..=index];
        for file in files(room) {
            for (line, other) in imports(&fs::read_to_string(&file).unwrap()) {
                assert!(
                    allowed.contains(&&*other),
                    "{room} imports from {other}: {}, line {line}",
                    file.display()
                );
            }
        }
    }
}

/// The files of a room: its module, and all below the folder of the same name.
fn files(room: &str) -> Vec<PathBuf> {
    let mut files = vec![Path::new(SOURCES).join(room).with_extension("rs")];
    if let Ok(folder) = fs::read_dir(Path::new(SOURCES).join(room)) {
        files.extend(folder.map(|entry| entry.unwrap().path()));
    }
    files
}

/// The rooms that a text names in code, each with the number of the line.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        for (at, path) in line.match_indices("crate::") {
            let rest = &line[at + path.len()..];
            let end = rest.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
            found.push((index + 1, rest[..end.unwrap_or(rest.len())].to_owned()));
        }
    }
    found
}
