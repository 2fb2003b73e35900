"""What a deletion's options mean."""

from __future__ import annotations

import pytest

from kubelite import api
from kubelite.api.types.meta_v1 import DeleteOptions
from kubelite.apiserver.registry.delete import _finalizers, check_options
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind


def kind(group: str = "", plural: str = "configmaps") -> Kind:
    found = api.scheme().by_resource(group, "v1", plural)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("present", "options", "wanted"),
    [
        ([], DeleteOptions(), []),
        (["a/b"], DeleteOptions(propagationPolicy="Foreground"), ["a/b", "foregroundDeletion"]),
        ([], DeleteOptions(propagationPolicy="Orphan"), ["orphan"]),
        (["orphan"], DeleteOptions(), ["orphan"]),
        (["foregroundDeletion"], DeleteOptions(), ["foregroundDeletion"]),
        (["orphan"], DeleteOptions(propagationPolicy="Background"), []),
        (["foregroundDeletion"], DeleteOptions(propagationPolicy="Orphan"), ["orphan"]),
        ([], DeleteOptions(orphanDependents=True), ["orphan"]),
        (["orphan"], DeleteOptions(orphanDependents=False), []),
    ],
)
def test_the_policy_becomes_finalizers(present: list[str], options: DeleteOptions, wanted: list[str]) -> None:
    assert _finalizers(kind(), present, options) == wanted


@pytest.mark.parametrize(
    "options",
    [
        DeleteOptions(propagationPolicy="Sideways"),
        DeleteOptions(propagationPolicy="Orphan", orphanDependents=True),
        DeleteOptions(dryRun=["Some"]),
    ],
)
def test_contradictions_are_refused(options: DeleteOptions) -> None:
    with pytest.raises(StatusError) as refused:
        check_options(options)
    assert refused.value.code == 422
