"""What a cluster begins with, and how it joins what is there already."""

from __future__ import annotations

from kubelite import api
from kubelite.api.logic.rbac import uncovered
from kubelite.api.types.core_v1 import Endpoints
from kubelite.api.types.rbac_v1 import PolicyRule
from kubelite.apiserver.bootstrap import component_policy, controller_policy, objects, user_policy
from kubelite.apiserver.bootstrap.masters import Masters
from kubelite.apiserver.bootstrap.merge import merge_binding, merge_role
from kubelite.apiserver.bootstrap.rules import AUTOUPDATE, binding, role, rule
from kubelite.apiserver.watchcache.entry import decode
from kubelite.machinery import codec
from kubelite.storage.memory import MemoryStore


def test_every_binding_leads_to_a_default_role() -> None:
    roles = {
        one.metadata.name
        for one in [*user_policy.roles(), *component_policy.cluster_roles(), *controller_policy.cluster_roles()]
    }
    bindings = [*component_policy.cluster_bindings(), *controller_policy.cluster_bindings()]
    assert {one.roleRef.name for one in bindings if one.roleRef is not None} <= roles
    local = {(one.metadata.namespace, one.metadata.name) for one in component_policy.local_roles()}
    assert {(b.metadata.namespace, b.roleRef.name) for b in component_policy.local_bindings() if b.roleRef} <= local


def test_no_name_is_given_twice() -> None:
    names = [
        one.metadata.name
        for one in [*user_policy.roles(), *component_policy.cluster_roles(), *controller_policy.cluster_roles()]
    ]
    assert len(names) == len(set(names))


def test_admin_includes_edit_and_edit_includes_view() -> None:
    by_name = {one.metadata.name: one.rules for one in user_policy.roles()}
    assert uncovered(by_name["admin"], by_name["edit"]) == []
    assert uncovered(by_name["edit"], by_name["view"]) == []
    assert uncovered(by_name["view"], [rule("get", "secrets")]) == [rule("get", "secrets")]


def test_missing_rules_are_added_and_others_stay() -> None:
    wanted = role("r", rule("get list", "pods"), rule("get", "nodes"))
    found = role("r", rule("get", "pods"), rule("delete", "secrets"))
    assert merge_role(wanted, found)
    assert uncovered(found.rules, wanted.rules) == []
    assert uncovered(found.rules, [rule("delete", "secrets")]) == []
    again = codec.clone(found)
    assert not merge_role(wanted, again)
    assert again == found


def test_a_protected_role_is_left_alone() -> None:
    found = role("r")
    found.metadata.annotations[AUTOUPDATE] = "false"
    assert not merge_role(role("r", PolicyRule(verbs=["get"])), found)
    assert found.rules == []


def test_missing_subjects_are_added_and_others_stay() -> None:
    wanted, found = binding("b", "r", "User/a", "User/b"), binding("b", "r", "User/b", "User/c")
    assert merge_binding(wanted, found)
    assert [one.name for one in found.subjects] == ["b", "c", "a"]


def test_the_servers_address_is_the_first_of_the_range() -> None:
    assert objects.service_address("10.96.0.0/16") == "10.96.0.1"


async def test_servers_come_into_the_endpoints_and_leave_them() -> None:
    store = MemoryStore()
    kinds = {kind.kind: kind for kind in api.KINDS}
    first, second = (Masters(store, one, 6443, kinds["Endpoints"], None) for one in ("10.0.0.1", "10.0.0.2"))

    async def addresses() -> list[str]:
        found, _ = await store.get("/registry/services/endpoints/default/kubernetes")
        assert found is not None
        endpoints = decode(found.value, Endpoints)
        return [one.ip for subset in endpoints.subsets for one in subset.addresses]

    await first.announce()
    assert await addresses() == ["10.0.0.1"]
    await second.announce()
    assert await addresses() == ["10.0.0.1", "10.0.0.2"]
    await first.withdraw()
    assert await addresses() == ["10.0.0.2"]
