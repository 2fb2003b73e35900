"""Patches of the status leave the spec out: what makes that right."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api import scheme
from kubelite.apiserver.registry.ask import Ask
from kubelite.apiserver.registry.patch import patcher
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError

WITH_STATUS = [kind for kind in scheme() if kind.stored and kind.has_status and kind.stored_as is None]


@pytest.mark.parametrize("kind", WITH_STATUS, ids=lambda kind: f"{kind.api_version}.{kind.kind}")
def test_every_kind_takes_the_old_spec_when_its_status_is_written(kind: Any) -> None:
    old, new = kind.type(), kind.type()
    kind.set_defaults(new)
    kind.prepare_status_update(new, old)
    assert new.spec is old.spec


def pod() -> bytes:
    return codec.encode(
        {
            "metadata": {"name": "p", "uid": "u"},
            "spec": {"nodeName": "n", "containers": [{"name": "c"}]},
            "status": {"phase": "Pending", "podIP": "10.0.0.1"},
            "apiVersion": "v1",
            "kind": "Pod",
        }
    )


def patched(patch: dict[str, Any], warnings: list[str], subresource: str = "status") -> Any:
    kind = scheme().by_kind("v1", "Pod")
    assert kind is not None
    return patcher(kind, "merge", patch, Ask(warnings=warnings), subresource)(pod())


def test_a_status_is_patched_without_its_spec() -> None:
    found = patched({"metadata": {"uid": "u"}, "status": {"phase": "Running"}}, [])
    assert (found.status.phase, found.status.podIP, found.metadata.name) == ("Running", "10.0.0.1", "p")
    assert found.spec.nodeName == ""


@pytest.mark.parametrize("patch", [{"status": {"phase": "Running"}, "spec": {}}, {"$patch": "merge", "status": {}}])
def test_a_patch_that_names_more_sees_the_whole_object(patch: dict[str, Any]) -> None:
    assert patched(patch, []).spec.nodeName == "n"


def test_unknown_fields_of_a_status_are_warned_of() -> None:
    warnings: list[str] = []
    patched({"status": {"phase": "Running", "colour": "blue"}}, warnings)
    assert warnings == ['unknown field "status.colour"']


def test_a_status_that_does_not_fit_is_shown_with_the_whole_object() -> None:
    with pytest.raises(StatusError) as found:
        patched({"status": {"phase": 5}}, [])
    assert found.value.code == 422
    assert '"nodeName":"n"' in found.value.message.replace("\\", "")
