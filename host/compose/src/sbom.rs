//! What a file is made of: a software bill of materials, as CycloneDX 1.5 has it.
//!
//! Cargo's metadata knows the features that all crates of the workspace together ask for, and would have it that the connector
//! contains wasmtime. `cargo tree` knows what is compiled for some of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::label::{Origin, output};

/// A package with the crates that are compiled into it, and for which target.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) target: &'a str,
    pub(crate) package: &'a str,
}

/// A crate: its name and version.
type Crate = (String, String);

/// What is known of the crates of a workspace.
pub(crate) struct Bills<'a> {
    workspace: &'a Path,
    origin: &'a Origin,
    packages: BTreeMap<Crate, Value>,
    /// SHA-256 of the packages that come from a registry.
    checksums: BTreeMap<Crate, String>,
    /// Of the standard library, which is in all of them.
    rust: String,
    host: String,
}

impl<'a> Bills<'a> {
    /// Asks cargo about `workspace`.
    ///
    /// # Errors
    ///
    /// In words: cargo or rustc cannot be asked, or there is no lock file.
    pub(crate) fn new(workspace: &'a Path, origin: &'a Origin) -> Result<Self> {
        let metadata = output(workspace, "cargo", &["metadata", "--locked", "--format-version", "1"])?;
        let mut metadata: Value = serde_json::from_str(&metadata)?;
        let packages = metadata["packages"].as_array_mut().context("cargo metadata has no packages")?;
        let known = |package: &Value| {
            let [name, version] =
                ["name", "version"].map(|member| package[member].as_str().map(str::to_owned));
            Some((name?, version?))
        };
        let packages = packages.drain(..).filter_map(|package| Some((known(&package)?, package))).collect();
        let lock = fs::read_to_string(workspace.join("Cargo.lock")).context("Cargo.lock")?;
        let rustc = output(workspace, "rustc", &["-vV"])?;
        let said = |member: &str| {
            let value = rustc.lines().find_map(|line| line.strip_prefix(member));
            value.map(str::to_owned).with_context(|| format!("rustc does not say its {member:?}"))
        };
        let (rust, host) = (said("release: ")?, said("host: ")?);
        Ok(Self { workspace, origin, packages, checksums: checksums(&lock), rust, host })
    }

    /// The target of programs for this machine.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The bill of a file that is made of `parts`.
    ///
    /// # Errors
    ///
    /// In words: cargo does not know a package.
    pub(crate) fn of(&self, name: &str, about: &str, parts: &[Part<'_>]) -> Result<Value> {
        let mut depends = BTreeMap::new();
        let mut roots = BTreeSet::new();
        for part in parts {
            let mut arguments =
                vec!["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "depth"];
            arguments.extend(["--format", " {p}", "--target", part.target, "--package", part.package]);
            roots.extend(read_tree(&output(self.workspace, "cargo", &arguments)?, &mut depends)?);
        }
        let library = ("rust-std".to_owned(), self.rust.clone());
        let mut components = vec![json!({
            "type": "library",
            "bom-ref": self.reference(&library),
            "name": library.0,
            "version": library.1,
            "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        })];
        components.extend(depends.keys().map(|name| self.component(name)));
        let references =
            |of: &BTreeSet<Crate>| of.iter().map(|name| self.reference(name)).collect::<Vec<_>>();
        let edges = depends.iter().map(|(name, on)| (self.reference(name), references(on)));
        roots.insert(library);
        let edges = [(name.to_owned(), references(&roots))].into_iter().chain(edges);
        Ok(json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": { "component": {
                "type": "application",
                "bom-ref": name,
                "name": name,
                "version": self.origin.version(),
                "description": about,
                "licenses": [{ "expression": self.origin.licence() }],
            } },
            "components": components,
            "dependencies": edges.map(|(name, on)| json!({ "ref": name, "dependsOn": on })).collect::<Vec<_>>(),
        }))
    }

    fn component(&self, name: &Crate) -> Value {
        let mut component = json!({
            "type": "library",
            "bom-ref": self.reference(name),
            "name": name.0,
            "version": name.1,
        });
        let package = self.packages.get(name);
        let text = |member: &str| package.and_then(|package| package[member].as_str());
        if let Some(about) = text("description") {
            component["description"] = about.split_whitespace().collect::<Vec<_>>().join(" ").into();
        }
        // Old packages have a slash for "or".
        if let Some(licence) = text("license") {
            component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
        }
        if let Some(repository) = text("repository") {
            component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
        }
        if let Some(checksum) = self.checksums.get(name) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
            component["purl"] = self.reference(name).into();
        }
        component
    }

