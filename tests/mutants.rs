//! Everything that reads what others write, driven with mutants of a corpus: none panics, waits or
//! takes memory without end. `fuzz/` drives the same readers with a fuzzer.

use ropewalk_cli::fuzz::TARGETS;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Seconds for each reader; `.ci/fuzz` gives more.
fn seconds() -> f64 {
    std::env::var("ROPEWALK_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(0.7)
}

/// A generator that gives the same mutants every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Words that have broken readers before.
const WORDS: [&str; 18] = [
    "0",
    "-1",
    "4611686018427387904",
    "-4611686018427387904",
    "9223372036854775808",
    "1e308",
    "5e-324",
    "-0",
    "18446744073709551615",
    "null",
    "[]",
    "{}",
    "\"\"",
    "..",
    "1/3",
    "\u{1b}[2J",
    "{**,[[]",
    "true",
];

fn mutant(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len() + 1);
        let until = (at + 1 + random.below(24)).min(bytes.len());
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.next() as u8,
            2 => drop(bytes.drain(at.min(until)..until)),
            3 => {
                let part = bytes[at.min(until)..until].to_vec();
                bytes.splice(at..at, part);
            }
            4 => {
                let other = &corpus[random.below(corpus.len())];
                bytes.truncate(at);
                bytes.extend(&other[random.below(other.len() + 1)..]);
            }
            5 => bytes.splice(at..at, WORDS[random.below(WORDS.len())].bytes()).for_each(drop),
            _ => {
                // A number becomes another one.
                let digit = |b: &u8| b.is_ascii_digit();
                if let Some(start) = bytes[at..].iter().position(digit).map(|start| at + start) {
                    let end = bytes[start..].iter().position(|b| !digit(b));
                    let end = end.map_or(bytes.len(), |end| start + end);
                    bytes.splice(start..end, WORDS[random.below(9)].bytes());
                }
            }
        }
    }
    bytes
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new("fuzz/corpus").join(name);
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
    // What the repository has anyway.
    let examples = std::fs::read_to_string("docs/contract-examples.ndjson").unwrap();
    let part = |line: &str, part: &str| -> Vec<u8> {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        json.pointer(part).map(|json| json.to_string()).unwrap_or_default().into()
    };
    match name {
        "request" => all.extend(examples.lines().map(|line| part(line, "/request"))),
        "config" => all.extend(examples.lines().map(|line| part(line, "/request/config"))),
        "reply" => all.extend(examples.lines().map(|line| part(line, "/reply"))),
        "golden" => all.push(std::fs::read("vectors/alibi_slopes/bf16.json").unwrap()),
        _ => {}
    }
    all
}

#[test]
fn readers_end_whatever_they_are_given() {
    let (start, time) = (Instant::now(), Duration::from_secs_f64(seconds()));
    // What is being read, and since when: a reader that hangs is named.
    let since = Arc::new(AtomicU64::new(0));
    let reading = Arc::new(Mutex::new((String::new(), Vec::new())));
    let watch = (since.clone(), reading.clone());
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let began = watch.0.load(Ordering::SeqCst);
            if began > 0 && start.elapsed().as_millis() as u64 > began + 30_000 {
                let (name, bytes) = &*watch.1.lock().unwrap();
                eprintln!("{name} hangs on {}", bytes.escape_ascii());
                std::process::abort();
            }
        }
    });
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "{name}");
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let (begin, mut count) = (Instant::now(), 0);
        while begin.elapsed() < time || count < 50 {
            let bytes = match corpus.get(count) {
                Some(whole) => whole.clone(),
                None => mutant(&mut random, &corpus),
            };
            *reading.lock().unwrap() = (name.to_string(), bytes.clone());
            since.store(1 + start.elapsed().as_millis() as u64, Ordering::SeqCst);
            let ended = std::panic::catch_unwind(|| target(&bytes));
            since.store(0, Ordering::SeqCst);
            assert!(ended.is_ok(), "{name} breaks on {}", bytes.escape_ascii());
            count += 1;
        }
        println!("{name}: {count} inputs");
    }
}
