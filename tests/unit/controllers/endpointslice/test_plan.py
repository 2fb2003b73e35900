"""Endpoints stay in their slices, slices stay within their size, and the plan comes to rest."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.api.types.discovery_v1 import EndpointSlice
from kubelite.controllers import objects
from kubelite.controllers.endpointslice.layout import MAX_ENDPOINTS
from kubelite.controllers.endpointslice.plan import Observed, Plan, plan
from tests.unit.controllers.build import pod

READY = "2030-01-01T00:00:00Z"
NODES = {"node-a": ""}


def service(**spec) -> objects.Service:
    made = objects.Service()
    made.metadata.name, made.metadata.namespace, made.metadata.uid = "web", "default", "uid-svc"
    made.spec.selector = {"app": "web"}
    made.spec.ports = [objects.ServicePort(name="http", port=80, targetPort=8080, protocol="TCP")]
    for name, value in spec.items():
        setattr(made.spec, name, value)
    return made


def pods(numbers) -> list[objects.Pod]:
    return [pod(f"p{n}", ip=f"10.1.{n // 250}.{n % 250 + 1}", ready_since=READY) for n in numbers]


def carry_out(slices: list[EndpointSlice], step: Plan) -> list[EndpointSlice]:
    by_name = {piece.metadata.name: piece for piece in slices}
    for piece in step.delete:
        del by_name[piece.metadata.name]
    for piece in step.update:
        assert piece.metadata.name in by_name
        by_name[piece.metadata.name] = piece
    for number, piece in enumerate(step.create):
        made = copy.copy(piece)
        made.metadata = copy.copy(piece.metadata)
        made.metadata.name = f"s{len(by_name)}-{number}-{id(piece)}"
        by_name[made.metadata.name] = made
    return list(by_name.values())


def addresses(slices: list[EndpointSlice]) -> list[str]:
    return sorted(e.addresses[0] for piece in slices for e in piece.endpoints or [])


def test_one_more_pod_changes_one_slice():
    first = carry_out([], plan(Observed(service(), pods(range(250)), NODES, [])))
    assert [len(piece.endpoints or []) for piece in first] == [100, 100, 50]
    step = plan(Observed(service(), pods(range(251)), NODES, first))
    assert (len(step.create), len(step.update), len(step.delete)) == (0, 1, 0)


def test_a_slice_that_would_go_is_written_anew():
    (empty,) = carry_out([], plan(Observed(service(), [], NODES, [])))
    first = plan(Observed(service(), pods([1]), NODES, [empty]))
    assert (len(first.create), len(first.update), len(first.delete)) == (0, 1, 0)
    (piece,) = carry_out([empty], first)
    assert (piece.metadata.name, addresses([piece])) == (empty.metadata.name, ["10.1.0.2"])
    moved = service(ports=[objects.ServicePort(name="http", port=80, targetPort=9090, protocol="TCP")])
    step = plan(Observed(moved, pods([1]), NODES, [piece]))
    (same,) = step.update
    assert (step.create, step.delete, same.metadata.name) == ((), (), empty.metadata.name)
    assert [port.port for port in same.ports] == [9090]
    assert plan(Observed(moved, pods([1]), NODES, [same])) == Plan()


def test_a_slice_of_an_earlier_service_of_the_name_is_left_to_go():
    for old in ([], pods([1])):
        (piece,) = carry_out([], plan(Observed(service(), old, NODES, [])))
        again = service()
        again.metadata.uid = "uid-of-another"
        step = plan(Observed(again, pods([1]), NODES, [piece]))
        assert (len(step.create), len(step.update), step.delete) == (1, 0, (piece,))
        assert step.create[0].metadata.ownerReferences[0].uid == "uid-of-another"


def test_a_terminating_pod_still_serves_but_is_not_ready():
    (made,) = plan(Observed(service(), [pod("a", ip="10.0.0.1", ready_since=READY, deleting=True)], NODES, [])).create
    (endpoint,) = made.endpoints or []
    state = endpoint.conditions
    assert state is not None and (state.ready, state.serving, state.terminating) == (False, True, True)


def test_finished_pods_and_pods_without_address_have_no_endpoint():
    outside = [pod("a", ip="10.0.0.1", phase="Succeeded"), pod("b")]
    (made,) = plan(Observed(service(), outside, NODES, [])).create
    assert made.endpoints == []


def test_endpoints_carry_zone_and_hints_where_asked_for():
    near = service(trafficDistribution="PreferClose")
    (made,) = plan(Observed(near, pods([1]), {"node-a": "z1"}, [])).create
    (endpoint,) = made.endpoints or []
    assert endpoint.zone == "z1"
    assert endpoint.hints is not None and [zone.name for zone in endpoint.hints.forZones] == ["z1"]


def test_pods_of_nodes_that_do_not_exist_are_left_out_unless_all_are_published():
    (made,) = plan(Observed(service(), pods([1]), {}, [])).create
    assert made.endpoints == []
    (made,) = plan(Observed(service(publishNotReadyAddresses=True), pods([1]), {}, [])).create
    assert addresses([made]) == ["10.1.0.2"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.integers(0, 260), max_size=260), min_size=1, max_size=4))
def test_after_any_changes_the_slices_hold_exactly_the_pods_and_the_plan_is_at_rest(rounds):
    slices: list[EndpointSlice] = []
    for numbers in rounds:
        wanted = pods(sorted(numbers))
        slices = carry_out(slices, plan(Observed(service(), wanted, NODES, slices)))
        assert addresses(slices) == sorted(p.status.podIP for p in wanted)
        assert all(len(piece.endpoints or []) <= MAX_ENDPOINTS for piece in slices)
        assert len(slices) >= 1
        assert plan(Observed(service(), wanted, NODES, slices)) == Plan()
