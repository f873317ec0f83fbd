"""Which addresses count as one network. Pure."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

UNKNOWN = "unknown"
SUBSCRIBER_BITS = 64
"""An IPv6 subscriber has a network of their own and changes addresses in it all the time."""


@lru_cache(maxsize=1024)
def network_of(address: str | None, ranges: str = "") -> str:
    """Return the network that an address counts as: a listed range, else an IPv4 address itself, an IPv6 address's /64.

    `ranges` lists networks that count as one, such as those of an office or a mobile operator, separated by spaces or
    commas. What is no address is the network `UNKNOWN`. A browser comes from one address for many requests: it is
    read once.
    """
    known = parsed_ranges(ranges)
    try:
        found = ip_address((address or UNKNOWN).strip().partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    listed = next((network for network in known if found.version == network.version and found in network), None)
    own = found if isinstance(found, IPv4Address) else IPv6Network((found, SUBSCRIBER_BITS), strict=False)
    return str(listed or own)


@lru_cache(maxsize=64)
def parsed_ranges(ranges: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks that a text lists.

    Raises `ValueError` where a part is no network such as 10.20.0.0/16.
    """
    return tuple(map(ip_network, ranges.replace(",", " ").split()))