    /// A package URL, of those that come from a registry.
    fn reference(&self, name: &Crate) -> String {
        let (package, version) = name;
        if self.checksums.contains_key(name) {
            format!("pkg:cargo/{package}@{}", version.replace('+', "%2B"))
        } else {
            format!("{package}@{version}")
        }
    }
}

/// Reads the lines `DEPTH NAME vVERSION …` of `cargo tree`: adds who depends on whom, and answers which are at the top.
fn read_tree(tree: &str, depends: &mut BTreeMap<Crate, BTreeSet<Crate>>) -> Result<BTreeSet<Crate>> {
    let mut roots = BTreeSet::new();
    let mut above: Vec<Crate> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let found = (|| {
            let depth: usize = words.next()?.parse().ok()?;
            let name = (words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned());
            Some((depth, name)).filter(|_| depth <= above.len())
        })();
        let (depth, name) = found.with_context(|| format!("cargo tree says {line:?}"))?;
        above.truncate(depth);
        match above.last() {
            Some(parent) => depends.entry(parent.clone()).or_default().insert(name.clone()),
            None => roots.insert(name.clone()),
        };
        depends.entry(name.clone()).or_default();
        above.push(name);
    }
    Ok(roots)
}

/// The checksums that a lock file has.
fn checksums(lock: &str) -> BTreeMap<Crate, String> {
    let packages = lock.split("[[package]]").skip(1);
    let known = packages.filter_map(|package| {
        let text = |member: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(member)?.strip_prefix(" = \""))?;
            Some(line.trim_end_matches('"').to_owned())
        };
        Some(((text("name")?, text("version")?), text("checksum")?))
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Crate {
        (name.to_owned(), "1.0.0".to_owned())
    }

    #[test]
    fn tree_is_read() {
        let tree = "0 a v1.0.0 (/where/it/is)\n1 b v1.0.0\n2 c v1.0.0\n1 c v1.0.0\n\n0 d v1.0.0\n1 a v1.0.0 (/where/it/is) (*)\n";
        let mut depends = BTreeMap::new();
        let roots = read_tree(tree, &mut depends).expect("a tree");
        assert_eq!(roots, BTreeSet::from(["a", "d"].map(named)));
        let wanted = [("a", &["b", "c"][..]), ("b", &["c"]), ("c", &[]), ("d", &["a"])];
        let wanted = wanted.map(|(name, on)| (named(name), on.iter().copied().map(named).collect()));
        assert_eq!(depends, BTreeMap::from(wanted));
        for wrong in ["a v1.0.0", "1 a v1.0.0", "0 a", "0 a 1.0.0"] {
            assert!(read_tree(wrong, &mut BTreeMap::new()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn checksums_are_read() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry\"\nchecksum = \"0123\"\n\
                    dependencies = [\n \"b\",\n]\n\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\n";
        assert_eq!(checksums(lock), BTreeMap::from([(named("a"), "0123".to_owned())]));
    }

    /// The connector is made of few crates, and of no engine.
    #[test]
    fn bill_has_what_is_compiled_and_nothing_else() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let origin = Origin::of(&workspace).expect("what cargo and git say");
        let bills = Bills::new(&workspace, &origin).expect("what cargo says");
        let part = Part { target: "wasm32-unknown-unknown", package: "mqtt-connector-guest" };
        let bill = bills.of("connector.wasm", "It sends.", &[part]).expect("a bill");
        let components = bill["components"].as_array().expect("a list");
        let find = |name: &str| components.iter().find(|component| component["name"] == name);
        assert!(find("wasmtime").is_none() && find("serde_derive").is_none() && find("proptest").is_none());
        let itoa = find("itoa").expect("a crate that it uses");
        let purl = itoa["purl"].as_str().expect("a package URL");
        assert!(purl.starts_with("pkg:cargo/itoa@1."), "{purl}");
        assert_eq!(itoa["licenses"], json!([{ "expression": "MIT OR Apache-2.0" }]));
        assert_eq!(itoa["hashes"][0]["content"].as_str().map(str::len), Some(64));
        let references: BTreeSet<_> =
            components.iter().map(|component| &component["bom-ref"]).map(Value::as_str).collect();
        let dependencies = bill["dependencies"].as_array().expect("a list");
        assert_eq!((references.len(), dependencies.len()), (components.len(), components.len()));
        let on = dependencies.iter().flat_map(|one| one["dependsOn"].as_array().expect("a list"));
        let missing: Vec<_> = on.filter(|on| !references.contains(&on.as_str())).collect();
        assert_eq!(missing, Vec::<&Value>::new());
        assert_eq!(
            dependencies[0],
            json!({ "ref": "connector.wasm", "dependsOn": [
            format!("mqtt-connector-guest@{}", origin.version()), format!("rust-std@{}", bills.rust),
        ] })
        );
    }
}
