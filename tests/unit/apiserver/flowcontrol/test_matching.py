"""Which FlowSchema and flow a request belongs to, on the default schemas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.apiserver.flowcontrol import defaults, matching
from kubelite.apiserver.request import RequestInfo, UserInfo

SCHEMAS = matching.in_order((*defaults.MANDATORY_SCHEMAS, *defaults.SUGGESTED_SCHEMAS))
MASTER = UserInfo("admin", groups=("system:masters", "system:authenticated"))
NODE = UserInfo("system:node:a", groups=("system:nodes", "system:authenticated"))
MANAGER = UserInfo("system:kube-controller-manager", groups=("system:authenticated",))
ANONYMOUS = UserInfo("system:anonymous", groups=("system:unauthenticated",))


def account(namespace: str, name: str) -> UserInfo:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return UserInfo(f"system:serviceaccount:{namespace}:{name}", groups=groups)


def resource(verb: str, plural: str, *, group: str = "", namespace: str = "", subresource: str = "") -> RequestInfo:
    return RequestInfo("/", verb, True, group, "v1", plural, subresource, namespace)


LEASE = {"group": "coordination.k8s.io"}
CASES = [
    (MASTER, resource("list", "pods"), "exempt"),
    (ANONYMOUS, RequestInfo("/readyz", "get"), "probes"),
    (ANONYMOUS, RequestInfo("/readyz/etcd", "get"), "global-default"),
    (NODE, resource("patch", "nodes", subresource="status"), "system-node-high"),
    (NODE, resource("update", "leases", namespace="kube-node-lease", **LEASE), "system-node-high"),
    (NODE, resource("get", "secrets", namespace="a"), "system-nodes"),
    (MANAGER, resource("update", "leases", namespace="kube-system", **LEASE), "system-leader-election"),
    (MANAGER, resource("create", "endpoints", namespace="a"), "endpoint-controller"),
    (MANAGER, resource("list", "pods"), "kube-controller-manager"),
    (account("kube-system", "x"), resource("get", "configmaps", namespace="a"), "workload-leader-election"),
    (account("kube-system", "x"), resource("get", "pods", namespace="a"), "kube-system-service-accounts"),
    (account("a", "x"), resource("get", "pods", namespace="a"), "service-accounts"),
    (UserInfo("jane", groups=("system:authenticated",)), resource("get", "pods", namespace="a"), "global-default"),
]


@pytest.mark.parametrize(
    ("user", "info", "expected"), CASES, ids=lambda value: getattr(value, "name", None) or str(value)
)
def test_the_default_schemas_sort_requests_as_upstream_does(user: UserInfo, info: RequestInfo, expected: str) -> None:
    found = next(one for one in SCHEMAS if matching.matches(one.spec, user, info))
    assert found.metadata.name == expected


def test_a_flow_is_a_user_or_a_namespace_as_the_schema_says() -> None:
    by_name = {one.metadata.name: one.spec for one in SCHEMAS}
    info = resource("get", "pods", namespace="a")
    assert matching.distinguisher(by_name["global-default"], MANAGER, info) == MANAGER.name
    assert matching.distinguisher(by_name["kube-controller-manager"], MANAGER, info) == "a"
    assert matching.distinguisher(by_name["exempt"], MASTER, info) == ""


@given(st.text(), st.integers(1, 200), st.integers(1, 20))
def test_a_hand_is_distinct_queues_and_always_the_same(flow: str, queues: int, size: int) -> None:
    hand = matching.hand("schema", flow, queues, size)
    assert len(hand) == len(set(hand)) == min(size, queues)
    assert all(0 <= card < queues for card in hand)
    assert hand == matching.hand("schema", flow, queues, size)
