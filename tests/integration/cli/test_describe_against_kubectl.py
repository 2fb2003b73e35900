"""Storage, network, autoscalers and requests for certificates: described byte for byte as the real kubectl does it."""

from __future__ import annotations

import pytest

from tests.integration.cli.conftest import Cli
from tests.integration.cli.described import AUTOSCALER_STATUS, OBJECTS
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
    path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/full/status"
    told = await cli.api.patch(path, {"status": AUTOSCALER_STATUS})
    assert told.status == 200, told.body
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
