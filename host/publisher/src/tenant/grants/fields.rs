//! The grants that a document can give: the one table of their names, and of what the value of each is.

use super::Grants;

/// A grant as it stands in a document.
pub(in crate::tenant) struct Field {
    pub(in crate::tenant) name: &'static str,
    pub(in crate::tenant) kind: Kind,
}

/// What the value of a [`Field`] is.
pub(in crate::tenant) enum Kind {
    /// A list of strings, each a [`BrokerGrant`](crate::BrokerGrant).
    Brokers,
    /// A list of strings, each a [`TopicFilter`](crate::TopicFilter).
    Topics,
    /// A list of strings, each the path of a directory, which is opened when it is read.
    Directories,
    /// True or false.
    Switch { is_on: fn(&Grants) -> bool, set: fn(&mut Grants, bool) },
}

pub(in crate::tenant) const FIELDS: [Field; 8] = [
    Field { name: "brokers", kind: Kind::Brokers },
    Field { name: "topics", kind: Kind::Topics },
    Field { name: "directories", kind: Kind::Directories },
    Field {
        name: "private-networks",
        kind: Kind::Switch { is_on: Grants::allows_private_networks, set: Grants::set_private_networks },
    },
    Field {
        name: "unverified-servers",
        kind: Kind::Switch { is_on: Grants::allows_unverified_servers, set: Grants::set_unverified_servers },
    },
    Field {
        name: "proxy-names",
        kind: Kind::Switch { is_on: Grants::allows_proxy_names, set: Grants::set_proxy_names },
    },
    Field {
        name: "stored-secrets",
        kind: Kind::Switch { is_on: Grants::allows_stored_secrets, set: Grants::set_stored_secrets },
    },
    Field {
        name: "trace-context",
        kind: Kind::Switch { is_on: Grants::allows_trace_context, set: Grants::set_trace_context },
    },
];

/// The names of [`FIELDS`].
pub(in crate::tenant) const NAMES: [&str; FIELDS.len()] = {
    let mut names = [""; FIELDS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = FIELDS[index].name;
        index += 1;
    }
    names
};
