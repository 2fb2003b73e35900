"""Flags do what they say, or are refused by name: none is accepted without effect."""

from __future__ import annotations

import asyncio
import copy

import pytest

from tests.integration.cli.conftest import Cli
from tests.integration.cli.manifests import CONFIG_MAP, DEPLOYMENT, POD


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("get pods --cache-dir=/tmp/x", "flag --cache-dir is not supported by kubelite"),
        ("api-resources --cached", "flag --cached is not supported by kubelite"),
        ("apply -f x --applyset=y", "flag --applyset is not supported by kubelite"),
        ("apply -f x --prune", "all resources selected for prune without explicitly passing --all"),
        ("apply -f x --prune --all -l a=b", "cannot set --all and --selector at the same time"),
        ("apply -f x --prune --all --prune-allowlist=foo", "invalid GroupVersionKind format: foo"),
        ("apply -f x --overwrite=false", "flag --overwrite=false is not supported by kubelite"),
        ("apply -f x --openapi-patch=false", "flag --openapi-patch=false is not supported by kubelite"),
        ("apply -f x --force --wait=false", "flag --wait=false is not supported by kubelite"),
        ("apply -f x --grace-period=3", "--grace-period must have --force specified"),
        ("apply -f x --timeout=3s", "--timeout must have --force specified"),
        ("apply -f x --cascade=orphan", "--cascade must have --force specified"),
        ("apply -f x --wait", "--wait must have --force specified"),
        ("apply -f x --force --cascade=up", "invalid cascade value (up)"),
        ("diff -f x --concurrency=2", "flag --concurrency is not supported by kubelite"),
        ("edit cm x --windows-line-endings", "flag --windows-line-endings is not supported by kubelite"),
        ("config view --merge=false", "flag --merge=false is not supported by kubelite"),
        ("create secret docker-registry x --from-literal=a=b", "unknown flag: --from-literal"),
    ],
)
async def test_what_has_no_effect_is_refused_by_name(cli: Cli, line: str, text: str) -> None:
    result = await cli(line)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"error: {text}")


async def test_a_forced_apply_replaces_what_cannot_be_changed(cli: Cli) -> None:
    await cli("apply -f -", DEPLOYMENT)
    before = (await cli("get deploy web -o jsonpath={.metadata.uid}")).out
    changed = copy.deepcopy(DEPLOYMENT)
    changed["spec"]["selector"]["matchLabels"]["tier"] = "front"
    changed["spec"]["template"]["metadata"]["labels"]["tier"] = "front"
    assert (await cli("apply -f -", changed)).code == 1
    forced = await cli("apply -f - --force --grace-period=0 --cascade=background --timeout=20s", changed)
    assert (forced.code, forced.out) == (0, "deployment.apps/web configured\n"), forced.err
    assert (await cli("get deploy web -o jsonpath={.metadata.uid}")).out not in ("", before)


async def test_a_forced_apply_gives_up_after_its_timeout(cli: Cli) -> None:
    held = copy.deepcopy(DEPLOYMENT)
    held["metadata"]["finalizers"] = ["example.com/held"]
    await cli("apply -f -", held)
    held["spec"]["selector"]["matchLabels"]["tier"] = "front"
    held["spec"]["template"]["metadata"]["labels"]["tier"] = "front"
    forced = await cli("apply -f - --force --timeout=100ms", held)
    assert (forced.code, forced.out) == (1, "")
    assert forced.err.startswith("error: timed out waiting for the condition")


async def test_a_workloads_first_pod_is_waited_for(cli: Cli) -> None:
    await cli("apply -f -", DEPLOYMENT)
    waiting = asyncio.create_task(cli("exec deploy/web --pod-running-timeout=20s -c nope -- true"))
    never = await cli("logs deploy/web --pod-running-timeout=50ms")
    assert (never.code, never.err) == (1, "error: timed out waiting for the condition\n")
    await cli("create -f -", POD)
    assert (await waiting).err == "error: container nope is not valid for pod web-0\n"


async def test_lists_are_read_in_chunks_of_the_size_asked_for(cli: Cli) -> None:
    for number in range(5):
        await cli("create -f -", CONFIG_MAP | {"metadata": {"name": f"c{number}"}})
    chunked = await cli("describe cm --chunk-size=2 -v=6")
    whole = await cli("describe cm --chunk-size=0 -v=6")
    assert chunked.out == whole.out
    asked = [result.err.count("/configmaps") for result in (chunked, whole)]
    assert asked == [3, 1], (chunked.err, whole.err)
