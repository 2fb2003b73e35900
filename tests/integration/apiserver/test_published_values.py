"""What the documents name as values of a field is for readers: it refuses nothing, whichever kubectl asks."""

from __future__ import annotations

import asyncio
import json
import pathlib
from typing import Any

import pytest

from tests import kubectls
from tests.apienv import ApiEnv, api_server

KUBECTLS = kubectls.some("1.27", "1.33")
PODS = "/api/v1/namespaces/default/pods"
EMPTY: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "empty", "namespace": "default"},
    "spec": {
        "restartPolicy": "",
        "dnsPolicy": "",
        "volumes": [{"name": "a", "hostPath": {"path": "/a", "type": ""}}],
        "tolerations": [{"operator": "Exists", "effect": ""}],
        "containers": [
            {
                "name": "c",
                "image": "web:1",
                "imagePullPolicy": "",
                "terminationMessagePolicy": "",
                "ports": [{"containerPort": 80, "protocol": ""}],
            }
        ],
    },
}


async def _kubectl(api: ApiEnv, program: str, *words: str, stdin: Any) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        program,
        f"--kubeconfig={api.kubeconfig()}",
        f"--cache-dir={api.directory / 'cache'}",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate(json.dumps(stdin).encode())
    return process.returncode, out.decode().strip()


@pytest.mark.skipif(not KUBECTLS, reason="the versions of kubectl are not installed")
@pytest.mark.parametrize("program", KUBECTLS, ids=[pathlib.Path(one).name for one in KUBECTLS])
async def test_kubectl_sends_empty_values_and_they_get_their_defaults(program: str) -> None:
    async with api_server(tls=True) as api:
        code, text = await _kubectl(api, program, "create", "--validate=strict", "-f", "-", stdin=EMPTY)
        assert (code, text) == (0, "pod/empty created")
        other = {**EMPTY, "metadata": {"name": "other", "namespace": "default"}}
        code, text = await _kubectl(api, program, "apply", "--validate=strict", "--server-side", "-f", "-", stdin=other)
        assert (code, text) == (0, "pod/other serverside-applied")
        spec = (await api.get(f"{PODS}/empty")).json()["spec"]
        assert (spec["restartPolicy"], spec["dnsPolicy"]) == ("Always", "ClusterFirst")
        assert spec["containers"][0]["imagePullPolicy"] == "IfNotPresent"


@pytest.mark.skipif(not KUBECTLS, reason="the versions of kubectl are not installed")
@pytest.mark.parametrize("program", KUBECTLS, ids=[pathlib.Path(one).name for one in KUBECTLS])
async def test_a_value_that_is_not_named_is_refused_by_validation_with_its_own_words(program: str) -> None:
    async with api_server(tls=True) as api:
        wrong = {**EMPTY, "spec": {**EMPTY["spec"], "restartPolicy": "Sometimes"}}
        code, text = await _kubectl(api, program, "create", "--validate=strict", "-f", "-", stdin=wrong)
        assert code == 1
        assert text == (
            'The Pod "empty" is invalid: spec.restartPolicy: Unsupported value: "Sometimes": supported values: '
            '"Always", "OnFailure", "Never"'
        )
