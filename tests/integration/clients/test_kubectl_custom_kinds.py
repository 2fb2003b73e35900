"""Real kubectl of an old and a new version with a custom kind: everything that people do with one."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.integration.clients.definitions import DEFINITION, GROUP, order
from tests.integration.clients.kubectl import VERSIONS, Kubectl, kubectl_of
from tests.integration.controllers.manager import World

CRD = f"crd/orders.{GROUP}"


@pytest.fixture(params=VERSIONS)
async def kubectl(world: World, request: pytest.FixtureRequest) -> Kubectl:
    """A kubectl in whose cluster the kind is served."""
    return await _served(world, request.param)


@pytest.fixture
async def newest(world: World) -> Kubectl:
    return await _served(world, VERSIONS[-1])


async def _served(world: World, version: str) -> Kubectl:
    made = kubectl_of(version, world, KUBE_EDITOR="sed -i s/bread/cake/")
    assert (
        await made("apply -f -", DEFINITION)
        == f"customresourcedefinition.apiextensions.k8s.io/orders.{GROUP} created\n"
    )
    await made(f"wait --for=condition=Established {CRD} --timeout=10s")
    return made


async def test_objects_are_applied_shown_explained_and_deleted(kubectl: Kubectl) -> None:
    one, two = order("one", parts=[{"name": "crust", "weight": 2}]), order("two", "milk", count=3)
    items = {"apiVersion": "v1", "kind": "List", "items": [one, two]}
    assert await kubectl("apply -f -", items) == f"order.{GROUP}/one created\norder.{GROUP}/two created\n"
    assert await kubectl("apply -f -", items) == f"order.{GROUP}/one unchanged\norder.{GROUP}/two unchanged\n"
    table = [line.split() for line in (await kubectl("get od --sort-by=.spec.count")).splitlines()]
    assert table == [["NAME", "ITEM", "COUNT", "PHASE"], ["one", "bread", "1"], ["two", "milk", "3"]]
    wide = (await kubectl("get orders one -o wide")).splitlines()
    assert [line.split() for line in wide] == [
        ["NAME", "ITEM", "COUNT", "PHASE", "WIDE"],
        ["one", "bread", "1", "crust"],
    ]
    assert f"order.{GROUP}/one" in await kubectl("get shop -o name")
    assert await kubectl(f"get orders.v1.{GROUP} -l app=shop --field-selector=metadata.name=two -o name")
    assert await kubectl("get od -o jsonpath={.items[*].spec.item}") == "bread milk"
    assert (await kubectl("get od -A --no-headers")).splitlines()[0].split()[:2] == ["default", "one"]
    described = await kubectl("describe od one")
    assert all(word in described for word in ("Name:         one", "Kind:         Order", "Name:    crust", "Events:"))
    assert "weight" in await kubectl("explain order.spec.parts")
    assert "Order is what a customer wants." in await kubectl("explain od")
    listed = await kubectl(f"api-resources --api-group={GROUP} --no-headers -o wide")
    assert listed.split()[:5] == ["orders", "od", f"{GROUP}/v1", "true", "Order"]
    assert json.loads(await kubectl(f"get --raw /apis/{GROUP}/v1"))["resources"][0]["categories"] == ["all", "shop"]
    assert f"{GROUP}/v1" in (await kubectl("api-versions")).split()
    await kubectl("delete od one")
    await kubectl("delete orders --all")
    assert (await kubectl.run("get od")).err == "No resources found in default namespace.\n"
    await kubectl(f"delete {CRD}")
    shutil.rmtree(kubectl.directory / "cache")  # it would know the kind for hours
    assert await kubectl.refused("get od") == 'error: the server doesn\'t have a resource type "od"'


async def test_objects_are_edited_patched_scaled_labelled_and_waited_for(kubectl: Kubectl) -> None:
    await kubectl("create -f -", order("one"))
    assert await kubectl("edit od one") == f"order.{GROUP}/one edited\n"
    assert await kubectl("get od one -o jsonpath={.spec.item}") == "cake"
    await kubectl("""patch od one --type=merge -p '{"spec":{"item":"pie"}}'""")
    await kubectl("""patch od one --type=json -p '[{"op":"replace","path":"/spec/count","value":2}]'""")
    why = await kubectl.refused("""patch od one --type=strategic -p '{"spec":{"item":"x"}}'""")
    assert "strategic" in why
    await kubectl("""patch od one --subresource=status --type=merge -p '{"status":{"phase":"Paid","ready":1}}'""")
    assert "condition met" in await kubectl("wait od/one --for=jsonpath='{.status.phase}'=Paid --timeout=5s")
    late = await kubectl.refused("wait od/one --for=jsonpath='{.status.phase}'=Lost --timeout=200ms")
    assert "timed out waiting for the condition" in late
    assert await kubectl("scale od/one --replicas=4") == f"order.{GROUP}/one scaled\n"
    await kubectl("label od one tier=gold")
    await kubectl("annotate od one note=x")
    line = (await kubectl("get od one --show-labels --no-headers")).split()
    assert line == ["one", "pie", "4", "Paid", "app=shop,tier=gold"]
    assert json.loads(await kubectl("get od one -o json --subresource=scale"))["spec"]["replicas"] == 4
    replaced = order("one", "tart")
    await kubectl("replace -f -", replaced)
    assert await kubectl("get od one -o jsonpath={.spec.item}/{.spec.count}/{.status.phase}") == "tart/1/Paid"
    await kubectl("replace --force -f -", replaced)
    assert await kubectl("get od one -o jsonpath={.status}") == ""


async def test_wrong_objects_are_refused_where_they_are_wrong(newest: Kubectl) -> None:
    unknown = await newest.refused("create -f -", order("one", colour="red"))
    assert 'strict decoding error: unknown field "spec.colour"' in unknown
    warned = await newest.run("create -f - --validate=warn", order("one", colour="red"))
    assert (warned.code, warned.err) == (0, 'Warning: unknown field "spec.colour"\n')
    negative = await newest.refused("apply -f -", order("two", count=-1))
    assert negative.startswith('The Order "two" is invalid: ')
    assert "spec.count: Invalid value: -1: spec.count in body should be greater than or equal to 0" in negative
    twice = await newest.refused("apply -f -", order("two", parts=[{"name": "a"}, {"name": "a"}]))
    assert 'spec.parts[1]: Duplicate value: {"name":"a"}' in twice
    assert "AlreadyExists" in await newest.refused("create -f -", order("one"))
    assert await newest.refused("get od nope") == f'Error from server (NotFound): orders.{GROUP} "nope" not found'


async def test_managers_share_an_object_and_conflict_over_fields(kubectl: Kubectl) -> None:
    apply = "apply --server-side -f -"
    first = order("one", parts=[{"name": "a", "weight": 1}])
    assert await kubectl(f"{apply} --field-manager=a", first) == f"order.{GROUP}/one serverside-applied\n"
    await kubectl(f"{apply} --field-manager=b", order("one", parts=[{"name": "b"}]))
    taken = order("one", parts=[{"name": "a", "weight": 5}])
    conflict = await kubectl.refused(f"{apply} --field-manager=b", taken)
    assert conflict.startswith('error: Apply failed with 1 conflict: conflict with "a": .spec.parts[name="a"].weight')
    await kubectl(f"{apply} --field-manager=b --force-conflicts", taken)
    assert await kubectl("get od one -o jsonpath={.spec.parts}") == '[{"name":"a","weight":5}]'
    managed = await kubectl("get od one -o yaml --show-managed-fields")
    assert "manager: a" in managed and "manager: b" in managed


async def test_differences_are_shown_before_they_are_applied(newest: Kubectl) -> None:
    await newest("apply -f -", order("one"))
    assert (await newest.run("diff -f -", order("one"))).code == 0
    changed = await newest.run("diff -f -", order("one", "cake"))
    assert (changed.code, "-  item: bread\n+  item: cake" in changed.out) == (1, True)
    new = await newest.run("diff -f -", order("two"))
    assert (new.code, "+  name: two" in new.out) == (1, True)
    server = await newest.run("diff --server-side --force-conflicts -f -", order("one", "cake"))
    assert (server.code, "+  item: cake" in server.out) == (1, True)
    tried = await newest("apply --dry-run=server -f -", order("one", "cake"))
    assert tried == f"order.{GROUP}/one configured (server dry run)\n"
    assert await newest("get od one -o jsonpath={.spec.item}") == "bread"
