"""Which addresses the portal may call: the public ones, and those that an installation allows by name.

An address that somebody else decides about (a name in DNS) must not lead to this machine or its neighbours (OWASP
ASVS 5.0, 1.3.6). The ranges are those of the IANA special-purpose registries.
"""

import ipaddress
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
CARRIERS = (NAT64, MAPPED)
"""Ranges whose last 32 bits are an IPv4 address, to which the packets go in the end."""


def may_call(written: str, allowed: Sequence[Network]) -> bool:
    """Whether a connection to this address, as the resolver wrote it, may be made."""
    address = reached(ipaddress.ip_address(written.partition("%")[0]))
    return _is_in(address, allowed) or (address.is_global and not _is_in(address, SPECIAL))


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def reached(address: Address) -> Address:
    """The address that is reached in the end: an IPv6 address may carry an IPv4 one."""
    if isinstance(address, ipaddress.IPv6Address) and any(address in network for network in CARRIERS):
        return ipaddress.IPv4Address(address.packed[-4:])
    return address
