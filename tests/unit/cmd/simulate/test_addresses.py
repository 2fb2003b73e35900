"""Addresses of simulated pods and nodes."""

from __future__ import annotations

import ipaddress

from kubelite.cmd.simulate.addresses import Addresses, node_address

SHARED = ipaddress.IPv4Network("100.64.0.0/10")


def test_no_two_pods_have_one_address() -> None:
    addresses = Addresses("hollow")
    taken = [addresses.take() for _ in range(1000)]
    assert len(set(taken)) == 1000
    assert all(ipaddress.IPv4Address(ip) in SHARED for ip in taken)


def test_address_in_use_is_passed_over() -> None:
    addresses, same = Addresses("hollow"), Addresses("hollow")
    first = addresses.take()
    same.reserve(first)
    assert same.take() != first


def test_foreign_address_may_be_reserved_and_released() -> None:
    addresses = Addresses()
    for text in ("10.0.0.1", "fd00::1", ""):
        addresses.reserve(text)
        addresses.release(text)
    assert ipaddress.IPv4Address(addresses.take()) in SHARED


def test_nodes_of_one_run_have_addresses_of_their_own() -> None:
    found = {node_address("hollow", index) for index in range(65_000)}
    assert len(found) == 65_000
    assert all(ipaddress.IPv4Address(ip) in SHARED for ip in found)
