"""Hand-written Endpoints have mirrors, and only they."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.types.core_v1 import EndpointAddress, EndpointPort, Endpoints, EndpointSubset
from kubelite.controllers.endpointslice.plan import MANAGED_BY, SERVICE_NAME, Plan
from kubelite.controllers.endpointslicemirroring.plan import MANAGER, SKIP, canonical, plan
from kubelite.controllers.objects import Service
from tests.unit.controllers.endpointslice.test_plan import carry_out


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


def test_labels_and_annotations_are_copied_but_for_what_is_of_the_object_alone():
    source = endpoints()
    source.metadata.labels = {"team": "a"}
    source.metadata.annotations = {
        "note": "x",
        "endpoints.kubernetes.io/last-change-trigger-time": "2030-01-01T00:00:00Z",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }
    (made,) = plan(source, Service(), []).create
    assert made.metadata.annotations == {"note": "x"}
    assert made.metadata.labels == {"team": "a", SERVICE_NAME: "db", MANAGED_BY: MANAGER}
    source.metadata.annotations["note"] = "y"
    (changed,) = plan(source, Service(), [made]).update
    assert changed.metadata.annotations == {"note": "y"}
    assert plan(source, Service(), [changed]) == Plan()


def test_a_slice_holds_a_thousand_addresses_and_somebody_is_told_of_the_others():
    source = endpoints()
    addresses = [EndpointAddress(ip=f"10.0.{n // 200}.{n % 200}") for n in range(1200)]
    source.subsets[0].addresses = [*addresses, EndpointAddress(ip="nonsense")]
    step = plan(source, Service(), [])
    (made,) = step.create
    assert len(made.endpoints or []) == 1000
    assert step.events == (
        ("Warning", "InvalidIPAddress", "Skipped 1 invalid IP addresses when mirroring to EndpointSlices"),
        (
            "Warning",
            "TooManyAddressesToMirror",
            "A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 202 addresses were skipped",
        ),
    )
    assert plan(source, Service(), [made]).update == ()


def test_a_slice_is_written_anew_when_its_ports_change():
    (old,) = plan(endpoints(), Service(), []).create
    old.metadata.name = "db-1"
    source = endpoints()
    source.subsets[0].ports[0].port = 3307
    step = plan(source, Service(), [old])
    assert (step.create, step.delete) == ((), ())
    assert [(one.metadata.name, one.ports[0].port) for one in step.update] == [("db-1", 3307)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("010.000.0.07", "10.0.0.7"), ("2001:DB8::0:1", "2001:db8::1"), ("10.0.0", ""), ("x", ""), ("", "")],
)
def test_addresses_are_written_in_the_usual_form(text: str, expected: str):
    assert canonical(text) == expected


SUBSETS = st.lists(
    st.builds(
        lambda ready, unready, ports: EndpointSubset(
            addresses=[EndpointAddress(ip=ip) for ip in sorted(ready)],
            notReadyAddresses=[EndpointAddress(ip=ip) for ip in sorted(unready - ready)],
            ports=[EndpointPort(name="p", port=port, protocol="TCP") for port in sorted(ports)],
        ),
        st.sets(st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"])),
        st.sets(st.sampled_from(["10.0.0.2", "10.0.0.3", "2001:db8::3"])),
        st.sets(st.sampled_from([80, 443])),
    ),
    max_size=3,
)


@given(st.lists(SUBSETS, min_size=1, max_size=4))
def test_after_any_changes_the_mirror_is_complete_and_the_plan_is_at_rest(rounds):
    slices = []
    for subsets in rounds:
        source = endpoints()
        source.subsets = subsets
        slices = carry_out(slices, plan(source, Service(), slices))
        assert plan(source, Service(), slices) == Plan()
        found = {one.addresses[0] for piece in slices for one in piece.endpoints or []}
        assert found == {a.ip for subset in subsets for a in (*subset.addresses, *subset.notReadyAddresses)}
