"""`apply --server-side` and `diff --server-side`: the words of kubectl, and objects that kubectl made."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import Any

import pytest

from tests.integration.cli.conftest import Cli
from tests.integration.cli.test_against_kubectl import KUBECTL

MANIFEST: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "app:1", "env": [{"name": "A", "value": "1"}]}]},
        },
    },
}


def manifest(image: str = "app:1", **more: Any) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(MANIFEST))
    changed["spec"]["template"]["spec"]["containers"][0] |= {"image": image, **more}
    return changed


async def kubectl(cli: Cli, line: str, stdin: Any = None) -> tuple[int, str, str]:
    assert KUBECTL is not None
    process = await asyncio.create_subprocess_exec(
        KUBECTL,
        "--kubeconfig",
        cli.kubeconfig,
        *line.split(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate(json.dumps(stdin).encode() if stdin is not None else b"")
    return process.returncode or 0, out.decode(), err.decode()


async def managed(cli: Cli) -> list[dict[str, Any]]:
    found = await cli("get deployment web -o json --show-managed-fields")
    entries: list[dict[str, Any]] = json.loads(found.out)["metadata"]["managedFields"]
    bare = [{key: value for key, value in entry.items() if key != "time"} for entry in entries]
    return sorted(bare, key=lambda entry: (entry["manager"], entry["operation"]))


async def test_an_apply_says_so_and_owns_what_it_names(cli: Cli) -> None:
    applied = await cli("apply --server-side -f -", manifest())
    assert (applied.code, applied.out) == (0, "deployment.apps/web serverside-applied\n")
    entries = await managed(cli)
    assert [(entry["manager"], entry["operation"]) for entry in entries] == [("kubectl", "Apply")]
    assert "managedFields" not in (await cli("get deployment web -o yaml")).out


async def test_a_conflict_explains_itself_and_can_be_forced(cli: Cli) -> None:
    await cli("apply --server-side -f -", manifest())
    refused = await cli("apply --server-side --field-manager other -f -", manifest("app:2"))
    assert refused.code == 1
    assert refused.err.startswith(
        'error: Apply failed with 1 conflict: conflict with "kubectl": '
        '.spec.template.spec.containers[name="c"].image\nPlease review the fields above--'
    )
    forced = await cli("apply --server-side --field-manager other --force-conflicts -f -", manifest("app:2"))
    assert forced.out == "deployment.apps/web serverside-applied\n"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("apply --force-conflicts -f -", "error: --force-conflicts only works with --server-side\n"),
        (
            "apply --server-side --dry-run=client -f -",
            "error: --dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)\n",
        ),
        ("apply --server-side --force -f -", "error: --force cannot be used with --server-side\n"),
    ],
)
async def test_flags_that_do_not_go_together_are_refused(cli: Cli, line: str, error: str) -> None:
    refused = await cli(line, manifest())
    assert (refused.code, refused.err) == (1, error)


async def test_objects_of_client_side_apply_are_taken_over(cli: Cli) -> None:
    await cli("apply -f -", manifest())
    applied = await cli("apply --server-side -f -", manifest("app:2", env=[]))
    assert applied.code == 0, applied.err
    assert [entry["manager"] for entry in await managed(cli)] == ["kubectl", "kubectl-last-applied"]
    found = json.loads((await cli("get deployment web -o json")).out)
    assert "env" not in found["spec"]["template"]["spec"]["containers"][0]


async def test_a_difference_is_shown_and_nothing_is_written(cli: Cli) -> None:
    await cli("apply --server-side -f -", manifest())
    shown = await cli("diff --server-side -f -", manifest("app:2"))
    assert shown.code == 1
    assert "-      - image: app:1" in shown.out or "image: app:2" in shown.out
    assert "app:1" in (await cli("get deployment web -o yaml")).out


@pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl to compare with")
async def test_kubectl_and_kubelite_say_and_do_the_same(cli: Cli) -> None:
    steps = (
        ("apply -f -", manifest()),
        ("apply --server-side -f -", manifest("app:2", env=[])),
        ("apply --server-side --field-manager=other -f -", manifest("app:3")),
        ("apply --server-side --field-manager=other --force-conflicts -f -", manifest("app:3")),
        ("apply --server-side --field-manager=other -f -", manifest("app:3", nope=1)),
        ("apply --server-side --dry-run=server -f -", manifest("app:3")),
        ("apply --server-side --dry-run=client -f -", manifest("app:3")),
        ("apply --server-side --force -f -", manifest("app:3")),
        ("apply --force-conflicts -f -", manifest("app:3")),
        ("apply --server-side --validate=false -f -", manifest("app:3")),
    )
    seen = []
    for program in (kubectl, _ours):
        results = [await program(cli, line, body) for line, body in steps]
        seen.append((results, await managed(cli)))
        await cli("delete deployment web")
    assert seen[0] == seen[1]


async def _ours(cli: Cli, line: str, stdin: Any = None) -> tuple[int, str, str]:
    done = await cli(line, stdin)
    return done.code, done.out, done.err
