"""Which ranges may go."""

from __future__ import annotations

import ipaddress
import random

from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.api.types.networking_v1 import IPAddress, ServiceCIDR, ServiceCIDRSpec
from kubelite.controllers.servicecidr.plan import ALLOCATOR, MANAGED_LABEL, may_go


def made(name: str, *cidrs: str) -> ServiceCIDR:
    return ServiceCIDR(metadata=ObjectMeta(name=name), spec=ServiceCIDRSpec(cidrs=list(cidrs)))


def held(*addresses: str, by: str = ALLOCATOR) -> list[IPAddress]:
    return [IPAddress(metadata=ObjectMeta(name=one, labels={MANAGED_LABEL: by})) for one in addresses]


DEFAULT = made("kubernetes", "10.96.0.0/16")


def test_a_range_stays_while_somebody_has_an_address_of_it_alone() -> None:
    beside = made("beside", "10.97.0.0/16")
    both = [DEFAULT, beside]
    assert may_go(beside, both, held("10.96.0.1"))
    assert not may_go(beside, both, held("10.96.0.1", "10.97.0.9"))
    assert may_go(beside, [*both, made("wider", "10.0.0.0/8")], held("10.97.0.9"))
    assert not may_go(DEFAULT, [DEFAULT, made("part", "10.96.4.0/24")], held("10.96.0.1"))
    assert may_go(DEFAULT, [DEFAULT, made("part", "10.96.4.0/24")], held("10.96.4.1"))


def test_each_family_of_a_range_counts() -> None:
    dual = made("dual", "10.97.0.0/16", "2001:db8::/64")
    assert not may_go(dual, [DEFAULT, dual, made("wider", "10.0.0.0/8")], held("2001:db8::5"))
    assert may_go(dual, [DEFAULT, dual, made("wider", "10.0.0.0/8")], held("10.97.0.5"))


def test_addresses_that_others_manage_hold_nothing_up() -> None:
    assert may_go(DEFAULT, [DEFAULT], held("10.96.0.7", by="somebody.example.com"))


def test_two_ranges_that_are_both_deleted_do_not_let_each_other_go() -> None:
    one, two = made("one", "10.97.0.0/16"), made("two", "10.97.0.0/16")
    assert may_go(one, [one, two], held("10.97.0.9"))
    two.metadata.deletionTimestamp = "2026-01-01T00:00:00Z"
    assert not may_go(one, [one, two], held("10.97.0.9"))


CIDRS = st.sampled_from(
    ["10.0.0.0/8", "10.96.0.0/16", "10.96.4.0/24", "10.97.0.0/16", "2001:db8::/64", "2001:db8::/48"]
)
RANGES = st.lists(st.tuples(st.lists(CIDRS, min_size=1, max_size=2, unique=True), st.booleans()), max_size=5)
ADDRESSES = st.sets(
    st.sampled_from(["10.96.0.1", "10.96.4.9", "10.97.0.2", "10.1.2.3", "2001:db8::5", "2001:db8:0:9::1"]), max_size=5
)


@given(RANGES, ADDRESSES, st.randoms(use_true_random=False))
def test_in_any_order_the_same_ranges_go_and_no_address_is_left_without_one(
    ranges: list[tuple[list[str], bool]], addresses: set[str], chance: random.Random
) -> None:
    def rest(shuffle: bool) -> list[ServiceCIDR]:
        left, taken = [made(f"r{n}", *cidrs) for n, (cidrs, _) in enumerate(ranges)], held(*sorted(addresses))
        for one, (_, deleting) in zip(left, ranges, strict=True):
            one.metadata.deletionTimestamp = "2026-01-01T00:00:00Z" if deleting else None
        while True:
            if shuffle:
                chance.shuffle(left)
                chance.shuffle(taken)
            going = next((one for one in left if one.metadata.deletionTimestamp and may_go(one, left, taken)), None)
            if going is None:
                return left
            left.remove(going)

    def served(found: list[ServiceCIDR]) -> set[str]:
        networks = [ipaddress.ip_network(cidr) for one in found for cidr in one.spec.cidrs]
        return {one for one in addresses if any(ipaddress.ip_address(one) in network for network in networks)}

    plain, mixed = rest(False), rest(True)
    assert {one.metadata.name for one in plain} == {one.metadata.name for one in mixed}
    assert served(plain) == served([made("r", *cidrs) for cidrs, _ in ranges])
