"""Every kind of address that must not be called, and those that may."""

import ipaddress

import pytest

from portal.integrations.outbound import may_call

BAD = {
    "loopback": "127.0.0.1",
    "all of loopback": "127.255.255.254",
    "this host": "0.0.0.0",  # noqa: S104
    "private, large": "10.1.2.3",
    "private, middle": "172.31.255.255",
    "private, small": "192.168.0.1",
    "shared by a provider": "100.64.0.1",
    "link-local": "169.254.1.1",
    "a cloud's metadata": "169.254.169.254",
    "protocol assignments": "192.0.0.8",
    "documentation": "203.0.113.7",
    "6to4 relay": "192.88.99.1",
    "benchmarks": "198.18.0.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "loopback, v6": "::1",
    "unspecified, v6": "::",
    "private, v6": "fd12::1",
    "link-local, v6, with its interface": "fe80::1%eth0",
    "site-local, v6": "fec0::1",
    "multicast, v6": "ff02::1",
    "documentation, v6": "2001:db8::1",
    "new documentation, v6": "3fff::1",
    "discard only": "100::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped private": "::ffff:10.0.0.1",
    "compatible": "::7f00:1",
    "translated": "::ffff:0:127.0.0.1",
    "translated, of a public address": "::ffff:0:8.8.8.8",
    "ISATAP of loopback": "2606:4700::5efe:127.0.0.1",
    "ISATAP of private, by its owner": "2606:4700::200:5efe:10.0.0.1",
    "outside all that is given out": "4000::1",
    "NAT64 to private": "64:ff9b::10.0.0.1",
    "NAT64 to metadata": "64:ff9b::169.254.169.254",
    "NAT64, local use": "64:ff9b:1::1",
    "6to4 of loopback": "2002:7f00:1::",
    "Teredo": "2001:0:4136:e378::1",
}
GOOD = ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", BAD.values(), ids=BAD.keys())
def test_an_internal_address_is_never_called(address: str) -> None:
    assert not may_call(address, ())


@pytest.mark.parametrize("address", GOOD)
def test_a_public_address_may_be_called(address: str) -> None:
    assert may_call(address, ())


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("10.2.0.1", False), ("127.0.0.1", False)],
)
def test_only_the_networks_that_an_installation_allows_may_be_called(address: str, expected: bool) -> None:
    assert may_call(address, (ipaddress.ip_network("10.1.0.0/16"),)) is expected
