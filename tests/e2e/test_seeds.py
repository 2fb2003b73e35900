"""Every seed manifest is accepted, or refused with the error that it names."""

from __future__ import annotations

import pathlib

import pytest

from tests.e2e.conftest import Cluster

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "shared" / "seed-manifests"
MISMATCH = "spec.template.metadata.labels: Invalid value"
REFUSED = {"02-replicaset-extensions-v1beta1": f'The ReplicaSet "frontend" is invalid: {MISMATCH}'}
"""The others are accepted, those of old API versions too."""


def manifests() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml")) if FOLDER.is_dir() else []


@pytest.mark.parametrize(
    "name", manifests() or [pytest.param("none", marks=pytest.mark.skip(reason="no seed manifests"))]
)
def test_a_seed_manifest_is_accepted_or_refused_by_name(cluster: Cluster, namespace: str, name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text()
    if name == "10-myweb-svc":
        text = text.replace("30001", "30099")
    done = cluster.machine.kubelite("apply", "-n", namespace, "-f", "-", stdin=text, check=False)
    if name in REFUSED:
        assert done.returncode == 1
        assert REFUSED[name] in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("created\n")


def test_a_selector_that_does_not_match_its_template_is_refused_as_upstream_does(
    cluster: Cluster, namespace: str
) -> None:
    text = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: frontend}
spec:
  selector: {matchLabels: {group: a0000}, matchExpressions: [{key: tier, operator: In, values: [frontend]}]}
  template:
    metadata: {labels: {app: guestbook, tier: frontend}}
    spec: {containers: [{name: c, image: i}]}
"""
    done = cluster.machine.kubelite("apply", "-n", namespace, "-f", "-", stdin=text, check=False)
    assert done.returncode == 1
    assert MISMATCH in done.stderr
    assert "`selector` does not match template `labels`" in done.stderr
