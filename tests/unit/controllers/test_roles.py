"""Every controller has a role of its own among the default ones, which the tests of the controllers give it and nothing else."""

from __future__ import annotations

from kubelite.apiserver.bootstrap import component_policy, controller_policy
from kubelite.controllers.registry import CONTROLLERS
from tests.integration.controllers.roles import cluster_roles, namespaced_roles


def test_every_controller_has_a_default_role() -> None:
    whole = {one.metadata.name for one in [*component_policy.cluster_roles(), *controller_policy.cluster_roles(True)]}
    local = {(one.metadata.namespace, one.metadata.name) for one in component_policy.local_roles()}
    for name in CONTROLLERS:
        found, near = cluster_roles(name), namespaced_roles(name)
        assert found or near, name
        assert set(found) <= whole
        assert set(near) <= local
