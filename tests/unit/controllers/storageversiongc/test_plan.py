"""What is left of storage versions when servers are gone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.apiserverinternal.storage_version import validate_status
from kubelite.api.logic.storageversions import report
from kubelite.api.types.apiserverinternal_v1alpha1 import ServerStorageVersion, StorageVersion
from kubelite.api.types.coordination_v1 import Lease
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.controllers.storageversiongc.plan import COMPONENT, LABEL, Step, is_server, plan, servers_of
from kubelite.machinery.codec import clone

BEFORE, NOW, LATER = "2030-01-01T00:00:00Z", "2030-01-02T00:00:00Z", "2030-01-03T00:00:00Z"


def entry(server: str, version: str = "v1") -> ServerStorageVersion:
    return ServerStorageVersion(apiServerID=server, encodingVersion=version, decodableVersions=["v1", "v2"])


def made(**versions: str) -> StorageVersion:
    """An object with an entry of each server, as the servers write it."""
    one = StorageVersion(metadata=ObjectMeta(name="core.pods"))
    for server, version in versions.items():
        report(one, entry(server, version), BEFORE)
    return one


def state(one: StorageVersion) -> tuple[str, str, str]:
    """The common version, and what the condition says since when."""
    (condition,) = one.status.conditions
    return one.status.commonEncodingVersion, condition.status, condition.lastTransitionTime or ""


@pytest.mark.parametrize(
    ("versions", "living", "wanted"),
    [
        ({}, {"a"}, Step.KEEP),
        ({"a": "v1"}, {"a"}, Step.KEEP),
        ({"a": "v1", "b": "v2"}, {"a", "b", "c"}, Step.KEEP),
        ({"a": "v1"}, set(), Step.DELETE),
        ({"a": "v1", "b": "v2"}, {"c"}, Step.DELETE),
    ],
)
def test_an_object_goes_when_none_of_its_servers_lives(
    versions: dict[str, str], living: set[str], wanted: Step
) -> None:
    assert plan(made(**versions), living, NOW) is wanted


@pytest.mark.parametrize(
    ("versions", "living", "wanted"),
    [
        ({"a": "v1", "b": "v1"}, {"a"}, ("v1", "True", BEFORE)),
        ({"a": "v1", "b": "v2"}, {"b"}, ("v2", "True", NOW)),
        ({"a": "v1", "b": "v2", "c": "v1"}, {"a", "b"}, ("", "False", BEFORE)),
        ({"a": "v1", "b": "v2", "c": "v1"}, {"a", "c"}, ("v1", "True", NOW)),
    ],
)
def test_what_the_others_have_in_common_is_said(
    versions: dict[str, str], living: set[str], wanted: tuple[str, str, str]
) -> None:
    one = made(**versions)
    before = clone(one)
    # The first report makes the condition true; a server that differs makes it false at the same moment.
    left = plan(one, living, NOW)
    assert isinstance(left, StorageVersion)
    assert servers_of(left) == living
    assert state(left) == wanted
    assert one == before


def test_a_change_of_the_common_version_counts_as_a_transition() -> None:
    one = made(a="v1")
    report(one, entry("a", "v2"), NOW)
    assert state(one) == ("v2", "True", NOW)
    report(one, entry("a", "v2"), LATER)
    assert state(one) == ("v2", "True", NOW)
    assert len(one.status.storageVersions) == 1


SERVERS = st.sampled_from(["a", "b", "c", "d"])


@given(st.dictionaries(SERVERS, st.sampled_from(["v1", "v2"])), st.sets(SERVERS), st.randoms(use_true_random=False))
def test_carried_out_it_leaves_nothing_to_do_and_the_order_does_not_matter(
    versions: dict[str, str], living: set[str], chance: random.Random
) -> None:
    one = made(**versions)
    found = plan(one, living, NOW)
    assert (found is Step.DELETE) == (bool(versions) and not versions.keys() & living)
    names = list(versions)
    chance.shuffle(names)
    other = plan(made(**{name: versions[name] for name in names}), living, NOW)
    if isinstance(found, Step):
        assert other is found
        return
    assert validate_status(found, one) == []
    assert servers_of(found) == versions.keys() & living
    assert plan(found, living, LATER) is Step.KEEP
    assert isinstance(other, StorageVersion)
    assert (servers_of(other), state(other)[:2]) == (servers_of(found), state(found)[:2])


def test_only_an_api_servers_lease_counts() -> None:
    lease = Lease(metadata=ObjectMeta(name="a"))
    assert not is_server(None) and not is_server(lease)
    lease.metadata.labels = {LABEL: "somebody-else"}
    assert not is_server(lease)
    lease.metadata.labels = {LABEL: COMPONENT}
    assert is_server(lease)
