"""Addresses and CIDRs as objects may have them, and what is said of odd ones."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api import addresses
from kubelite.machinery import fielderrors
from kubelite.machinery.fielderrors import Path

AT = Path("at")
FUTURE = "will be considered invalid in a future Kubernetes release"


@pytest.mark.parametrize(
    ("text", "family", "why"),
    [
        ("10.0.0.1", 0, ""),
        ("2001:DB8::1", 0, ""),
        ("10.0.0.256", 0, addresses.NOT_AN_IP),
        ("fe80::1%eth0", 0, addresses.NOT_AN_IP),
        ("010.000.0.1", 0, "must not have leading 0s"),
        ("::ffff:10.0.0.1", 0, "must not be an IPv4-mapped IPv6 address"),
        ("::ffff:10.0.0.01", 0, "must not have leading 0s"),
        ("10.0.0.1", 6, "must be a valid IPv6 address"),
        ("1" * 500, 0, addresses.NOT_AN_IP),
    ],
)
def test_an_address_is_written_in_one_way(text: str, family: int, why: str) -> None:
    assert [str(one) for one in addresses.validate_ip(text, AT, family)] == (
        [f'at: Invalid value: "{text}": {why}'] if why else []
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("10.0.0.0/8", []),
        ("2001:db8::/64", []),
        ("0.0.0.0/0", []),
        ("10.0.0.0", [addresses.NOT_A_CIDR]),
        ("10.0.0.0/33", [addresses.NOT_A_CIDR]),
        ("10.0.0.0/255.0.0.0", [addresses.NOT_A_CIDR]),
        ("10.0.0.0/-1", [addresses.NOT_A_CIDR]),
        ("10.0.0.0/08", ["must not have leading 0s in IP or prefix length"]),
        ("010.0.0.0/8", ["must not have leading 0s in IP or prefix length"]),
        ("::ffff:10.0.0.0/128", ["must not have an IPv4-mapped IPv6 address"]),
        ("192.168.0.5/24", ["must not have bits set beyond the prefix length"]),
    ],
)
def test_a_cidr_is_a_network(text: str, why: list[str]) -> None:
    assert [str(one) for one in addresses.validate_cidr(text, AT)] == [
        f'at: Invalid value: "{text}": {one}' for one in why
    ]


@given(st.ip_addresses(), st.integers(0, 128))
def test_what_python_calls_a_network_is_one(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int
) -> None:
    network = ipaddress.ip_network(f"{address}/{min(length, address.max_prefixlen)}", strict=False)
    mapped = isinstance(network.network_address, ipaddress.IPv6Address) and network.network_address.ipv4_mapped
    assert mapped or addresses.validate_cidr(str(network), AT) == []


def test_what_is_stored_in_an_old_form_may_stay() -> None:
    found = [*addresses.validate_cidr("10.0.0.5/8", AT), *addresses.validate_cidr("10.0.0.6/8", AT)]
    assert [str(one) for one in fielderrors.tolerated(found, {"spec": ["10.0.0.7/8, 10.0.0.5/8"]})] == [str(found[1])]
    nonsense = addresses.validate_cidr("x", AT)
    assert fielderrors.tolerated(nonsense, {"spec": "x"}) == nonsense


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.0.0.1", []),
        ("x", []),
        ("010.0.0.1", [f'at: non-standard IP address "010.0.0.1" {FUTURE}: use "10.0.0.1"']),
        ("::ffff:10.0.0.1", [f'at: non-standard IP address "::ffff:10.0.0.1" {FUTURE}: use "10.0.0.1"']),
        ("2001:DB8:0::1", ['at: IPv6 address "2001:DB8:0::1" should be in RFC 5952 canonical format ("2001:db8::1")']),
    ],
)
def test_an_odd_address_is_told_of(text: str, said: list[str]) -> None:
    assert addresses.ip_warnings(AT, text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.0.0.0/8", []),
        ("x", []),
        (
            "10.0.0.5/24",
            ['at: CIDR value "10.0.0.5/24" is ambiguous in this context (should be "10.0.0.0/24" or "10.0.0.5/32"?)'],
        ),
        ("010.0.0.0/8", [f'at: non-standard CIDR value "010.0.0.0/8" {FUTURE}: use "10.0.0.0/8"']),
        (
            "2001:DB8::/32",
            ['at: IPv6 CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format ("2001:db8::/32")'],
        ),
    ],
)
def test_an_odd_cidr_is_told_of(text: str, said: list[str]) -> None:
    assert addresses.cidr_warnings(AT, text) == said
