//! The client's address behind proxies.
//!
//! A forwarding header is a list to which each proxy appends what it saw. Only the part that trusted proxies wrote
//! counts: from the right, skip trusted hops, and the first other one is the client. Everything further left is
//! whatever the client cared to claim.

use std::net::{IpAddr, Ipv6Addr};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;

use crate::error::ConfigErrors;

/// Which header the trusted proxies write. A proxy passes the other one through as the client sent it, so it is
/// ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl ForwardingHeader {
    fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            Self::Forwarded => header::FORWARDED,
        }
    }

    /// The address that one hop of the list names.
    fn hop(self, text: &str) -> Option<IpAddr> {
        match self {
            Self::XForwardedFor => address(text),
            Self::Forwarded => text.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then(|| address(value.trim().trim_matches('"')))?
            }),
        }
    }
}

/// The proxies in front of this program. By default none, and forwarding headers count for nothing.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ForwardingHeader,
}

impl TrustedProxies {
    /// Trusts what hosts in these networks (`10.0.0.0/8`, `fd00::/8`, single addresses) say of their client.
    ///
    /// # Errors
    /// [`ConfigErrors`] naming the texts that are neither a network nor an address.
    pub fn parse<'a>(
        networks: impl IntoIterator<Item = &'a str>,
        header: ForwardingHeader,
    ) -> Result<Self, ConfigErrors> {
        let mut problems = Vec::new();
        let mut parsed = Vec::new();
        for text in networks.into_iter().map(str::trim).filter(|text| !text.is_empty()) {
            match text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) => parsed.push(network),
                Err(_) => problems.push(format!("trusted proxy {text:?} is neither a network nor an address")),
            }
        }
        if problems.is_empty() { Ok(Self { networks: parsed, header }) } else { Err(ConfigErrors::new(problems)) }
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// The client behind `peer`. A hop that cannot be read ends the search at the proxy that passed it on.
    pub(crate) fn client_ip(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let mut client = unmapped(peer?);
        if !self.trusts(client) {
            return Some(client);
        }
        let lines: Vec<&[u8]> = headers.get_all(self.header.name()).iter().map(HeaderValue::as_bytes).collect();
        // Hop by hop in bytes: what the client wrote further left cannot spoil what a proxy appended.
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(|b| *b == b',')) {
            let text = std::str::from_utf8(hop).unwrap_or_default().trim();
            let Some(hop) = self.header.hop(text) else { break };
            client = hop;
            if !self.trusts(hop) {
                break;
            }
        }
        Some(client)
    }
}

/// An address as proxies write it: bare, with a port, or an IPv6 address in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    bare.parse().ok().map(unmapped)
}

/// `::ffff:192.0.2.1` is 192.0.2.1: one client, one name.
fn unmapped(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// What counts as one client when attempts are counted: an IPv4 address, or an IPv6 /64, which one subscriber owns
/// whole.
pub(crate) fn counting_unit(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) >> 64 << 64).into(),
        IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn client(proxies: &TrustedProxies, peer: &str, pairs: &[(&'static str, &str)]) -> String {
        proxies.client_ip(peer.parse().ok(), &headers(pairs)).unwrap().to_string()
    }

    #[test]
    fn a_forwarding_header_of_a_stranger_counts_for_nothing() {
        let none = TrustedProxies::default();
        assert_eq!(client(&none, "203.0.113.9", &[("x-forwarded-for", "1.2.3.4")]), "203.0.113.9");
        let some = TrustedProxies::parse(["10.0.0.0/8"], ForwardingHeader::XForwardedFor).unwrap();
        assert_eq!(client(&some, "203.0.113.9", &[("x-forwarded-for", "1.2.3.4")]), "203.0.113.9");
    }

    #[test]
    fn the_right_most_untrusted_hop_is_the_client() {
        let proxies = TrustedProxies::parse(["10.0.0.0/8"], ForwardingHeader::XForwardedFor).unwrap();
        let spoofed = [("x-forwarded-for", "1.1.1.1, 198.51.100.7, 10.0.0.3")];
        assert_eq!(client(&proxies, "10.0.0.2", &spoofed), "198.51.100.7");
        assert_eq!(client(&proxies, "10.0.0.2", &[("x-forwarded-for", "1.1.1.1, what?, 10.0.0.3")]), "10.0.0.3");
        assert_eq!(client(&proxies, "::ffff:10.0.0.2", &[("x-forwarded-for", "[2001:db8::1]:443")]), "2001:db8::1");
        assert_eq!(client(&proxies, "10.0.0.2", &[]), "10.0.0.2");
        // The proxies write one header; the other one is the client's own invention.
        assert_eq!(client(&proxies, "10.0.0.2", &[("forwarded", "for=1.2.3.4")]), "10.0.0.2");
    }

    #[test]
    fn the_standard_header_is_understood() {
        let proxies = TrustedProxies::parse(["10.0.0.1"], ForwardingHeader::Forwarded).unwrap();
        let header = [("forwarded", "for=1.1.1.1, For=\"[2001:db8:cafe::17]:4711\";proto=https")];
        assert_eq!(client(&proxies, "10.0.0.1", &header), "2001:db8:cafe::17");
    }

    #[test]
    fn an_ipv6_subscriber_is_one_unit() {
        let unit = |text: &str| counting_unit(text.parse().unwrap());
        assert_eq!(unit("2001:db8::1"), unit("2001:db8::ffff:1"));
        assert_ne!(unit("2001:db8:0:1::1"), unit("2001:db8::1"));
    }
}
