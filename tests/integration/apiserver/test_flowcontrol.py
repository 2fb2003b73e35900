"""Priority and fairness through real sockets: defaults, headers, queues, 429, the simple limit."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.apienv import ADMIN_TOKEN, ApiEnv, api_server

GROUP = "/apis/flowcontrol.apiserver.k8s.io/v1"
SCHEMAS, LEVELS = f"{GROUP}/flowschemas", f"{GROUP}/prioritylevelconfigurations"
JANE = "token-of-jane"


@pytest.fixture
def tokens(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "tokens.csv"
    path.write_text(f'{ADMIN_TOKEN},admin,u1,"system:masters"\n{JANE},jane,u2,"testers"\n')
    return str(path)


async def eventually(check: Callable[[], Any], what: str) -> Any:
    for _ in range(200):
        found = await check()
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"never: {what}")


async def names(api: ApiEnv, path: str) -> set[str]:
    return {one["metadata"]["name"] for one in (await api.get(path)).json()["items"]}


async def test_default_objects_exist_and_mandatory_ones_come_back(tokens: str) -> None:
    async with api_server(token_auth_file=tokens) as api:

        async def all_there() -> bool:
            return {"exempt", "probes", "catch-all", "global-default"} <= await names(api, SCHEMAS)

        await eventually(all_there, "the default FlowSchemas exist")
        assert await names(api, LEVELS) >= {"exempt", "catch-all", "system", "node-high", "workload-low"}
        found = (await api.get(f"{LEVELS}/workload-low")).json()
        assert found["metadata"]["annotations"]["apf.kubernetes.io/autoupdate-spec"] == "true"
        assert (await api.delete(f"{SCHEMAS}/catch-all")).status == 200

        async def back() -> bool:
            return (await api.get(f"{SCHEMAS}/catch-all")).status == 200

        await eventually(back, "the mandatory schema is made again")
        patch = {"spec": {"limited": {"nominalConcurrencyShares": 7}}}
        await api.patch(f"{LEVELS}/catch-all", patch)

        async def restored() -> bool:
            shares = (await api.get(f"{LEVELS}/catch-all")).json()["spec"]["limited"]["nominalConcurrencyShares"]
            return bool(shares == 5)

        await eventually(restored, "the mandatory level is put right")
        mine = {"metadata": {"annotations": {"apf.kubernetes.io/autoupdate-spec": "false"}}, **patch}
        await api.patch(f"{LEVELS}/workload-low", mine)
        await api.delete(f"{SCHEMAS}/catch-all")
        await eventually(back, "another round is over")
        assert (await api.get(f"{LEVELS}/workload-low")).json()["spec"]["limited"]["nominalConcurrencyShares"] == 7


async def test_a_schema_says_whether_its_level_exists(tokens: str) -> None:
    async with api_server(token_auth_file=tokens) as api:
        schema = {
            "metadata": {"name": "lost"},
            "spec": {"matchingPrecedence": 50, "priorityLevelConfiguration": {"name": "nowhere"}},
        }
        assert (await api.post(SCHEMAS, schema)).status == 201

        async def told() -> Any:
            conditions = (await api.get(f"{SCHEMAS}/lost")).json().get("status", {}).get("conditions", [])
            return next((one for one in conditions if one["type"] == "Dangling" and one["status"] == "True"), None)

        condition = await eventually(told, "the schema dangles")
        assert condition["reason"] == "NotFound"
        assert condition["message"].endswith('named "nowhere" but there is no such object')


def limited(name: str, response: dict[str, Any]) -> dict[str, Any]:
    spec = {
        "type": "Limited",
        "limited": {"nominalConcurrencyShares": 1, "limitResponse": response, "borrowingLimitPercent": 0},
    }
    return {"metadata": {"name": name}, "spec": spec}


def for_jane(level: str) -> dict[str, Any]:
    rule = {
        "subjects": [{"kind": "User", "user": {"name": "jane"}}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "resourceRules": [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
        ],
    }
    return {
        "metadata": {"name": "jane"},
        "spec": {
            "matchingPrecedence": 10,
            "priorityLevelConfiguration": {"name": level},
            "distinguisherMethod": {"type": "ByUser"},
            "rules": [rule],
        },
    }


async def classified(api: ApiEnv, uid: str) -> None:
    """Waits until requests of jane are told apart."""

    async def seen() -> bool:
        reply = await api.get("/version", token=JANE)
        return reply.headers.get("x-kubernetes-pf-flowschema-uid") == uid

    await eventually(seen, "the schema is in effect")


async def test_answers_name_the_schema_and_the_level(tokens: str) -> None:
    async with api_server(token_auth_file=tokens) as api:
        level = (await api.post(LEVELS, limited("narrow", {"type": "Reject"}))).json()["metadata"]["uid"]
        schema = (await api.post(SCHEMAS, for_jane("narrow"))).json()["metadata"]["uid"]
        await classified(api, schema)
        reply = await api.get("/version", token=JANE)
        assert reply.headers["x-kubernetes-pf-prioritylevel-uid"] == level
        admin = await api.get("/version")
        exempt = (await api.get(f"{SCHEMAS}/exempt")).json()["metadata"]["uid"]
        assert admin.headers["x-kubernetes-pf-flowschema-uid"] == exempt


async def test_a_level_that_is_full_rejects_or_queues_and_others_go_on(tokens: str) -> None:
    """Requests that hang hold the level's only seat: a token review that asks a slow store stands for them."""
    async with api_server(token_auth_file=tokens, max_requests_inflight=2, max_mutating_requests_inflight=1) as api:
        await api.post(LEVELS, limited("narrow", {"type": "Reject"}))
        schema = (await api.post(SCHEMAS, for_jane("narrow"))).json()["metadata"]["uid"]
        await classified(api, schema)
        gate = asyncio.Event()
        slow = api.server.registry.store.create

        async def held(*args: Any, **more: Any) -> int:
            await gate.wait()
            return await slow(*args, **more)

        api.server.registry.store.create = held
        binding = {
            "metadata": {"name": "jane"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}],
        }
        api.server.registry.store.create = slow
        assert (await api.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)).status == 201
        api.server.registry.store.create = held
        first = asyncio.create_task(api.post("/api/v1/namespaces", {"metadata": {"name": "a"}}, token=JANE))

        async def full() -> bool:
            return (
                "narrow,0,false"
                in (await api.get("/debug/api_priority_and_fairness/dump_priority_levels")).body.decode()
            )

        await eventually(full, "the only seat is taken")
        refused = await api.get("/api/v1/namespaces", token=JANE)
        assert (refused.status, refused.body) == (429, b"Too many requests, please try again later.\n")
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["x-kubernetes-pf-flowschema-uid"] == schema
        assert (await api.get("/api/v1/namespaces")).status == 200
        queue = {"type": "Queue", "queuing": {"queues": 4, "handSize": 1, "queueLengthLimit": 5}}
        assert (await api.patch(f"{LEVELS}/narrow", {"spec": {"limited": {"limitResponse": queue}}})).status == 200

        async def queues() -> bool:
            return "narrow,3," in (await api.get("/debug/api_priority_and_fairness/dump_queues")).body.decode()

        await eventually(queues, "the level queues")
        second = asyncio.create_task(api.get("/api/v1/namespaces", token=JANE))

        async def waits() -> bool:
            table = (await api.get("/debug/api_priority_and_fairness/dump_requests")).body.decode()
            return "narrow,jane," in table and "/api/v1/namespaces" in table

        await eventually(waits, "the second request waits")
        gate.set()
        assert (await first).status == 201
        assert (await second).status == 200
        metrics = (await api.get("/metrics")).body.decode()
        labels = 'priority_level="narrow",flow_schema="jane",reason="concurrency-limit"'
        assert f"apiserver_flowcontrol_rejected_requests_total{{{labels}}} " in metrics


async def test_without_fairness_requests_in_flight_are_counted(tokens: str) -> None:
    settings = {"enable_priority_and_fairness": False, "max_mutating_requests_inflight": 1, "token_auth_file": tokens}
    async with api_server(**settings) as api:
        gate, slow = asyncio.Event(), api.server.registry.store.create

        async def held(*args: Any, **more: Any) -> int:
            await gate.wait()
            return await slow(*args, **more)

        api.server.registry.store.create = held
        first = asyncio.create_task(api.post("/api/v1/namespaces", {"metadata": {"name": "a"}}))

        async def busy() -> bool:
            return 'request_kind="mutating"} 1' in (await api.get("/metrics")).body.decode()

        await eventually(busy, "the first request is under way")
        refused = await api.post("/api/v1/namespaces", {"metadata": {"name": "b"}}, token=JANE)
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        assert "x-kubernetes-pf-flowschema-uid" not in refused.headers
        gate.set()
        assert (await first).status == 201
        assert (await api.get(f"{SCHEMAS}")).json()["items"] == []
