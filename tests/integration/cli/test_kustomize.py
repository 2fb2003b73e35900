"""Kustomizations: built as kubectl builds them, applied with -k, refused by name where something is not supported."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Cli
from tests.integration.cli.test_against_kubectl import KUBECTL

EXAMPLES = Path(__file__).parent / "kustomizations"


@pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl to compare with")
@pytest.mark.parametrize("name", ["base", "over", "component", "missing"])
async def test_builds_what_kubectl_builds(cli: Cli, name: str) -> None:
    ours = await cli(f"kustomize {EXAMPLES / name}")
    theirs = subprocess.run(
        [str(KUBECTL), "kustomize", str(EXAMPLES / name)], capture_output=True, text=True, check=False
    )
    assert (ours.code, ours.out, ours.err) == (theirs.returncode, theirs.stdout, theirs.stderr)


async def test_a_kustomization_is_applied_read_and_deleted(cli: Cli) -> None:
    directory = EXAMPLES / "component"
    applied = await cli(f"apply -k {directory}")
    assert (applied.code, applied.err) == (0, "")
    assert applied.out.splitlines() == [
        "serviceaccount/runner created",
        "configmap/conf-fk226gft94 created",
        "service/web created",
        "deployment.apps/web created",
    ]
    assert (await cli(f"get -k {directory} -o name")).out.splitlines()[-1] == "deployment.apps/web"
    assert "configmap/conf-fk226gft94 unchanged" in (await cli(f"apply -k {directory}")).out
    deleted = await cli(f"delete -k {directory} --wait=false")
    assert (deleted.code, len(deleted.out.splitlines())) == (0, 4)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("foo: 1", 'invalid Kustomization: json: unknown field "foo"'),
        ("namePrefix: [1]", "cannot unmarshal array into Go struct field Kustomization.namePrefix of type string"),
        ("resources: [nope.yaml]", "accumulating resources from 'nope.yaml': evalsymlink failure"),
        ("resources: ['https://example.com/x.yaml']", "remote resources are not supported by kubelite"),
        ("helmCharts: [{name: x}]", "the kustomization field helmCharts is not supported by kubelite"),
        ("replacements: [{path: x}]", "the kustomization field replacements is not supported by kubelite"),
        ("resources: [.]", "cycle detected"),
        ("resources: [/etc/hostname]", "security; file '/etc/hostname' is not in or below"),
        ("patches: [{patch: 'a: 1', path: b}]", "patch must specify one and only one of patch and path"),
        ("configMapGenerator: [{name: a, literals: [x]}]", "invalid literal source x, expected key=value"),
    ],
)
async def test_a_wrong_kustomization_is_refused(cli: Cli, tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "kustomization.yaml").write_text(text)
    result = await cli(f"apply -k {tmp_path}")
    assert (result.code, result.out) == (1, "")
    assert error in result.err


async def test_files_and_a_kustomization_do_not_go_together(cli: Cli, tmp_path: Path) -> None:
    result = await cli(f"apply -k {tmp_path} -f x.yaml")
    assert (result.code, result.err) == (1, "error: only one of -f or -k can be specified\n")
