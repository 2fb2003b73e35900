"""Hand-written Endpoints have mirrors, and only they."""

from __future__ import annotations

import pytest

from kubelite.api.types.core_v1 import EndpointAddress, EndpointPort, Endpoints, EndpointSubset
from kubelite.controllers.endpointslice.plan import Plan
from kubelite.controllers.endpointslicemirroring.plan import SKIP, plan
from kubelite.controllers.objects import Service


def endpoints() -> Endpoints:
    subset = EndpointSubset(
        addresses=[EndpointAddress(ip="10.0.0.1")],
        notReadyAddresses=[EndpointAddress(ip="10.0.0.2")],
        ports=[EndpointPort(name="db", port=3306, protocol="TCP")],
    )
    made = Endpoints(subsets=[subset])
    made.metadata.name, made.metadata.namespace, made.metadata.uid = "db", "default", "u"
    return made


def test_addresses_are_copied_with_their_readiness_and_then_the_plan_rests():
    (made,) = plan(endpoints(), Service(), []).create
    found = {e.addresses[0]: e.conditions.ready for e in made.endpoints or [] if e.conditions is not None}
    assert found == {"10.0.0.1": True, "10.0.0.2": False}
    assert [(port.name, port.port) for port in made.ports] == [("db", 3306)]
    assert plan(endpoints(), Service(), [made]) == Plan()


@pytest.mark.parametrize("case", ["selector", "skip", "no service", "no endpoints"])
def test_mirrors_go_when_there_is_nothing_to_mirror(case: str):
    (old,) = plan(endpoints(), Service(), []).create
    source: Endpoints | None = endpoints()
    service: Service | None = Service()
    assert source is not None and service is not None
    if case == "selector":
        service.spec.selector = {"app": "db"}
    elif case == "skip":
        source.metadata.labels = {SKIP: "true"}
    elif case == "no service":
        service = None
    else:
        source = None
    assert plan(source, service, [old]) == Plan(delete=(old,))
