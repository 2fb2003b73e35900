"""Descriptions of types and fields for `explain` and OpenAPI, in our own words.

What: `describe(type, field)` looks a text up; the texts are the YAML files beside this module, one for each API group, as
`Type: {"": what the type is, field: what it is for}`. Why: the published schema carries facts only. Flow: the files are read
once, on first use, which only OpenAPI and `explain` cause. A type or field without a text has "".
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Any

FILES = (
    "meta.yaml",
    "core_pod.yaml",
    "core.yaml",
    "apps.yaml",
    "workloads.yaml",
    "limits.yaml",
    "networking.yaml",
    "other.yaml",
    "extension.yaml",
    "storage.yaml",
)


@cache
def digest() -> bytes:
    """What changes when any text does: documents are kept by clients under a hash of all they are made of."""
    folder, found = resources.files(__name__), hashlib.sha256()
    for name in FILES:
        found.update(folder.joinpath(name).read_bytes())
    return found.digest()


@cache
def texts() -> dict[str, dict[str, str]]:
    """All texts by type name and field; field "" is the type itself. Shared: callers must not change it."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, dict[str, str]] = {}
    for name in FILES:
        text = resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
        for type_name, fields in yaml.load(text, Loader=loader).items():
            if type_name in found:
                raise ValueError(f"{type_name} is described twice")
            found[type_name] = {field: " ".join(str(words).split()) for field, words in fields.items()}
    return found


def describe(type_name: str, field: str = "") -> str:
    """The text of a field, or of the type for ""; "" where there is none.

    `type_name` is the Kubernetes name, bare (`Pod`) or with its package before it (`io.k8s.api.core.v1.Pod`, `core_v1.Pod`).
    """
    return texts().get(type_name.rpartition(".")[2], {}).get(field, "")
