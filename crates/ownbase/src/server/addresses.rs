//! How many connections each address has: `--max-connections-per-address`, so that one client alone cannot take them all.
//!
//! An IPv6 address counts with all of its /64, which is what one client gets. Loopback is not counted: whoever connects
//! from there is a proxy, or an administrator of this machine. A refused connection is closed at once; one line in
//! ten seconds at most says so.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often refusals are told.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// So many addresses are remembered before those without connections are forgotten.
const MAX_FORGOTTEN: usize = 1024;

/// The counts, as the acceptor knows them.
pub(super) struct Addresses {
    /// 0 for no bound.
    max_each: usize,
    /// Each connection holds one reference to its network's counter.
    open: HashMap<Network, Arc<()>>,
    forget_at: usize,
    refused: u64,
    told: Option<Instant>,
}

/// What counts as one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 4]),
    /// The first 64 bits.
    V6([u16; 4]),
}

/// A connection that is counted, until dropped.
pub(crate) struct Counted {
    _open: Option<Arc<()>>,
}

impl Addresses {
    /// Lets each address have `max_each` connections, or any number with 0.
    pub(super) fn new(max_each: usize) -> Self {
        Self { max_each, open: HashMap::new(), forget_at: MAX_FORGOTTEN, refused: 0, told: None }
    }

    /// Counts a connection from `address`; none if the address has too many.
    pub(super) fn count(&mut self, address: IpAddr) -> Option<Counted> {
        let address = address.to_canonical();
        if self.max_each == 0 || address.is_loopback() {
            return Some(Counted { _open: None });
        }
        if self.open.len() >= self.forget_at {
            self.open.retain(|_, open| Arc::strong_count(open) > 1);
            self.forget_at = MAX_FORGOTTEN.max(2 * self.open.len());
        }
        let open = self.open.entry(Network::of(address)).or_default();
        if Arc::strong_count(open) > self.max_each {
            self.refused += 1;
            return None;
        }
        Some(Counted { _open: Some(open.clone()) })
    }

    /// Tells of refusals, the last of them `address`, unless it did a short while ago.
    pub(super) fn tell(&mut self, address: IpAddr) {
        if self.told.is_some_and(|told| told.elapsed() < TOLD_EVERY) {
            return;
        }
        let (refused, max_each) = (std::mem::take(&mut self.refused), self.max_each);
        tracing::warn!(
            "connections closed since an address may have {max_each}: {refused}, the last from {address} \
             (--max-connections-per-address; 0 behind a proxy)"
        );
        self.told = Some(Instant::now());
    }
}

impl Network {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Whether each of these gets a connection, one after the other.
    fn counted(max_each: usize, addresses: &[&str]) -> Vec<bool> {
        let mut counts = Addresses::new(max_each);
        let counted: Vec<_> = addresses.iter().map(|address| counts.count(address.parse().unwrap())).collect();
        counted.iter().map(Option::is_some).collect()
    }

    #[test]
    fn each_address_has_its_own_count() {
        assert_eq!(counted(2, &["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1"]), [true, true, true, false]);
        assert_eq!(counted(1, &["192.0.2.1", "::ffff:192.0.2.1"]), [true, false]);
    }

    #[test]
    fn an_ipv6_address_counts_with_its_network() {
        let addresses = ["2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:1:ffff::2"];
        assert_eq!(counted(1, &addresses), [true, true, false]);
    }

    #[test]
    fn loopback_is_not_counted_and_zero_is_no_bound() {
        assert_eq!(counted(1, &["127.0.0.1", "127.0.0.1", "127.9.9.9", "::1", "::1", "::ffff:127.0.0.1"]), [true; 6]);
        assert_eq!(counted(0, &["192.0.2.1", "192.0.2.1"]), [true; 2]);
    }

    #[test]
    fn who_has_gone_makes_room_and_is_forgotten() {
        let mut counts = Addresses::new(1);
        let address = "192.0.2.1".parse().unwrap();
        let first = counts.count(address).unwrap();
        assert!(counts.count(address).is_none());
        drop(first);
        assert!(counts.count(address).is_some());
        for index in 0..10_000_u32 {
            drop(counts.count(IpAddr::from(index.wrapping_add(1 << 30).to_be_bytes())));
        }
        assert!(counts.open.len() <= MAX_FORGOTTEN);
    }
}
