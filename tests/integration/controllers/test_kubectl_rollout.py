"""The real kubectl's rollout commands work on what the controllers make."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from tests.integration.cli.conftest import Cli
from tests.integration.controllers.manager import World, running
from tests.integration.controllers.test_daemonset import SETS as DAEMONS
from tests.integration.controllers.test_daemonset import daemon_set, nodes
from tests.integration.controllers.test_deployment import DEPLOYMENTS, NAMES, deployment
from tests.integration.controllers.test_statefulset import SETS, stateful_set
from tests.integration.controllers.workloads import image_patch

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")


async def kubectl(world: World, *words: str, fine: bool = True) -> str:
    assert KUBECTL is not None
    command = (KUBECTL, "--kubeconfig", world.api.kubeconfig(), *words)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0 or not fine, output.decode()
    return output.decode()


async def test_status_history_undo_and_restart():
    # kubectl sends no token over plain HTTP.
    async with running(*NAMES, kubelet=True, tls=True) as world:
        await world.create(DEPLOYMENTS, deployment(3))
        done = 'deployment "web" successfully rolled out\n'
        assert (await kubectl(world, "rollout", "status", "deploy/web", "--timeout=60s")).endswith(done)
        await kubectl(world, "set", "image", "deploy/web", "c=two")
        assert (await kubectl(world, "rollout", "status", "deploy/web", "--timeout=60s")).endswith(done)
        await kubectl(world, "rollout", "undo", "deploy/web")
        assert (await kubectl(world, "rollout", "status", "deploy/web", "--timeout=60s")).endswith(done)
        assert {pod["spec"]["containers"][0]["image"] for pod in await world.pods()} == {"one"}
        history = (await kubectl(world, "rollout", "history", "deploy/web")).split()
        assert [word for word in history if word.isdigit()] == ["2", "3"]
        assert "Image:\ttwo" in (await kubectl(world, "rollout", "history", "deploy/web", "--revision=2")).replace(
            " ", ""
        )
        await kubectl(world, "rollout", "restart", "deploy/web")
        assert (await kubectl(world, "rollout", "status", "deploy/web", "--timeout=60s")).endswith(done)


async def both(world: World, line: str) -> str:
    """What kubectl and kubelite print alike."""
    theirs = await kubectl(world, *line.split(), fine=False)
    ours = await Cli(world.api, world.api.kubeconfig())(line)
    assert ours.out + ours.err == theirs
    return theirs


@pytest.mark.parametrize(("path", "kind", "controller"), [(SETS, "sts", "statefulset"), (DAEMONS, "ds", "daemonset")])
async def test_history_undo_and_restart_of_sets_read_alike_in_kubectl_and_kubelite(
    path: str, kind: str, controller: str
):
    async with running(f"{controller}-controller", kubelet=True, tls=True) as world:
        await nodes(world, "a", "b")
        body = stateful_set(2) if kind == "sts" else daemon_set()
        body["metadata"]["annotations"] = {"kubernetes.io/change-cause": "the first"}
        await world.create(path, body)
        await kubectl(world, "rollout", "status", f"{kind}/web", "--timeout=60s")
        ours = Cli(world.api, world.api.kubeconfig())
        # kubectl before 1.34 writes `creationTimestamp: null` into what it compares, and so never finds it equal.
        skipped = "skipped rollback (current template already matches revision 1)"
        assert (await ours(f"rollout undo {kind}/web --to-revision=1")).out == f"{controller}.apps/web {skipped}\n"
        await both(world, f"rollout undo {kind}/web")
        await world.merge(f"{path}/web", image_patch("two"))
        await kubectl(world, "rollout", "status", f"{kind}/web", "--timeout=60s")
        assert "the first" in await both(world, f"rollout history {kind}/web")
        assert "Image:\tone" in (await both(world, f"rollout history {kind}/web --revision=1")).replace(" ", "")
        await both(world, f"rollout history {kind}/web --revision=9")
        await both(world, f"rollout undo {kind}/web --dry-run=client")
        await both(world, f"rollout undo {kind}/web --to-revision=9")
        await both(world, f"rollout pause {kind}/web")
        assert (await ours(f"rollout undo {kind}/web")).out == f"{controller}.apps/web rolled back\n"
        done = (await ours(f"rollout status {kind}/web --timeout=60s")).out.splitlines()[-1]
        assert done == (await both(world, f"rollout status {kind}/web")).strip()
        assert {pod["spec"]["containers"][0]["image"] for pod in await world.pods()} == {"one"}
        assert (await ours(f"rollout restart {kind}/web")).out == f"{controller}.apps/web restarted\n"
        assert (await ours(f"rollout status {kind}/web --timeout=60s")).code == 0
        strategy = {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}}
        await world.merge(f"{path}/web", strategy)
        await both(world, f"rollout status {kind}/web")
