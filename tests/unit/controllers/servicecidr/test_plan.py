"""What is said of ranges, and which may go."""

from __future__ import annotations

import pytest

from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.api.types.networking_v1 import ServiceCIDR, ServiceCIDRSpec
from kubelite.controllers.servicecidr.plan import BESIDE, IS_READY, Said, may_go, said


def made(name: str, *cidrs: str) -> ServiceCIDR:
    return ServiceCIDR(metadata=ObjectMeta(name=name), spec=ServiceCIDRSpec(cidrs=list(cidrs)))


DEFAULT = made("kubernetes", "10.96.0.0/16")


@pytest.mark.parametrize(
    ("one", "wanted"),
    [
        (DEFAULT, IS_READY),
        (made("part", "10.96.4.0/24"), IS_READY),
        (made("beside", "10.97.0.0/16"), BESIDE),
        (made("wider", "10.0.0.0/8"), BESIDE),
        (made("dual", "10.96.0.0/16", "2001:db8::/64"), BESIDE),
    ],
)
def test_only_what_the_server_gives_out_is_ready(one: ServiceCIDR, wanted: Said) -> None:
    assert said(one, DEFAULT) == wanted


def test_a_range_stays_while_somebody_has_an_address_of_it_alone() -> None:
    beside = made("beside", "10.97.0.0/16")
    both = [DEFAULT, beside]
    assert may_go(beside, both, ["10.96.0.1"])
    assert not may_go(beside, both, ["10.96.0.1", "10.97.0.9"])
    assert may_go(beside, [*both, made("wider", "10.0.0.0/8")], ["10.97.0.9"])
    assert not may_go(DEFAULT, [DEFAULT, made("part", "10.96.4.0/24")], ["10.96.0.1"])
    assert may_go(DEFAULT, [DEFAULT, made("part", "10.96.4.0/24")], ["10.96.4.1"])
