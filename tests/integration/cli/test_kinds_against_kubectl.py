"""Workloads, limits and network kinds, present and old: written and listed byte for byte as the real kubectl does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubelite.api import KINDS
from tests.integration.apiserver.workload_samples import WORKLOADS
from tests.integration.cli.conftest import Cli
from tests.integration.cli.test_against_kubectl import KUBECTL, kubectl

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl of that version to compare with")

LINES = (
    "get sts,ds,job,cj -o wide",
    "get statefulset sample",
    "get hpa,pdb -o wide",
    "get hpa.v1.autoscaling",
    "get limits,quota",
    "get ing,netpol -o wide",
    "get ingressclass,servicecidr,ip",
    "get ingress",
    "get deployments.v1beta1.extensions",
    "get cronjobs.v1beta1.batch -o wide",
    "get job sample -o jsonpath={.spec.backoffLimit}",
    "scale sts/sample --replicas=3",
    "get sts",
    "describe sts sample",
    "describe ds sample",
    "describe job sample",
    "describe cj sample",
    "describe quota sample",
    "describe limits sample",
    "describe ns default",
    "describe pdb sample",
    "describe ip 192.168.7.7",
    "describe servicecidr sample",
    "describe ingressclass sample",
)


def manifest(sample: Any) -> dict[str, Any]:
    """A sample with the version and kind that its path says."""
    for kind in KINDS:
        if kind.verbs and kind.path("test" if kind.namespaced else "") == sample.path:
            document: dict[str, Any] = sample.document()
            metadata = {**document["metadata"], **({"namespace": "default"} if kind.namespaced else {})}
            return {**document, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
    raise AssertionError(sample.path)


async def test_prints_what_kubectl_prints_about_the_new_kinds(cli: Cli) -> None:
    for name, sample in WORKLOADS.items():
        if "-v" not in name and not name.startswith("ingresses-") and not name.startswith("daemonsets-"):
            made = await cli("create -f -", manifest(sample))
            assert made.code == 0, (name, made.err)
    ended = {"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:01:30Z", "succeeded": 1, "ready": 0}
    conditions = [{"type": type_, "status": "True"} for type_ in ("SuccessCriteriaMet", "Complete")]
    done = {"status": {**ended, "conditions": conditions}}
    reply = await cli.api.patch("/apis/batch/v1/namespaces/default/jobs/sample/status", done)
    assert reply.status == 200, reply.body
    different = []
    for line in LINES:
        # An age may pass to the next second between the two: the second comparison decides.
        for _ in range(3):
            ours, theirs = await cli(line), await kubectl(cli, line)
            if (ours.code, ours.out, ours.err) == theirs:
                break
        else:
            different.append((line, (ours.code, ours.out, ours.err), theirs))
    assert different == []


@pytest.mark.parametrize(
    "name", [name for name in WORKLOADS if "v1beta1" in name or "v2beta1" in name or "-ext" in name]
)
async def test_the_real_kubectl_applies_an_old_manifest_twice(cli: Cli, name: str) -> None:
    path = cli.api.directory / "old.yaml"
    document = manifest(WORKLOADS[name])
    path.write_text(json.dumps(document))
    code, out, err = await kubectl(cli, f"apply -f {path}")
    assert code == 0 and out.endswith("/sample created\n"), err
    assert "is deprecated in v1." in err
    document["metadata"]["labels"] = {"second": "time"}
    path.write_text(json.dumps(document))
    code, out, err = await kubectl(cli, f"apply -f {path}")
    assert code == 0 and out.endswith("/sample configured\n"), err
