"""The old, one-object form of a service's endpoints."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.controllers.endpoints.plan import MAX_ADDRESSES, OVER_CAPACITY, subsets_of, wanted
from kubelite.controllers.objects import Port
from tests.unit.controllers.build import pod
from tests.unit.controllers.endpointslice.test_plan import READY, service


def pods(ready: int, unready: int, port: int = 8080, prefix: str = "p") -> list:
    made = []
    for n in range(ready + unready):
        # By their names, those that are not ready come first.
        one = pod(
            f"{prefix}{n:05}", ip=f"10.{port % 200}.{n // 250}.{n % 250}", ready_since=READY if n >= unready else ""
        )
        one.spec.containers[:] = []
        one.spec.containers.append(container(port))
        made.append(one)
    return made


def container(port: int):
    from kubelite.controllers.objects import Container

    return Container(name="c", ports=[Port(name="web", containerPort=port, protocol="TCP")])


def web():
    made = service()
    made.spec.ports[0].targetPort = "web"
    return made


def test_of_too_many_addresses_those_that_are_ready_stay():
    made = wanted(web(), pods(900, 300), None)
    assert made is not None and made.metadata.annotations == {OVER_CAPACITY: "truncated"}
    (subset,) = made.subsets
    assert (len(subset.addresses), len(subset.notReadyAddresses)) == (900, 100)
    fewer = wanted(web(), pods(900, 0), made)
    assert fewer is not None and fewer.metadata.annotations == {}


@settings(max_examples=20)
@given(st.integers(0, 900), st.integers(0, 900), st.integers(0, 900))
def test_each_subset_keeps_its_share_and_the_limit_holds(first: int, second: int, unready: int):
    subsets, truncated = subsets_of(web(), [*pods(first, unready), *pods(second, 0, 9090, "q")])
    counts = {one.ports[0].port: len(one.addresses) + len(one.notReadyAddresses) for one in subsets}
    total = first + second + unready
    assert truncated == (total > MAX_ADDRESSES)
    assert sum(counts.values()) == min(total, MAX_ADDRESSES)
    for port, count in ((8080, first + unready), (9090, second)):
        share = count if total <= MAX_ADDRESSES else count / total * MAX_ADDRESSES
        assert abs(counts.get(port, 0) - share) <= 1
