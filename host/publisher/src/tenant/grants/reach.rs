//! Who routes an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses at which clouds give their credentials to anyone who asks. Some look public, some are in the middle of a private
/// range.
pub(in crate::tenant) const METADATA: [IpAddr; 7] = [
    // Amazon, Google, Azure, Oracle and others.
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    // Azure.
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    // Alibaba.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    // Amazon, for machines and for pods.
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    // Google.
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    // Scaleway.
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)),
];

/// Who routes an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The internet.
    Public,
    /// This host or its own networks.
    Private,
    /// Nobody, or one link: cloud metadata services live there.
    Special,
}

/// The IPv4 address that an IPv6 address stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Embedded {
    pub(super) address: IpAddr,
    /// How long the prefix is that says so.
    pub(super) prefix_len: u8,
}

impl Embedded {
    /// IPv4-mapped and IPv4-compatible (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056).
    pub(super) fn find(address: IpAddr) -> Option<Self> {
        let IpAddr::V6(v6) = address else { return None };
        let [a, b, c, d, e, f, g, h] = v6.segments();
        let (prefix_len, high, low) = match (a, b, c, d, e, f) {
            (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => (96, g, h),
            (0, 0, 0, 0, 0, 0) if g != 0 => (96, g, h),
            (0x2002, high, low, ..) => (16, high, low),
            _ => return None,
        };
        let ([w, x], [y, z]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Self { address: IpAddr::from([w, x, y, z]), prefix_len })
    }
}

/// After the IANA registries of special-purpose addresses (RFC 6890): what is not globally reachable is not public. In
/// the blocks for protocols nothing is, because no broker is there.
pub(super) fn reach(address: IpAddr) -> Reach {
    match address {
        _ if METADATA.contains(&address) => Reach::Special,
        IpAddr::V4(v4) => match v4.octets() {
            [127 | 10, ..] | [192, 168, ..] => Reach::Private,
            [172, b, ..] if (16..32).contains(&b) => Reach::Private,
            [100, b, ..] if (64..128).contains(&b) => Reach::Private,
            [198, 18 | 19, ..] => Reach::Private,
            [0 | 224.., ..] | [169, 254, ..] | [192, 0, 0, _] => Reach::Special,
            // Relays of 6to4: the nearest one.
            [192, 88, 99, _] => Reach::Special,
            // Documentation.
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Reach::Special,
            _ => Reach::Public,
        },
        IpAddr::V6(v6) => match v6.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private,
            [a, ..] if a & 0xfe00 == 0xfc00 => Reach::Private,
            // Global unicast is 2000::/3. Inside it are 2001::/23 for protocols (Teredo, which embeds IPv4 too,
            // benchmarks, ORCHID) and two ranges for documentation.
            [0x2001, 0..0x0200, ..] => Reach::Special,
            [0x2001, 0x0db8, ..] | [0x3fff, 0..0x1000, ..] => Reach::Special,
            [a, ..] if a & 0xe000 == 0x2000 => Reach::Public,
            // Among others NAT64 of one network (64:ff9b:1::/48), discarded (100::/64), segment routing (5f00::/16).
            _ => Reach::Special,
        },
    }
}
