use std::fs;
use std::io::Write as _;

use mqtt_connector_arguments::documents::Overlay;
use mqtt_connector_arguments::flags::LINES;

use super::*;

fn batches(text: &[u8], kind: Kind) -> Vec<Batch> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lines");
    fs::write(&path, text).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (mut lines, size) = open(&NamedFile::flag(LINES, path.to_str().unwrap()), kind).await.unwrap();
        assert_eq!(size, Some(text.len() as u64));
        let mut batches = Vec::new();
        while let Some(batch) = lines.next(usize::MAX).await {
            batches.push(batch.unwrap());
        }
        assert_eq!(lines.stop().await, Rest::Nothing);
        batches
    })
}

#[test]
fn every_line_is_read_whatever_ends_the_last() {
    for (text, lines) in [
        ("", &[][..]),
        ("\n", &[""]),
        ("a", &["a"]),
        ("a\n", &["a"]),
        ("a\n\n", &["a", ""]),
        ("a\nb", &["a", "b"]),
    ] {
        let batches = batches(text.as_bytes(), Kind::Content);
        let requests: Vec<_> = batches.iter().flat_map(|batch| &batch.requests).collect();
        let expected: Vec<_> = lines.iter().map(|line| format!("{{\"content\":\"{line}\"}}")).collect();
        assert_eq!(requests, expected.iter().collect::<Vec<_>>(), "{text:?}");
        assert_eq!(batches.iter().map(|batch| batch.bytes).sum::<u64>(), text.len() as u64, "{text:?}");
    }
}

#[test]
fn requests_go_together_as_long_as_their_connection_stays() {
    let text = "\u{feff}{\"topic\":\"a\",\"id\":1}\r\n\n{\"topic\":\"b\"}\nno request\n\
                {\"broker\":\"c\",\"id\":2}\n{\"id\":3,\"id\":3}\n{\"broker\":\"c\"}\n  \n{\"topic\":\"d\"}";
    let batches = batches(text.as_bytes(), Kind::Requests(Overlay::of("{}")));
    let of = |batch: &Batch| -> Vec<_> {
        let origin = |origin: &Origin| (origin.number, origin.id.clone(), origin.refused.is_some());
        batch.origins.iter().map(origin).collect()
    };
    let id = |id: &str| Some(Box::from(id));
    assert_eq!(
        batches.iter().map(of).collect::<Vec<_>>(),
        [
            vec![(1, id("1"), false), (3, None, false), (4, None, false)],
            vec![(5, id("2"), false), (6, None, true), (7, None, false)],
            vec![(9, None, false)],
        ]
    );
    assert_eq!(batches[0].requests, ["{\"topic\":\"a\"}", "{\"topic\":\"b\"}", "no request"]);
    assert_eq!(batches.iter().map(|batch| batch.bytes).sum::<u64>(), text.len() as u64);
}

#[test]
fn what_a_flag_makes_large_is_handed_over_in_parts() {
    let content = "x".repeat(READ.end / 2);
    let flag = Overlay::of(&format!("{{\"content\":\"{content}\"}}"));
    let batches = batches("{\"topic\":\"a\"}\n".repeat(10).as_bytes(), Kind::Requests(flag));
    let sizes: Vec<_> = batches.iter().map(|batch| batch.requests.len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 10);
    assert!(sizes.iter().all(|size| *size <= 2), "{sizes:?}");
}

#[test]
fn what_is_left_when_somebody_ends_it() {
    for (text, taken, rest) in [
        ("a\n", 1, Rest::Unknown),
        ("a\nb", 1, Rest::Lines),
        ("a\n", 0, Rest::Lines),
        ("a\nb\n", 1, Rest::Lines),
        ("", 0, Rest::Unknown),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        // Held open on both sides, so that it does not end.
        let mut pipe = fs::File::options().read(true).write(true).open(&path).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (mut lines, size) =
                open(&NamedFile::flag(LINES, path.to_str().unwrap()), Kind::Content).await.unwrap();
            assert_eq!(size, None);
            pipe.write_all(text.as_bytes()).unwrap();
            for _ in 0..taken {
                assert_eq!(lines.next(1).await.unwrap().unwrap().requests.len(), 1);
            }
            assert_eq!(lines.stop().await, rest, "{text:?}, {taken} taken");
        });
    }
}
