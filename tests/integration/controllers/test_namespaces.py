"""Namespaces get their account and certificate, and are emptied when they are deleted."""

from __future__ import annotations

import pytest

from tests.integration.controllers.manager import CA, eventually, running

NAMESPACES = "/api/v1/namespaces"


async def test_each_namespace_has_a_service_account_and_the_root_certificate_and_keeps_them():
    async with running("serviceaccount-controller", "root-ca-certificate-publisher-controller") as world:
        await world.create(NAMESPACES, {"metadata": {"name": "team"}})
        account, bundle = f"{NAMESPACES}/team/serviceaccounts/default", f"{NAMESPACES}/team/configmaps/kube-root-ca.crt"

        async def present() -> bool:
            return (await world.get(account)) is not None and (await world.get(bundle))["data"] == {"ca.crt": CA}

        await eventually(present)
        await world.delete(account)
        await world.merge(bundle, {"data": {"ca.crt": "forged", "more": "x"}})
        await eventually(present)
        await world.delete(bundle)
        await eventually(present)


async def test_a_deleted_namespace_is_emptied_and_goes():
    async with running("namespace-controller", "serviceaccount-controller") as world:
        await world.create(NAMESPACES, {"metadata": {"name": "team"}})
        await world.create(f"{NAMESPACES}/team/configmaps", {"metadata": {"name": "c"}})
        await world.create(f"{NAMESPACES}/team/secrets", {"metadata": {"name": "s"}})
        await world.delete(f"{NAMESPACES}/team")

        async def gone() -> bool:
            return await world.get(f"{NAMESPACES}/team") is None

        await eventually(gone)
        assert await world.get(f"{NAMESPACES}/team/configmaps/c") is None
        assert await world.get(f"{NAMESPACES}/default") is not None


async def test_a_namespace_says_what_holds_it_up():
    async with running("namespace-controller") as world:
        await world.create(NAMESPACES, {"metadata": {"name": "team"}})
        held = {"metadata": {"name": "c", "finalizers": ["example.com/hold"]}}
        await world.create(f"{NAMESPACES}/team/configmaps", held)
        await world.delete(f"{NAMESPACES}/team")

        async def told() -> bool:
            found = await world.get(f"{NAMESPACES}/team")
            messages = {c["type"]: c["message"] for c in found["status"]["conditions"] if c["status"] == "True"}
            return found["status"]["phase"] == "Terminating" and messages == {
                "NamespaceContentRemaining": "Some resources are remaining: configmaps. has 1 resource instances",
                "NamespaceFinalizersRemaining": "Some content in the namespace has finalizers remaining: "
                "example.com/hold in 1 resource instances",
            }

        await eventually(told)
        await world.merge(f"{NAMESPACES}/team/configmaps/c", {"metadata": {"finalizers": None}})

        async def gone() -> bool:
            return await world.get(f"{NAMESPACES}/team") is None

        await eventually(gone)


async def test_namespaces_that_are_gone_already_are_no_failure(caplog: pytest.LogCaptureFixture):
    """The last write of the controller comes back to it as a change of a namespace that is no more."""
    async with running("namespace-controller") as world:
        for number in range(8):
            await world.create(NAMESPACES, {"metadata": {"name": f"team-{number}"}})
            await world.delete(f"{NAMESPACES}/team-{number}")

        async def gone() -> bool:
            return not [one for one in await world.items(NAMESPACES) if one["metadata"]["name"].startswith("team-")]

        await eventually(gone)
    assert [record.getMessage() for record in caplog.records if "Reconcile failed" in record.getMessage()] == []
