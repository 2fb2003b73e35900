"""A chart of an operator, rendered: real kubectl applies it, finds nothing to change in it, and deletes it."""

from __future__ import annotations

import base64
import json
import pathlib
from collections.abc import AsyncIterator

import pytest

from tests.integration.clients.conftest import CONTROLLERS
from tests.integration.clients.kubectl import VERSIONS, Kubectl, kubectl_of
from tests.integration.controllers.manager import CA, World, eventually, running

CHARTS = pathlib.Path(__file__).with_name("charts")
MORE = ("clusterrole-aggregation-controller",)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """With the controllers that a chart concerns."""
    async with running(*CONTROLLERS, *MORE, tls=True, kubelet=False, server={"shutdown_seconds": 0.1}) as world:
        yield world


def _kubectl(version: str, world: World) -> Kubectl:
    chart = (CHARTS / "certificates.yaml").read_text().replace("CA_BUNDLE", base64.b64encode(CA.encode()).decode())
    (world.api.directory / "chart.yaml").write_text(chart)
    (world.api.directory / "objects.yaml").write_text((CHARTS / "objects.yaml").read_text())
    return kubectl_of(version, world)


@pytest.mark.parametrize(("version", "how"), [(VERSIONS[0], " --server-side"), (VERSIONS[-1], "")])
async def test_a_chart_is_applied_twice_and_deleted(world: World, version: str, how: str) -> None:
    kubectl = _kubectl(version, world)
    first = (await kubectl(f"apply -f chart.yaml{how}")).splitlines()
    assert len(first) == 23
    assert {line.split()[-1] for line in first} == {"serverside-applied" if how else "created"}
    await kubectl("wait --for=condition=Established crd -l app=certs --timeout=10s")
    await kubectl(f"apply -f objects.yaml{how}")
    before = await _versions(kubectl)
    second = (await kubectl(f"apply -f chart.yaml -f objects.yaml{how}")).splitlines()
    same = "serverside-applied" if how else "unchanged"
    # kubectl sends the selector of a budget again and again, whose patch strategy is to replace it.
    always = [] if how else ["poddisruptionbudget.policy/certs configured"]
    assert [line for line in second if not line.endswith(same)] == always
    assert await _versions(kubectl) == before  # nothing was written
    assert (await kubectl.run(f"diff -f chart.yaml -f objects.yaml{how}")).out == ""

    async def aggregated() -> bool:
        return json.loads(await kubectl("get clusterrole security -o json"))["rules"] is not None

    await eventually(aggregated)
    assert await kubectl("auth can-i list secrets -A --as=system:serviceaccount:certs:certs") == "yes\n"
    row = (await kubectl("get cert -A --no-headers")).split()
    assert row[:3] == ["certs", "web", "web-tls"]
    old = await kubectl.run("get certificates.v1beta1.certs.example.com web -n certs -o jsonpath={.apiVersion}")
    assert old.out == "certs.example.com/v1beta1"
    assert old.err == "Warning: certs.example.com/v1beta1 Certificate is deprecated; use v1\n"
    await kubectl("delete -f objects.yaml")
    # The namespace, which goes first, takes some of the rest along.
    await kubectl("delete -f chart.yaml --ignore-not-found --timeout=60s")
    assert await kubectl("get clusterroles,crds,validatingwebhookconfigurations -l app=certs -o name") == ""
    assert "NotFound" in await kubectl.refused("get namespace certs")


async def _versions(kubectl: Kubectl) -> str:
    """The resourceVersion of everything in the chart that no controller writes to."""
    kinds = "crd,clusterrole,clusterrolebinding,role,rolebinding,cm,secret,svc,pdb,netpol,hpa,ing,job,cronjob,pc,sa"
    hooks = "validatingwebhookconfigurations,mutatingwebhookconfigurations,certificates.certs.example.com"
    path = 'jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.resourceVersion}{"\\n"}{end}'
    return await kubectl(f"get {kinds},{hooks} -n certs -o '{path}'")
