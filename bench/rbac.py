"""How long an authorization decision takes: `python -m bench.rbac`.

What: 1 000 ClusterRoles with 5 rules each, a binding for each, 200 users with 5 roles each through groups; prints the
time of a decision for a known user, for a user whose table must be compiled first, and for a refusal. Why: every
request passes here; the goal is 20 µs. Flow: `RoleIndex` filled directly → `Chain.authorize` in a loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.api.types.rbac_v1 import ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject
from kubelite.apiserver.authz.chain import Chain, RbacMode
from kubelite.apiserver.authz.graph import PodGraph
from kubelite.apiserver.authz.node import NodeMode
from kubelite.apiserver.authz.roles import RoleIndex
from kubelite.apiserver.request import Attributes, UserInfo

ROLES, USERS = 1000, 200
GOAL = 20.0
"""Microseconds."""


def index() -> RoleIndex:
    """The roles and bindings."""
    found = RoleIndex()
    for number in range(ROLES):
        rules = [
            PolicyRule(verbs=["get", "list", "watch"], apiGroups=["apps"], resources=[f"kind{number}x{rule}"])
            for rule in range(5)
        ]
        found.set_role("", f"role-{number}", ClusterRole(metadata=ObjectMeta(name=f"role-{number}"), rules=rules))
        subject = Subject(kind="Group", name=f"group-{number % USERS}")
        binding = ClusterRoleBinding(subjects=[subject], roleRef=RoleRef(kind="ClusterRole", name=f"role-{number}"))
        found.set_binding("", f"binding-{number}", binding)
    return found


def user(number: int) -> UserInfo:
    return UserInfo(f"user-{number}", "", (f"group-{number % USERS}", "system:authenticated"))


def microseconds(times: int, once: Callable[[int], object]) -> float:
    start = time.perf_counter()
    for number in range(times):
        once(number)
    return (time.perf_counter() - start) / times * 1e6


def main() -> None:
    roles = index()
    chain = Chain([NodeMode(PodGraph(), []), RbacMode(roles)], roles)
    people = [user(number) for number in range(USERS)]
    wanted = [Attributes("list", "default", "apps", "v1", f"kind{number}x4") for number in range(USERS)]
    other = Attributes("delete", "default", "", "v1", "secrets", "", "x")
    for person, attributes in zip(people, wanted, strict=True):
        assert chain.authorize(person, attributes) == (True, "")

    def changed(number: int) -> None:
        roles.set_role("", "role-0", ClusterRole(rules=[]))
        chain.authorize(people[number % USERS], wanted[number % USERS])

    rows = (
        ("allowed", microseconds(200_000, lambda n: chain.authorize(people[n % USERS], wanted[n % USERS]))),
        ("refused", microseconds(50_000, lambda n: chain.authorize(people[n % USERS], other))),
        ("after a change", microseconds(5_000, changed)),
    )
    print(f"RBAC decision with {ROLES} roles, {ROLES} bindings, {USERS} users (goal: {GOAL:g} µs)")
    for name, took in rows:
        print(f"{name:<16} {took:>8.2f} µs")


if __name__ == "__main__":
    main()
