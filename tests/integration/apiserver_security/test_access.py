"""Who may do what, and what the server says about it."""

from __future__ import annotations

import pytest

from kubelite.storage.memory import MemoryStore
from tests.apienv import ApiEnv, api_server
from tests.integration.apiserver_security.conftest import BOB

RBAC = "/apis/rbac.authorization.k8s.io/v1"


async def test_a_user_without_roles_is_refused_in_upstreams_words(api: ApiEnv) -> None:
    reply = await api.get("/api/v1/namespaces/default/pods", token=BOB)
    assert reply.status == 403
    assert reply.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"',
        "reason": "Forbidden",
        "details": {"kind": "pods"},
        "code": 403,
    }


async def test_a_binding_gives_rights_in_its_namespace(api: ApiEnv) -> None:
    binding = {
        "metadata": {"name": "bob-views"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "bob"}],
    }
    made = await api.post(f"{RBAC}/namespaces/default/rolebindings", binding)
    assert made.status == 201, made.body
    assert (await api.get("/api/v1/namespaces/default/pods", token=BOB)).status == 200
    assert (await api.get("/api/v1/namespaces/kube-system/pods", token=BOB)).status == 403
    assert (await api.get("/api/v1/namespaces/default/secrets", token=BOB)).status == 403


async def test_an_apply_that_creates_needs_the_right_to_create(api: ApiEnv) -> None:
    role = {
        "metadata": {"name": "patches"},
        "rules": [{"verbs": ["get", "patch"], "apiGroups": [""], "resources": ["configmaps"]}],
    }
    await api.post(f"{RBAC}/clusterroles", role)
    binding = {
        "metadata": {"name": "patches"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "patches"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "bob"}],
    }
    assert (await api.post(f"{RBAC}/clusterrolebindings", binding)).status == 201
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "1"}}
    path, query = "/api/v1/namespaces/default/configmaps/m", {"fieldManager": "bob"}
    refused = await api.patch(path, body, "apply", query=query, token=BOB)
    assert refused.status == 403
    assert 'User "bob" cannot create resource "configmaps"' in refused.json()["message"]
    assert (await api.patch(path, body, "apply", query=query)).status == 201
    assert (await api.patch(path, body, "apply", query=query, token=BOB)).status == 200


async def test_nobody_gives_what_they_do_not_have(api: ApiEnv) -> None:
    group = "rbac.authorization.k8s.io"
    role = {"metadata": {"name": "roles"}, "rules": [{"verbs": ["*"], "apiGroups": [group], "resources": ["roles"]}]}
    role["rules"][0]["verbs"] = ["create", "get"]  # type: ignore[index]
    await api.post(f"{RBAC}/clusterroles", role)
    binding = {
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "roles"},
        "subjects": [{"kind": "User", "apiGroup": group, "name": "bob"}],
    }
    assert (await api.post(f"{RBAC}/clusterrolebindings", binding)).status == 201
    more = {"metadata": {"name": "more"}, "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]}
    reply = await api.post(f"{RBAC}/namespaces/default/roles", more, token=BOB)
    assert reply.status == 403
    assert "is attempting to grant RBAC permissions not currently held" in reply.json()["message"]


@pytest.mark.parametrize(
    ("path", "anonymous"),
    [("/healthz", 200), ("/livez", 200), ("/readyz", 200), ("/version", 200), ("/api", 403), ("/metrics", 403)],
)
async def test_strangers_see_health_and_version_only(api: ApiEnv, path: str, anonymous: int) -> None:
    assert (await api.get(path, token="")).status == anonymous
    assert (await api.get(path)).status == 200


async def test_a_bad_token_is_401(api: ApiEnv) -> None:
    reply = await api.get("/version", token="nobody")
    assert (reply.status, reply.json()["message"], reply.json()["reason"]) == (401, "Unauthorized", "Unauthorized")


async def test_health_can_be_asked_check_by_check(api: ApiEnv) -> None:
    verbose = (await api.get("/readyz?verbose&exclude=etcd")).body.decode()
    assert verbose.startswith("[+]ping ok\n[+]log ok\n[+]etcd excluded: ok\n")
    assert verbose.endswith("readyz check passed\n")
    assert (await api.get("/livez/ping")).body == b"ok"
    assert (await api.get("/livez/nonsense")).status == 404


async def test_reviews_answer_for_others_and_for_oneself(api: ApiEnv) -> None:
    group = "/apis/authorization.k8s.io/v1"
    spec = {"user": "bob", "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}
    other = await api.post(f"{group}/subjectaccessreviews", {"spec": spec})
    assert (other.status, other.json()["status"]) == (201, {"allowed": False})
    mine = await api.post(
        f"{group}/selfsubjectaccessreviews",
        {"spec": {"nonResourceAttributes": {"verb": "get", "path": "/api"}}},
        token=BOB,
    )
    assert mine.json()["status"]["allowed"] is True
    wrong = await api.post(f"{group}/subjectaccessreviews", {"spec": {}})
    assert wrong.status == 422
    who = await api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, token=BOB)
    assert who.json()["status"]["userInfo"] == {
        "username": "bob",
        "uid": "2",
        "groups": ["devs", "system:authenticated"],
    }


async def test_a_second_server_on_the_same_store_adds_nothing_and_removes_nothing() -> None:
    store = MemoryStore()
    async with api_server(store=store) as first:
        await first.patch(
            f"{RBAC}/clusterroles/view",
            [{"op": "add", "path": "/rules/-", "value": {"verbs": ["get"], "apiGroups": ["x"], "resources": ["y"]}}],
            kind="json",
        )
        before = (await first.get(f"{RBAC}/clusterroles")).json()
        async with api_server(store=store) as second:
            after = (await second.get(f"{RBAC}/clusterroles")).json()
    assert before["items"] == after["items"]
    assert len(before["items"]) > 40


async def test_the_cluster_begins_with_its_namespaces_classes_and_service(api: ApiEnv) -> None:
    names = {item["metadata"]["name"] for item in (await api.get("/api/v1/namespaces")).json()["items"]}
    assert names == {"default", "kube-system", "kube-public", "kube-node-lease"}
    service = (await api.get("/api/v1/namespaces/default/services/kubernetes")).json()
    assert service["spec"]["clusterIP"] == "10.96.0.1"
    classes = (await api.get("/apis/scheduling.k8s.io/v1/priorityclasses")).json()["items"]
    assert {item["metadata"]["name"] for item in classes} == {"system-cluster-critical", "system-node-critical"}
