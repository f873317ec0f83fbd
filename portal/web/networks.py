"""Which addresses count as one network. Pure."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

UNKNOWN = "unknown"
SUBSCRIBER_BITS = 64
"""An IPv6 subscriber has a network of their own and changes addresses in it all the time."""


def network_of(address: str, ranges: str = "") -> str:
    """The network that an address counts as: a listed range, else an IPv4 address itself, an IPv6 address's /64.

    `ranges` lists networks that count as one, such as those of an office or a mobile operator, separated by spaces or
    commas. What is no address is the network `UNKNOWN`.
    """
    known = parsed_ranges(ranges)
    try:
        found = _plain(ip_address(address.strip().partition("%")[0]))
    except ValueError:
        return UNKNOWN
    listed = (network for network in known if found.version == network.version and found in network)
    return str(next(listed, None) or _own_network(found))


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address that came wrapped in an IPv6 one, as itself."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _own_network(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Network:
    if isinstance(address, IPv4Address):
        return address
    return IPv6Network((address, SUBSCRIBER_BITS), strict=False)


@lru_cache(maxsize=64)
def parsed_ranges(ranges: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks that a text lists.

    Raises `ValueError` where a part is no network such as 10.20.0.0/16.
    """
    return tuple(map(ip_network, ranges.replace(",", " ").split()))
