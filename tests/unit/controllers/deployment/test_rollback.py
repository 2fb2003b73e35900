"""A rollback that an annotation asks for."""

from __future__ import annotations

import pytest

from kubelite.api.types.apps_v1 import Deployment, ReplicaSet
from kubelite.controllers.deployment.revision import HASH, REVISION
from kubelite.controllers.deployment.rollback import REQUEST, requested, rollback
from tests.unit.controllers.build import deployment, replica_set


def world(current: str = "three") -> tuple[Deployment, list[ReplicaSet]]:
    d = deployment(3)
    d.spec.template.spec.containers[0].image = current
    d.metadata.annotations = {REQUEST: "0", REVISION: "3", "note": "new"}
    sets = [replica_set(d, name, name, 0, number=n) for n, name in enumerate(("one", "two", "three"), 1)]
    sets[1].metadata.annotations["note"] = "old"
    return d, sets


@pytest.mark.parametrize(
    ("text", "number"), [("", None), ("x", None), ("0", 0), ("7", 7), ("-1", -1), ("1.5", None), ("-", None)]
)
def test_the_annotation_names_a_revision(text: str, number: int | None) -> None:
    d = deployment()
    d.metadata.annotations = {REQUEST: text}
    assert requested(d) == number


@pytest.mark.parametrize(("number", "image", "shown"), [(0, "two", 2), (1, "one", 1), (2, "two", 2)])
def test_the_template_of_that_revision_comes_back(number: int, image: str, shown: int) -> None:
    d, sets = world()
    done = rollback(d, sets, number)
    assert (done.type, done.reason) == ("Normal", "DeploymentRollback")
    assert done.message == f'Rolled back deployment "web" to revision {shown}'
    assert done.deployment.spec.template.spec.containers[0].image == image
    assert HASH not in done.deployment.spec.template.metadata.labels
    assert requested(done.deployment) is None
    assert done.deployment.metadata.annotations[REVISION] == "3"
    assert done.deployment.metadata.annotations.get("note") == ("old" if image == "two" else None)
    assert d.spec.template.spec.containers[0].image == "three"


@pytest.mark.parametrize(
    ("number", "count", "reason", "message"),
    [
        (9, 3, "DeploymentRollbackRevisionNotFound", "Unable to find the revision to rollback to."),
        (0, 0, "DeploymentRollbackRevisionNotFound", "Unable to find last revision."),
        (
            3,
            3,
            "DeploymentRollbackTemplateUnchanged",
            'The rollback revision contains the same template as current deployment "web"',
        ),
    ],
)
def test_a_request_that_cannot_be_met_is_over_too(number: int, count: int, reason: str, message: str) -> None:
    d, sets = world()
    done = rollback(d, sets[:count], number)
    assert (done.type, done.reason, done.message) == ("Warning", reason, message)
    assert requested(done.deployment) is None
    assert done.deployment.spec == d.spec
    assert done.deployment.metadata.annotations == {REVISION: "3", "note": "new"}
