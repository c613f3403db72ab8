//! What a call leaves behind in the memory of an instance of the built-in component, which may be called again for the same tenant:
//! nothing of the documents.
//!
//! wasmtime does not show the memory of a component's instance. So these tests take the module out of the component, and call it as
//! the canonical ABI says.

use std::collections::HashSet;

use serde_json::json;
use wasmtime::{Engine, Instance, Linker, Memory, Module, Store, TypedFunc};

/// What the interface is called in the module.
const STEPS: &str = "flint:mqtt/steps@0.2.0";

/// A timeout that stands nowhere else: behind the options in what `prepare` returns.
const TIMEOUT: u32 = 59_477;

/// Bytes of the contract's records in memory: a retry policy, a message, notes, what is foreseen, and what `conclude` has to know of a
/// message.
const POLICY: usize = 8;
const MESSAGE: usize = 80;
const NOTES: usize = 16;
const FORESEEN: usize = 24;
const SETTLED: usize = 160;

/// Bytes in a row of a secret that must not be found.
const PIECE: usize = 8;

/// The module of the built-in component that has its code, with nothing to call.
struct Core {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Core {
    fn instantiate() -> Self {
        let engine = Engine::default();
        let module = Module::from_binary(&engine, code_of(mqtt_connector::component())).unwrap();
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&module).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        Self { store, instance, memory }
    }

    fn func<P: wasmtime::WasmParams, R: wasmtime::WasmResults>(&mut self, name: &str) -> TypedFunc<P, R> {
        self.instance.get_typed_func(&mut self.store, name).unwrap()
    }

    /// So many bytes that the callee is to take over.
    fn allocate(&mut self, size: usize, align: u32) -> u32 {
        self.reallocate(0, 0, align, size.try_into().unwrap())
    }

    fn reallocate(&mut self, at: u32, before: u32, align: u32, size: u32) -> u32 {
        let reallocate = self.func::<(u32, u32, u32, u32), u32>("cabi_realloc");
        reallocate.call(&mut self.store, (at, before, align, size)).unwrap()
    }

    fn lower(&mut self, text: &str) -> (u32, u32) {
        let at = self.allocate(text.len(), 1);
        self.memory.write(&mut self.store, at as usize, text.as_bytes()).unwrap();
        (at, text.len().try_into().unwrap())
    }

    /// Calls `prepare`; where its result is.
    fn prepare(&mut self, config: &str, requests: &[&str]) -> u32 {
        let config = self.lower(config);
        let requests: Vec<_> = requests.iter().map(|request| self.lower(request)).collect();
        let list: Vec<_> =
            requests.iter().flat_map(|(at, length)| [*at, *length]).flat_map(u32::to_le_bytes).collect();
        let at = self.allocate(list.len(), 4);
        self.memory.write(&mut self.store, at as usize, &list).unwrap();
        let prepare = self.func::<(u32, u32, u32, u32, u32), u32>(&format!("{STEPS}#prepare"));
        let count = requests.len().try_into().unwrap();
        // The action 0 is to send.
        prepare.call(&mut self.store, (0, config.0, config.1, at, count)).unwrap()
    }

    /// Gives the result of a function back, which the host has read.
    fn give_back(&mut self, function: &str, result: u32) {
        let give_back = self.func::<u32, ()>(&format!("cabi_post_{STEPS}#{function}"));
        give_back.call(&mut self.store, result).unwrap();
    }

    /// Calls `conclude` with what `prepare` has returned: the messages were acknowledged. It takes over all that was returned.
    fn conclude(&mut self, prepared: u32) {
        let [list, count] = self.numbers(prepared);
        // A result and an option, each with a byte that says which it is; then the options, up to the policy.
        let first = self.read(list, 1024);
        assert_eq!((first[0], first[8]), (0, 1), "it was refused");
        let policy = first.windows(4).position(|bytes| bytes == TIMEOUT.to_le_bytes()).unwrap();
        let message = policy + POLICY;
        let size = (message + MESSAGE).next_multiple_of(8) + NOTES + FORESEEN;
        let all = self.read(list, size * count as usize);
        // Notes and an outcome of zeros are no remarks and a receipt. The text that is foreseen is taken over as the topic of a further
        // message.
        let count = 2 * count;
        let mut settled = vec![0; SETTLED * count as usize];
        for (settled, prepared) in settled.chunks_mut(2 * SETTLED).zip(all.chunks(size)) {
            let foreseen = &prepared[size - FORESEEN..];
            assert_eq!((prepared[0], foreseen[0], foreseen[4]), (0, 1, 0), "it was refused");
            settled[..MESSAGE].copy_from_slice(&prepared[message..][..MESSAGE]);
            settled[SETTLED..][..8].copy_from_slice(&foreseen[8..16]);
        }
        let lengths = [all.len(), settled.len()].map(|length| u32::try_from(length).unwrap());
        let at = self.reallocate(list, lengths[0], 8, lengths[1]);
        self.memory.write(&mut self.store, at as usize, &settled).unwrap();
        let arguments = [&first[12..policy], &at.to_le_bytes(), &count.to_le_bytes()].concat();
        let at = self.allocate(arguments.len(), 4);
        self.memory.write(&mut self.store, at as usize, &arguments).unwrap();
        let conclude = self.func::<u32, u32>(&format!("{STEPS}#conclude"));
        let responses = conclude.call(&mut self.store, at).unwrap();
        let [list, answered] = self.numbers(responses);
        assert_eq!(answered, count);
        for number in 0..count {
            let [exit_code, message, length] = self.numbers(list + 12 * number);
            let message = String::from_utf8(self.read(message, length as usize)).unwrap();
            assert_eq!(exit_code, 0, "{message}");
            assert!(message.starts_with("Sent with QoS 0"), "{message}");
        }
        self.give_back("conclude", responses);
    }

