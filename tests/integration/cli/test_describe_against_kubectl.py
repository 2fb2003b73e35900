"""Storage, network, autoscalers and requests for certificates: described byte for byte as the real kubectl does it."""

from __future__ import annotations

import pytest

from tests.integration.cli.conftest import Cli
from tests.integration.cli.described import ATTRIBUTES, OBJECTS, STATUSES, WHEN
from tests.integration.cli.manifests import EVERYTHING
from tests.integration.cli.test_against_kubectl import KUBECTL, kubectl

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl of that version to compare with")


async def test_describes_as_kubectl_does(cli: Cli) -> None:
    assert (await cli("apply -f -", EVERYTHING)).code == 0
    lines = []
    for one in OBJECTS:
        made = await cli("create -f -", one)
        assert made.code == 0, (one["metadata"]["name"], made.err)
        lines.append(f"describe {made.out.removesuffix(' created' + chr(10))}")
    for path, status in STATUSES.items():
        told = await cli.api.patch(f"{path}/status", {"status": status})
        assert told.status == 200, (path, told.body)
    await cli("certificate approve csr")
    await cli("certificate deny short")
    for path in ("/api/v1/persistentvolumes/pv-csi", "/api/v1/namespaces/default/persistentvolumeclaims/copy"):
        assert (await cli.api.delete(path)).status == 200  # its finalizer keeps it
    event = {"involvedObject": {"kind": "Ingress", "name": "full", "namespace": "default"}, "reason": "Sync"}
    more = {"message": "Scheduled for sync", "type": "Normal", "source": {"component": "nginx"}, "lastTimestamp": WHEN}
    body = {"metadata": {"name": "e"}, "firstTimestamp": WHEN, "count": 1, **event, **more}
    assert (await cli.api.post("/api/v1/namespaces/default/events", body)).status == 201
    different = []
    for line in lines:
        # An age may pass to the next second between the two: the second comparison decides.
        for _ in range(3):
            ours, theirs = await cli(line), await kubectl(cli, line)
            if (ours.code, ours.out, ours.err) == theirs:
                break
        else:
            different.append((line, (ours.code, ours.out, ours.err), theirs))
    assert different == []


async def test_describes_the_parameters_of_a_class_of_attributes(cli: Cli) -> None:
    assert (await cli("create -f -", ATTRIBUTES)).code == 0
    found = (await cli("describe volumeattributesclass gold")).out.splitlines()
    assert [line.split(maxsplit=1) for line in found] == [
        ["Name:", "gold"],
        ["Annotations:", "<none>"],
        ["DriverName:", "csi.example.com"],
        ["Parameters:", "b=c,iops=100"],
        ["Events:", "<none>"],
    ]
