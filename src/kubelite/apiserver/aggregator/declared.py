"""The APIServices that this server keeps itself, and the one condition that all of them have.

What: `local_services` says which there should be, `plan` what is to be done about the ones there are, `set_available` writes
the condition. Why: clients and administrators see every group version as an APIService, those of extension servers and
those of this one. Flow: scheme → wanted objects → `registration` writes the differences. Pure. Sources:
kube-aggregator/pkg/controllers/autoregister/autoregister_controller.go, pkg/controlplane/controller/crdregistration,
kube-aggregator/pkg/apis/apiregistration/v1/helper/helpers.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from kubelite.api.types.apiregistration_v1 import APIService, APIServiceCondition, APIServiceSpec
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.aggregator import priorities
from kubelite.machinery.kind import Kind

LABEL = "kube-aggregator.kubernetes.io/automanaged"
ON_START, ALWAYS = "onstart", "true"
"""Values of the label: put right once when a server starts (users may change it then), or all the time."""
AVAILABLE = "Available"


class Availability(NamedTuple):
    """What the condition says."""

    status: str
    reason: str
    message: str


LOCAL = Availability("True", "Local", "Local APIServices are always available")
PASSED = Availability("True", "Passed", "all checks passed")


def name_of(group: str, version: str) -> str:
    """`v1.apps`; `v1.` for the core group."""
    return f"{version}.{group}"


def local_services(kinds: Iterable[Kind]) -> dict[str, APIService]:
    """By name: an APIService for each group version that these kinds make up."""
    found: dict[str, APIService] = {}
    for kind in kinds:
        name = name_of(kind.group, kind.version)
        if not kind.verbs or kind.group == priorities.OWN_GROUP or name in found:
            continue
        custom = kind.custom is not None
        spec = APIServiceSpec(
            group=kind.group,
            version=kind.version,
            groupPriorityMinimum=priorities.CUSTOM[0] if custom else priorities.group_priority(kind.group),
            versionPriority=priorities.CUSTOM[1] if custom else priorities.version_priority(kind.group, kind.version),
        )
        metadata = ObjectMeta(name=name, labels={LABEL: ALWAYS if custom else ON_START})
        found[name] = APIService(metadata=metadata, spec=spec)
    return found


class Plan(NamedTuple):
    """What to write."""

    create: list[APIService]
    update: list[APIService]
    delete: list[str]


def plan(wanted: Mapping[str, APIService], present: Mapping[str, APIService], *, starting: bool) -> Plan:
    """The differences. An APIService without the label is its user's, and one of the other label counts only at start."""
    out = Plan([], [], [])
    for name, service in wanted.items():
        found = present.get(name)
        always = service.metadata.labels[LABEL] == ALWAYS
        if found is None:
            if always or starting:
                out.create.append(service)
            continue
        label = found.metadata.labels.get(LABEL)
        if label is None or (label == ON_START and not starting):
            continue
        if found.spec != service.spec or label != service.metadata.labels[LABEL]:
            out.update.append(service)
    for name, found in present.items():
        label = found.metadata.labels.get(LABEL)
        if name not in wanted and (label == ALWAYS or (label == ON_START and starting)):
            out.delete.append(name)
    return out


def availability_of(service: APIService) -> Availability | None:
    """What the object says now."""
    for one in service.status.conditions:
        if one.type == AVAILABLE:
            return Availability(one.status, one.reason, one.message)
    return None


def set_available(wanted: Availability, now: str) -> Callable[[Any], None]:
    """An edit that writes the condition; its time changes with its status only."""

    def edit(service: APIService) -> None:
        before = next((one for one in service.status.conditions if one.type == AVAILABLE), None)
        since = before.lastTransitionTime if before is not None and before.status == wanted.status else now
        made = APIServiceCondition(
            type=AVAILABLE,
            status=wanted.status,
            reason=wanted.reason,
            message=wanted.message,
            lastTransitionTime=since,
        )
        others = [one for one in service.status.conditions if one.type != AVAILABLE]
        service.status.conditions = [*others, made]

    return edit