    /// Numbers that stand one behind the other.
    fn numbers<const N: usize>(&self, from: u32) -> [u32; N] {
        let bytes = self.read(from, 4 * N);
        std::array::from_fn(|at| u32::from_le_bytes(bytes[4 * at..][..4].try_into().unwrap()))
    }

    fn read(&self, from: u32, length: usize) -> Vec<u8> {
        self.memory.data(&self.store)[from as usize..][..length].to_vec()
    }

    /// What of the secrets is in the memory: the first run of letters and digits that has a piece of one of them.
    fn find(&self, secrets: &Pieces) -> Option<String> {
        let memory = self.memory.data(&self.store);
        let mut runs = memory.split(|byte| !byte.is_ascii_alphanumeric()).filter(|run| run.len() >= PIECE);
        let found = runs.find(|run| run.windows(PIECE).any(|piece| secrets.0.contains(piece)));
        found.map(|run| String::from_utf8_lossy(run).into_owned())
    }
}

/// All pieces of some secrets.
struct Pieces(HashSet<Vec<u8>>);

impl Pieces {
    fn of(secrets: &[&str]) -> Self {
        let pieces = secrets.iter().flat_map(|secret| secret.as_bytes().windows(PIECE));
        Self(pieces.map(<[u8]>::to_vec).collect())
    }
}

/// The first module in a component, which has the code: others adapt it.
fn code_of(component: &[u8]) -> &[u8] {
    const MODULE: u8 = 1;
    let mut rest = &component[8..];
    loop {
        let kind = rest[0];
        let (mut length, mut shift, mut at) = (0_usize, 0, 1);
        loop {
            length |= usize::from(rest[at] & 0x7f) << shift;
            (shift, at) = (shift + 7, at + 1);
            if rest[at - 1] & 0x80 == 0 {
                break;
            }
        }
        if kind == MODULE {
            return &rest[at..at + length];
        }
        rest = &rest[at + length..];
    }
}

/// A text of this length, of letters and digits, as it stands nowhere else.
fn secret(seed: u64, length: usize) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.alphanumeric()).take(length).collect()
}

#[test]
fn nothing_of_the_documents_is_left_when_a_call_has_ended() {
    for content in [10, 100, 5_000, 40_000, 300_000] {
        let [password, header, key, will] = [1, 2, 3, 4].map(|seed| secret(seed, 60));
        let content = secret(5, content);
        let secrets = Pieces::of(&[&password, &header, &key, &will, &content]);
        let config = json!({
            "broker": ["wss://a.example", "ssl://b.example"], "client-id": "c", "topic": "t", "timeout": TIMEOUT, "qos": 1,
            "username": "u", "password": password, "websocket-headers": { "Authorization": format!("Bearer {header}") },
            "certificate": "/c", "private-key": format!("-----BEGIN PRIVATE KEY-----\n{key}"), "use-certificate": true,
            "will": { "topic": "w", "content": will },
        });
        let config = config.to_string();
        // With an escape, so that the text is unescaped; a JSON value; wrong; and no JSON at all.
        let sent = json!({ "content": format!("\n{content}") }).to_string();
        let value = json!({ "content": { "a": [content] } }).to_string();
        let wrong = json!({ "content": content, "qos": 7, "password": format!("{password}\0") }).to_string();
        let cut = format!("{{\"content\": \"{content}");
        let mut core = Core::instantiate();
        for round in 0..3 {
            for (what, requests, is_right) in [
                ("sent", vec![&sent], true),
                ("value", vec![&value], true),
                ("several", vec![&sent, &value, &sent], true),
                ("wrong", vec![&wrong], false),
                ("cut", vec![&cut], false),
                ("all", vec![&wrong, &sent, &cut, &value], false),
            ] {
                let requests: Vec<_> = requests.into_iter().map(String::as_str).collect();
                let prepared = core.prepare(&config, &requests);
                let [list, count] = core.numbers(prepared);
                assert_eq!(count as usize, requests.len(), "{what}");
                assert_eq!(core.read(list, 1)[0] == 0, is_right, "{what}");
                if is_right && round == 1 {
                    core.conclude(prepared);
                } else {
                    core.give_back("prepare", prepared);
                }
                assert_eq!(core.find(&secrets), None, "{what}, {} bytes of content", content.len());
            }
        }
    }
}

/// The test above would not find what is not where it looks.
#[test]
fn what_a_call_has_is_found_while_it_has_it() {
    let mut core = Core::instantiate();
    let (password, content) = (secret(1, 60), secret(2, 60));
    let config =
        json!({ "broker": "tcp://h", "client-id": "c", "topic": "t", "username": "u", "password": password });
    let request = json!({ "content": content }).to_string();
    let prepared = core.prepare(&config.to_string(), &[&request]);
    let find = |core: &Core| [&password, &content].map(|secret| core.find(&Pieces::of(&[secret])).is_some());
    assert_eq!(find(&core), [true, true]);
    core.give_back("prepare", prepared);
    assert_eq!(find(&core), [false, false]);
}
