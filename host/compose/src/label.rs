//! What a component says about itself: name, version, licence, and where its source is.
//!
//! They are custom sections that registries and `wasm-tools metadata show` read, named as the annotations of an OCI image.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use url::Url;
use wasm_metadata::{AddMetadata, AddMetadataField, Description, Licenses, Revision, Source, Version};

/// The package whose version and licence are those of all.
const PACKAGE: &str = "mqtt-connector-guest";

/// Which state of which source a component was made of.
#[derive(Debug)]
pub(crate) struct Origin {
    version: String,
    /// An SPDX expression.
    licence: String,
    /// Where the source is, without user information; `None` where git has no remote `origin` that is reached by `https`.
    source: Option<Url>,
    /// The commit, with `-dirty` where files have changed since; `None` outside of git.
    revision: Option<String>,
}

impl Origin {
    /// Asks cargo and git about `workspace`.
    ///
    /// # Errors
    ///
    /// In words: cargo does not know the package, or git refuses to say which commit it is.
    pub(crate) fn of(workspace: &Path) -> Result<Self> {
        let packages = output(workspace, "cargo", &["metadata", "--no-deps", "--format-version", "1"])?;
        let packages: Value = serde_json::from_str(&packages)?;
        let package = packages["packages"].as_array().into_iter().flatten().find(|p| p["name"] == PACKAGE);
        let text = |member: &str| {
            let value = package.and_then(|package| package[member].as_str());
            value.map(str::to_owned).with_context(|| format!("{PACKAGE} has no {member}"))
        };
        let (version, licence) = (text("version")?, text("license")?);
        // Not the repository of somebody who keeps the source as a part of theirs.
        if !workspace.join(".git").exists() {
            return Ok(Self { version, licence, source: None, revision: None });
        }
        let revision = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];
        let revision = Some(output(workspace, "git", &revision)?);
        let remotes = output(workspace, "git", &["remote"])?;
        let source = if remotes.lines().any(|name| name == "origin") {
            public(&output(workspace, "git", &["remote", "get-url", "origin"])?)
        } else {
            None
        };
        Ok(Self { version, licence, source, revision })
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// An SPDX expression.
    pub(crate) fn licence(&self) -> &str {
        &self.licence
    }

    /// The component, with what it is written into it.
    ///
    /// # Errors
    ///
    /// In words: it is no component, or the licence is no SPDX expression.
    pub(crate) fn label(&self, component: &[u8], name: &str, description: &str) -> Result<Vec<u8>> {
        let mut metadata = AddMetadata::default();
        metadata.name = AddMetadataField::Set(name.to_owned());
        metadata.description = AddMetadataField::Set(Description::new(description.to_owned()));
        metadata.version = AddMetadataField::Set(Version::new(self.version.clone()));
        metadata.licenses = AddMetadataField::Set(Licenses::new(&self.licence)?);
        if let Some(source) = &self.source {
            metadata.source = AddMetadataField::Set(Source::from(source.clone()));
        }
        if let Some(revision) = &self.revision {
            metadata.revision = AddMetadataField::Set(Revision::new(revision.clone()));
        }
        metadata.to_wasm(component)
    }
}

/// The address of a remote, where everybody may know it: no path of this machine, and no token in it.
fn public(remote: &str) -> Option<Url> {
    let mut url = Url::parse(remote).ok().filter(|url| url.scheme() == "https")?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url)
}

/// What `program` says in `directory`, without the line end.
pub(crate) fn output(directory: &Path, program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).current_dir(directory).output();
    let output = output.with_context(|| format!("{program} could not be run"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {}: {}", arguments.join(" "), complaint.trim());
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use wasm_metadata::Payload;

    use super::*;

    #[test]
    fn what_a_component_is_stands_in_it() {
        let origin = Origin {
            version: "1.2.3".to_owned(),
            licence: "Apache-2.0 OR MIT".to_owned(),
            source: public("https://token@example.org/team/connector.git"),
            revision: Some("0123456789-dirty".to_owned()),
        };
        let component = b"\0asm\x0d\0\x01\0";
        let labelled = origin.label(component, "connector", "It sends.").expect("a component");
        let payload = Payload::from_binary(&labelled).expect("a component");
        let found = payload.metadata();
        let said = serde_json::to_value(found).expect("JSON");
        let members = ["name", "description", "version", "licenses", "source", "revision"];
        assert_eq!(
            members.map(|member| said[member].as_str().unwrap_or_default()),
            [
                "connector",
                "It sends.",
                "1.2.3",
                "Apache-2.0 OR MIT",
                "https://example.org/team/connector.git",
                "0123456789-dirty",
            ]
        );
        assert_eq!(labelled, origin.label(component, "connector", "It sends.").expect("the same again"));
    }

    #[test]
    fn address_that_is_not_public_is_left_out() {
        for remote in [
            "/srv/git/connector",
            "git@example.org:team/connector.git",
            "file:///srv/git",
            "ssh://example.org/x",
        ] {
            assert_eq!(public(remote), None, "{remote}");
        }
        let with_token = public("https://name:token@example.org/x.git").expect("a URL");
        assert_eq!(with_token.as_str(), "https://example.org/x.git");
    }

    #[test]
    fn version_and_licence_are_those_of_the_workspace() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let manifest = std::fs::read_to_string(workspace.join("Cargo.toml")).expect("a manifest");
        let member = |name: &str| {
            let line = manifest.lines().find(|line| line.starts_with(name)).expect("a member");
            line.split('"').nth(1).expect("a text").to_owned()
        };
        let origin = Origin::of(&workspace).expect("what cargo and git say");
        assert_eq!((origin.version, origin.licence), (member("version"), member("license")));
    }
}
