"""Who writes policies must be allowed to read their parameters."""

from __future__ import annotations

from typing import Any

from tests.apienv import ADMIN_TOKEN, ApiEnv, api_server
from tests.integration.admission.policies import VALIDATING, binding, validating

BINDINGS = VALIDATING.replace("policies", "policybindings")
RBAC = "/apis/rbac.authorization.k8s.io/v1"


async def _allow(api: ApiEnv, user: str, *rules: dict[str, Any]) -> None:
    group = "rbac.authorization.k8s.io"
    own = {"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["*"]}
    role = {"kind": "ClusterRole", "apiVersion": f"{group}/v1", "metadata": {"name": user}, "rules": [own, *rules]}
    assert (await api.post(f"{RBAC}/clusterroles", role)).status == 201
    bound = {
        "kind": "ClusterRoleBinding",
        "apiVersion": f"{group}/v1",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": user},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    assert (await api.post(f"{RBAC}/clusterrolebindings", bound)).status == 201
    await api.registry.cache.fresh()


async def _as(api: ApiEnv, user: str, path: str, body: Any) -> Any:
    reply = await api.post(path, body, headers={"impersonate-user": user}, token=ADMIN_TOKEN)
    return reply.status, reply.json()


async def test_a_policy_needs_get_on_its_param_kind_and_a_binding_on_what_it_refers_to() -> None:
    async with api_server(authorization_mode="RBAC") as api:
        secrets = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
        await _allow(api, "alice")
        await _allow(api, "bob", secrets)
        policy = validating("params == null", paramKind={"apiVersion": "v1", "kind": "Secret"})
        status, said = await _as(api, "alice", VALIDATING, policy)
        assert status == 422
        (cause,) = said["details"]["causes"]
        assert (cause["reason"], cause["field"]) == ("FieldValueForbidden", "spec.paramKind")
        assert (
            'must have "get" permission on all objects of the referenced paramKind (kind=Secret, ' in cause["message"]
        )
        assert (await _as(api, "bob", VALIDATING, policy))[0] == 201
        await api.registry.cache.fresh()
        named = {"name": "s", "namespace": "default", "parameterNotFoundAction": "Deny"}
        status, said = await _as(api, "alice", BINDINGS, binding(policy, paramRef=named))
        assert status == 422 and said["details"]["causes"][0]["field"] == "spec.paramRef"
        assert (await _as(api, "bob", BINDINGS, binding(policy, paramRef=named)))[0] == 201
        listed = {"selector": {}, "parameterNotFoundAction": "Deny"}
        status, said = await _as(api, "bob", BINDINGS, binding(policy, name="all", paramRef=listed))
        assert status == 422 and 'does not have "list" permission' in said["message"]


async def test_a_policy_without_parameters_needs_nothing_more() -> None:
    async with api_server(authorization_mode="RBAC") as api:
        await _allow(api, "alice")
        assert (await _as(api, "alice", VALIDATING, validating("true")))[0] == 201
