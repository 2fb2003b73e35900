"""Drivers come, go and come back: what the cluster is told of them."""

from __future__ import annotations

import json
import signal

from kubelite.kubelet.plugins import registry
from tests.integration.csi.world import CSI_NODES, DRIVER, HERE, NODES, World

IDS = "csi.volume.kubernetes.io/nodeid"


async def ids(world: World) -> dict[str, str]:
    return json.loads((await world.node_object())["metadata"].get("annotations", {}).get(IDS, "{}"))


async def test_a_node_without_drivers_has_a_csi_node_that_belongs_to_it(world: World):
    found = await world.eventually(world.csi_node)
    owner = found["metadata"]["ownerReferences"][0]
    uid = (await world.node_object())["metadata"]["uid"]
    assert (owner["apiVersion"], owner["kind"], owner["name"], owner["uid"]) == ("v1", "Node", HERE, uid)
    assert not found["spec"].get("drivers")


async def test_a_driver_that_makes_its_socket_is_registered_and_told_so(world: World):
    driver = world.driver("--node-id=i-123", "--limit=7", "--topology=topology.example.com/rack=r1")
    entry = await world.registered()
    assert entry == {
        "name": DRIVER,
        "nodeID": "i-123",
        "topologyKeys": ["topology.example.com/rack"],
        "allocatable": {"count": 7},
    }
    told = await world.until(lambda: driver.calls("NotifyRegistrationStatus"))
    assert told[0] == {"method": "NotifyRegistrationStatus", "plugin_registered": True}
    node = await world.node_object()
    assert node["metadata"]["labels"]["topology.example.com/rack"] == "r1"
    assert await ids(world) == {DRIVER: "i-123"}


async def test_a_driver_that_leaves_is_taken_out_and_others_stay(world: World):
    world.driver(name="other.example.com")
    driver = world.driver()
    await world.registered()
    await world.registered("other.example.com")
    driver.end()

    async def gone() -> bool:
        drivers = (await world.csi_node())["spec"].get("drivers") or []
        return [one["name"] for one in drivers] == ["other.example.com"]

    await world.eventually(gone)

    async def forgotten() -> bool:
        return DRIVER not in await ids(world)

    await world.eventually(forgotten)
    assert "other.example.com" in await ids(world)


async def test_a_driver_that_was_killed_registers_again_under_another_id(world: World):
    driver = world.driver("--node-id=before")
    await world.registered()
    driver.end(signal.SIGKILL)
    driver.flags = ("--node-id=after",)
    driver.start()

    async def anew() -> bool:
        return (await world.registered())["nodeID"] == "after"

    await world.eventually(anew)
    assert await ids(world) == {DRIVER: "after"}


async def test_a_socket_that_speaks_for_another_driver_now_takes_the_first_one_back(world: World):
    driver = world.driver()
    await world.registered()
    driver.end(signal.SIGKILL)
    driver.flags = ("--name=other.example.com", f"--socket={DRIVER}-reg.sock")
    driver.start()
    await world.registered("other.example.com")

    async def gone() -> bool:
        return [one["name"] for one in (await world.csi_node())["spec"]["drivers"]] == ["other.example.com"]

    await world.eventually(gone)


async def test_a_kubelet_that_restarts_finds_the_drivers_that_run(world: World):
    driver = world.driver()
    await world.until(lambda: driver.calls("NotifyRegistrationStatus"))
    await world.restart()
    await world.until(lambda: len(driver.calls("NotifyRegistrationStatus")) == 2)
    assert len((await world.csi_node())["spec"]["drivers"]) == 1


async def test_a_plugin_of_another_type_is_refused_by_name(world: World):
    driver = world.driver("--type=FancyPlugin")
    told = (await world.until(lambda: driver.calls("NotifyRegistrationStatus")))[0]
    assert "plugin_registered" not in told
    assert told["error"].startswith("no handler registered for plugin type: FancyPlugin at socket ")


async def test_a_driver_that_does_not_know_its_node_is_refused_and_tried_again(world: World):
    driver = world.driver("--node-id=")
    told = (await world.until(lambda: driver.calls("NotifyRegistrationStatus")))[0]
    text = "error adding CSI driver node info: driverNodeID must not be empty"
    assert told["error"] == f"RegisterPlugin error -- plugin registration failed with err: {text}"
    await world.until(lambda: len(driver.calls("NodeGetInfo")) > 1)


async def test_a_driver_that_is_elsewhere_than_the_node_says_is_refused(world: World):
    await world.api.patch(f"{NODES}/{HERE}", {"metadata": {"labels": {"topology.example.com/rack": "r2"}}})
    driver = world.driver("--topology=topology.example.com/rack=r1")
    told = (await world.until(lambda: driver.calls("NotifyRegistrationStatus")))[0]
    assert told["error"].endswith(
        'detected topology value collision: driver reported "topology.example.com/rack":"r1"'
        ' but existing label is "topology.example.com/rack":"r2"'
    )


async def test_a_registry_that_was_removed_is_made_anew(world: World, monkeypatch):
    monkeypatch.setattr(registry, "BLIND_SECONDS", 0.1)
    place = world.root / registry.FOLDER
    await world.until(place.exists)
    place.rmdir()
    await world.until(place.exists)
    world.driver()
    await world.registered()


async def test_a_node_that_was_made_anew_is_told_everything_again(world: World):
    world.driver()
    await world.registered()
    await world.api.delete(f"{NODES}/{HERE}")
    await world.api.delete(f"{CSI_NODES}/{HERE}")
    made = (await world.api.post(NODES, {"metadata": {"name": HERE}})).json()
    world.context.registered.set()
    await world.registered()

    async def told() -> bool:
        return DRIVER in await ids(world)

    await world.eventually(told)
    assert (await world.csi_node())["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
