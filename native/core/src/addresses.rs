//! How many connections each client address has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// A count for each address group that has connections.
#[derive(Default)]
pub(crate) struct Addresses {
    // SipHash: clients choose the keys.
    counts: HashMap<IpAddr, usize>,
}

impl Addresses {
    /// Connections of the address's group.
    pub(crate) fn count(&self, address: IpAddr) -> usize {
        self.counts.get(&group(address)).copied().unwrap_or(0)
    }

    /// One more; returns what to [`Addresses::remove`].
    pub(crate) fn add(&mut self, address: IpAddr) -> IpAddr {
        let group = group(address);
        *self.counts.entry(group).or_default() += 1;
        group
    }

    /// One fewer.
    pub(crate) fn remove(&mut self, group: IpAddr) {
        if let Some(count) = self.counts.get_mut(&group) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&group);
            }
        }
    }
}

/// What an address is counted as, the rule of `src/base/address-group.ts`: IPv4-mapped IPv6 as IPv4, other IPv6 by its
/// first 64 bits, because one host may have all of the rest (RFC 4291 §2.5.4).
fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grouped(text: &str) -> String {
        group(text.parse().unwrap()).to_string()
    }

    #[test]
    fn a_group_is_an_ipv4_address_or_the_first_half_of_an_ipv6_address() {
        assert_eq!(grouped("192.0.2.1"), "192.0.2.1");
        assert_eq!(grouped("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(grouped("2001:db8:0:1:2:3:4:5"), "2001:db8:0:1::");
        assert_ne!(grouped("2001:db8:0:1::1"), grouped("2001:db8:0:2::1"));
    }

    #[test]
    fn nothing_is_kept_of_an_address_without_connections() {
        let mut addresses = Addresses::default();
        let [one, other]: [IpAddr; 2] = ["2001:db8::1", "2001:db8::2"].map(|text| text.parse().unwrap());
        let group = addresses.add(one);
        assert_eq!(addresses.add(other), group);
        assert_eq!(addresses.count(one), 2);
        addresses.remove(group);
        addresses.remove(group);
        assert_eq!(addresses.count(one), 0);
        assert!(addresses.counts.is_empty());
    }
}
