//! Where a request comes from. Forwarding headers count only when the peer is a configured proxy;
//! from anybody else they are a claim that costs nothing to make.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::HeaderMap;

/// An address or a range of them: `10.0.0.1`, `10.0.0.0/8`, `fd00::/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    /// Leading bits that all of its addresses share.
    bits: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an address or a network such as 10.0.0.0/8")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let first: IpAddr = address.trim().parse().map_err(|_| NotANetwork)?;
        let widest = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(widest), |bits| bits.trim().parse().map_err(|_| NotANetwork))?;
        if bits > widest { Err(NotANetwork) } else { Ok(Self { first, bits }) }
    }
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(other)) => self.same(first.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(first), IpAddr::V6(other)) => self.same(first.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }

    fn same(&self, a: u128, b: u128, width: u8) -> bool {
        let shift = u32::from(width - self.bits);
        a.checked_shr(shift).unwrap_or(0) == b.checked_shr(shift).unwrap_or(0)
    }
}

/// The client's address: the peer, or, when the peer is trusted, the last hop in
/// `X-Forwarded-For` that is not itself trusted.
pub fn client(peer: SocketAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let trusts = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let peer = canonical(peer.ip());
    if !trusts(peer) {
        return peer;
    }
    headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|hop| hop.trim().parse::<IpAddr>().ok().map(canonical))
        .rfind(|hop| !trusts(*hop))
        .unwrap_or(peer)
}

/// An IPv4 address in IPv6 clothes is the IPv4 address.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The network that a limit counts: the address itself for IPv4, its /64 for IPv6, because one
/// household or host usually holds a whole /64.
pub fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// The same as bits, for counting.
pub(crate) fn network_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits() & !u128::from(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(forwarded: &str) -> HeaderMap {
        HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), forwarded.parse().unwrap())])
    }

    #[test]
    fn a_stranger_cannot_choose_an_address() {
        let peer = "203.0.113.9:4000".parse().unwrap();
        assert_eq!(client(peer, &headers("1.2.3.4"), &[]), peer.ip());
    }

    #[test]
    fn behind_a_proxy_the_last_untrusted_hop_counts() {
        let trusted: [Network; 1] = ["10.0.0.0/8".parse().unwrap()];
        let peer: SocketAddr = "10.0.0.1:80".parse().unwrap();
        assert_eq!(client(peer, &headers("6.6.6.6, 198.51.100.7, 10.0.0.2"), &trusted).to_string(), "198.51.100.7");
        assert_eq!(client(peer, &headers("nonsense"), &trusted), peer.ip());
    }

    #[test]
    fn a_network_ends_where_its_bits_end() {
        let network: Network = "10.1.0.0/16".parse().unwrap();
        assert!(network.contains("10.1.255.255".parse().unwrap()));
        assert!(!network.contains("10.2.0.0".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("9.9.9.9".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }

    #[test]
    fn an_ipv6_household_is_one_network() {
        let one = network("2001:db8:1:2::1".parse().unwrap());
        assert_eq!(one, network("2001:db8:1:2:ffff::9".parse().unwrap()));
        let bits = |text: &str| network_bits(text.parse().unwrap());
        assert_eq!(bits("2001:db8:1:2::1"), bits("2001:db8:1:2:ffff::9"));
        assert_ne!(bits("2001:db8:1:2::1"), bits("2001:db8:1:3::1"));
        assert_ne!(bits("198.51.100.7"), bits("198.51.100.8"));
    }
}
