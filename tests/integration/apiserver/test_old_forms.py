"""What was allowed when it was stored may stay, and nothing new like it may come."""

from __future__ import annotations

from tests.apienv import api_server

POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"


def policy(*cidrs: str) -> dict[str, object]:
    peers = [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]
    return {"metadata": {"name": "p"}, "spec": {"podSelector": {}, "ingress": [{"from": peers}]}}


async def test_a_cidr_that_two_programs_may_read_differently_stays_only_where_it_is_stored() -> None:
    async with api_server() as api:
        await api.post("/api/v1/namespaces", {"metadata": {"name": "default"}})
        refused = await api.post(POLICIES, policy("10.0.0.5/24"))
        detail = "must not have bits set beyond the prefix length"
        assert refused.status == 422
        assert refused.json()["message"].endswith(
            f'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.5/24": {detail}'
        )
        assert (await api.post(POLICIES, policy("10.0.0.0/24"))).status == 201
        key = "/registry/networkpolicies/default/p"
        found, _ = await api.store.get(key)
        assert found is not None
        await api.store.update(key, found.value.replace(b"10.0.0.0/24", b"10.0.0.5/24"), found.revision)
        labelled = await api.patch(f"{POLICIES}/p", {"metadata": {"labels": {"a": "b"}}})
        assert labelled.status == 200, labelled.body
        assert labelled.json()["spec"]["ingress"][0]["from"][0]["ipBlock"]["cidr"] == "10.0.0.5/24"
        more = await api.patch(f"{POLICIES}/p", {"spec": policy("10.0.0.5/24", "10.0.1.5/24")["spec"]})
        assert more.status == 422
        assert [one["field"] for one in more.json()["details"]["causes"]] == ["spec.ingress[0].from[1].ipBlock.cidr"]
