"""What becomes of an object, by the state of its owners."""

from __future__ import annotations

import pytest
from msgspec import field

from kubelite.api.types.base import Object
from kubelite.api.types.core_v1 import ConfigMap
from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.controllers import objects
from kubelite.controllers.garbagecollector.graph import Graph, shows_owners
from kubelite.controllers.garbagecollector.plan import (
    ABSENT,
    SOLID,
    WAITING,
    Delete,
    DropReferences,
    Keep,
    owner_state,
    plan,
)
from kubelite.controllers.nodelifecycle.lease import NodeLease
from kubelite.machinery.kind import Kind

CONFIG_MAP = Kind(group="", version="v1", kind="ConfigMap", plural="configmaps", type=ConfigMap)


@pytest.mark.parametrize(
    ("owners", "finalizers", "dependents", "wanted"),
    [
        pytest.param({}, [], True, Keep(), id="no owners"),
        pytest.param({"a": SOLID}, [], True, Keep(), id="an owner exists"),
        pytest.param({"a": SOLID, "b": ABSENT}, [], True, DropReferences(frozenset("b")), id="one of two is gone"),
        pytest.param({"a": SOLID, "b": WAITING}, [], True, DropReferences(frozenset("b")), id="one of two waits"),
        pytest.param({"a": ABSENT}, [], True, Delete("Background"), id="all are gone"),
        pytest.param({"a": WAITING}, [], True, Delete("Foreground"), id="foreground goes on below"),
        pytest.param({"a": WAITING}, [], False, Delete("Background"), id="foreground ends at a leaf"),
        pytest.param({"a": ABSENT}, ["orphan"], True, Delete("Orphan"), id="its own wish to orphan"),
        pytest.param(
            {"a": ABSENT}, ["foregroundDeletion"], True, Delete("Foreground"), id="its own wish for foreground"
        ),
    ],
)
def test_the_fate_of_an_object(owners, finalizers, dependents, wanted):
    assert plan(finalizers, owners, dependents) == wanted


def test_an_owner_waits_only_when_deleted_in_the_foreground():
    assert owner_state(None, ["foregroundDeletion"]) == SOLID
    assert owner_state("2030-01-01T00:00:00Z", []) == SOLID
    assert owner_state("2030-01-01T00:00:00Z", ["foregroundDeletion"]) == WAITING


def config_map(uid: str, *owners: str, finalizers: tuple[str, ...] = (), deleting: bool = False) -> ConfigMap:
    made = ConfigMap()
    made.metadata.uid = made.metadata.name = uid
    made.metadata.ownerReferences = [OwnerReference(uid=owner, blockOwnerDeletion=True) for owner in owners]
    made.metadata.finalizers = list(finalizers)
    made.metadata.deletionTimestamp = "2030-01-01T00:00:00Z" if deleting else None
    return made


def test_the_end_of_an_owner_concerns_its_dependents():
    graph = Graph()
    graph.put(CONFIG_MAP, config_map("owner"))
    assert graph.put(CONFIG_MAP, config_map("child", "owner")) == ["child"]
    assert graph.drop(config_map("owner")) == ["child"]


def test_an_owner_deleted_in_the_foreground_waits_for_its_last_dependent():
    graph = Graph()
    waiting = config_map("owner", finalizers=("foregroundDeletion",), deleting=True)
    graph.put(CONFIG_MAP, config_map("owner"))
    graph.put(CONFIG_MAP, config_map("child", "owner"))
    assert set(graph.put(CONFIG_MAP, waiting)) == {"owner", "child"}
    assert [node.meta.uid for node in graph.blocking("owner")] == ["child"]
    assert graph.drop(config_map("child", "owner")) == ["owner"]
    assert graph.blocking("owner") == []


def test_a_dependent_that_is_set_free_is_forgotten_by_its_owner():
    graph = Graph()
    graph.put(CONFIG_MAP, config_map("owner"))
    graph.put(CONFIG_MAP, config_map("child", "owner"))
    graph.put(CONFIG_MAP, config_map("child"))
    assert graph.dependents("owner") == []
    assert graph.drop(config_map("owner")) == []


def test_an_object_is_kept_without_asking_while_all_owners_are_here_and_none_waits_for_it():
    graph = Graph()
    for obj in (config_map("a"), config_map("b"), config_map("child", "a", "b")):
        graph.put(CONFIG_MAP, obj)
    child = graph.get("child")
    assert child is not None and graph.is_kept(child)
    graph.put(CONFIG_MAP, config_map("b", finalizers=("foregroundDeletion",), deleting=True))
    assert not graph.is_kept(child)
    graph.drop(config_map("b"))
    assert not graph.is_kept(child)


def test_an_owner_in_another_namespace_does_not_keep_an_object():
    graph = Graph()
    stranger = config_map("a")
    stranger.metadata.namespace = "elsewhere"
    graph.put(CONFIG_MAP, stranger)
    graph.put(CONFIG_MAP, config_map("child", "a"))
    child = graph.get("child")
    assert child is not None and not graph.is_kept(child)


def test_a_change_that_is_not_of_owners_concerns_nobody_and_the_newest_metadata_is_kept():
    graph = Graph()
    graph.put(CONFIG_MAP, config_map("a"))
    graph.put(CONFIG_MAP, config_map("child", "a"))
    renewed = config_map("child", "a")
    renewed.metadata.resourceVersion = "7"
    assert graph.put(CONFIG_MAP, renewed) == []
    child = graph.get("child")
    assert child is not None and child.meta.resourceVersion == "7"


def test_narrow_types_show_their_owners_or_are_told_apart():
    class Name(Object):
        name: str = ""

    class Narrow(Object):
        metadata: Name = field(default_factory=Name)

    assert not shows_owners(Narrow)
    for type_ in (ConfigMap, objects.Pod, objects.Node, objects.Service, NodeLease):
        assert shows_owners(type_)
