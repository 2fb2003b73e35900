"""EncryptionConfiguration files: what is encrypted, what is refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from kubelite.apiserver.encryption.config import ConfigurationError, load

KEY = base64.b64encode(b"k" * 32).decode()


def text(resources: list[str], *providers: dict[str, Any]) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [{"resources": resources, "providers": list(providers)}],
        }
    )


def gcm(secret: str = KEY, name: str = "one") -> dict[str, Any]:
    return {"aesgcm": {"keys": [{"name": name, "secret": secret}]}}


@pytest.mark.parametrize(
    ("resources", "group", "resource", "expected"),
    [
        (["secrets"], "", "secrets", True),
        (["secrets"], "", "configmaps", False),
        (["deployments.apps"], "apps", "deployments", True),
        (["*.apps"], "apps", "deployments", True),
        (["*.apps"], "", "secrets", False),
        (["*."], "", "secrets", True),
        (["*."], "apps", "deployments", False),
        (["*.*"], "example.com", "things", True),
    ],
)
def test_resources_are_named_or_matched_by_wildcards(
    resources: list[str], group: str, resource: str, expected: bool
) -> None:
    assert bool(load(text(resources, gcm())).providers_of(group, resource)) is expected


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("kind: Policy", "EncryptionConfiguration"),
        (text([], gcm()), "at least one resource is required"),
        (text(["secrets"]), "at least one provider is required"),
        (text(["secrets"], {"aesgcm": {"keys": []}}), "at least one key is required"),
        (text(["secrets"], gcm(secret="???")), "secrets must be base64 encoded"),
        (
            text(["secrets"], gcm(secret=base64.b64encode(b"short").decode())),
            "expected key length in (16, 24, 32), but got: 5",
        ),
        (text(["secrets"], gcm(name="a:b")), "without a colon"),
        (text(["secrets"], {**gcm(), "identity": {}}), "exactly one provider is required"),
        (text(["Secrets"], gcm()), "lowercase"),
        (text(["secrets"], {"rot13": {}}), "rot13"),
        (text(["secrets"], {"kms": {"name": "a", "endpoint": "unix:///x"}}), 'Unsupported value: "v1"'),
        (text(["secrets"], {"kms": {"apiVersion": "v2", "name": "a", "endpoint": "http://x"}}), "scheme must be unix"),
    ],
)
def test_mistakes_are_named(document: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(document)
    assert words in str(refused.value)
