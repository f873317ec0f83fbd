"""Which addresses count as one network."""

import pytest

from portal.web.networks import network_of, parsed_ranges

OFFICE = "10.20.0.0/16, 2001:db8:a::/48"

SAME = {
    "the same IPv4 address": ("198.51.100.7", "198.51.100.7"),
    "an IPv4 address wrapped in an IPv6 one": ("198.51.100.7", "::ffff:198.51.100.7"),
    "addresses of one IPv6 subscriber": ("2001:db8::1", "2001:db8::ffff:2"),
    "one range of the list": ("10.20.0.1", "10.20.255.254"),
    "one IPv6 range of the list": ("2001:db8:a::1", "2001:db8:a:ffff::1"),
    "no addresses at all": ("unknown", "/run/portal.sock"),
    "an interface's name does not count": ("fe80::1%eth0", "fe80::1%eth1"),
}
OTHER = {
    "neighbours in IPv4": ("198.51.100.7", "198.51.100.8"),
    "neighbouring IPv6 subscribers": ("2001:db8:0:1::1", "2001:db8:0:2::1"),
    "in and beside a range": ("10.20.255.254", "10.21.0.1"),
    "IPv4 and IPv6": ("198.51.100.7", "2001:db8::1"),
    "what is no address": ("198.51.100.7", "unknown"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_related_addresses_count_as_one_network(one: str, other: str) -> None:
    assert network_of(one, OFFICE) == network_of(other, OFFICE)


@pytest.mark.parametrize(("one", "other"), OTHER.values(), ids=OTHER)
def test_unrelated_addresses_count_as_two_networks(one: str, other: str) -> None:
    assert network_of(one, OFFICE) != network_of(other, OFFICE)


@pytest.mark.parametrize("ranges", ["10.20.0.0/33", "office", "10.20.0.1/16", "10.20.0.0/16; 10.30.0.0/16"])
def test_an_invalid_list_of_ranges_is_refused(ranges: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|has host bits"):
        parsed_ranges(ranges)


def test_an_empty_list_has_no_ranges() -> None:
    assert parsed_ranges(" , ") == ()
