"""`describe resourcequota`, `limitrange`, `poddisruptionbudget`, and the small network kinds.

Follows kubectl/pkg/describe/describe.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.cli.describe import text
from kubelite.cli.describe.text import Lines, Object

SCOPES = {
    "Terminating": "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being "
    "actively terminated by the system.",
    "NotTerminating": "Matches all pods that do not have an active deadline. These pods usually include long running pods whose "
    "container command is not expected to terminate.",
    "BestEffort": "Matches all pods that do not have resource requirements set. These pods have a best effort "
    "quality of service.",
    "NotBestEffort": "Matches all pods that have at least one resource requirement set. These pods have a burstable or "
    "guaranteed quality of service.",
}


def resource_quota(lines: Lines, obj: Object, found: Object) -> None:
    """What is used of what there may be; a quota has no events."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    text.name_of(lines, obj)
    scopes = sorted(spec.get("scopes") or ())
    if scopes:
        lines.add(0, f"Scopes:\t{', '.join(scopes)}")
    for scope in scopes:
        if scope in SCOPES:
            lines.add(0, f" * {SCOPES[scope]}")
    lines.add(0, "Resource\tUsed\tHard")
    lines.add(0, "--------\t----\t----")
    used = status.get("used") or {}
    for name in sorted(status.get("hard") or {}):
        lines.add(0, f"{name}\t{used.get(name, '0')}\t{status['hard'][name]}")


def limit_range(lines: Lines, obj: Object, found: Object) -> None:
    """The limits as a table."""
    text.name_of(lines, obj)
    lines.add(0, "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio")
    lines.add(0, "----\t--------\t---\t---\t---------------\t-------------\t-----------------------")
    _limit_rows(lines, obj, "")


def _limit_rows(lines: Lines, obj: Object, indent: str) -> None:
    fields = ("min", "max", "defaultRequest", "default", "maxLimitRequestRatio")
    for item in (obj.get("spec") or {}).get("limits") or ():
        for name in sorted({name for field in fields for name in item.get(field) or {}}):
            cells = [str((item.get(field) or {}).get(name, "-")) for field in fields]
            lines.add(0, indent + "\t".join((item.get("type", ""), name, *cells)))


def of_namespace(lines: Lines, found: Object) -> None:
    """The quotas and limits of a namespace, where the server could be asked for them."""
    quotas, ranges = found.get("quotas"), found.get("limits")
    if quotas is not None:
        lines.raw("\nResource Quotas\n" if quotas else "\nNo resource quota.\n")
    for quota in sorted(quotas or (), key=lambda one: str(text.meta(one).get("name"))):
        _quota_of_namespace(lines, quota)
    if ranges is not None:
        lines.raw("\nResource Limits\n" if ranges else "\nNo LimitRange resource.\n")
    if ranges:
        lines.add(0, " Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio")
        lines.add(0, " ----\t--------\t---\t---\t---------------\t-------------\t-----------------------")
    for one in ranges or ():
        _limit_rows(lines, one, " ")


def _quota_of_namespace(lines: Lines, quota: Object) -> None:
    spec, status = quota.get("spec") or {}, quota.get("status") or {}
    lines.add(1, f"Name:\t{text.meta(quota).get('name')}")
    scopes = sorted(spec.get("scopes") or ())
    if scopes:
        lines.add(1, f"Scopes:\t{', '.join(scopes)}")
    for scope in scopes:
        if scope in SCOPES:
            lines.add(1, f"* {SCOPES[scope]}")
    lines.add(1, "Resource\tUsed\tHard")
    lines.add(1, "--------\t---\t---")
    for name in sorted(status.get("hard") or {}):
        lines.add(1, f"{name}\t{(status.get('used') or {}).get(name, '0')}\t{status['hard'][name]}")


def disruption_budget(lines: Lines, obj: Object, found: Object) -> None:
    """The bound, the pods, and the counts."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    text.name_of(lines, obj)
    if spec.get("minAvailable") is not None:
        lines.add(0, f"Min available:\t{spec['minAvailable']}")
    elif spec.get("maxUnavailable") is not None:
        lines.add(0, f"Max unavailable:\t{spec['maxUnavailable']}")
    lines.add(
        0, f"Selector:\t{text.selector_text(spec['selector']) if spec.get('selector') is not None else '<unset>'}"
    )
    lines.add(0, "Status:")
    for title, field in (
        ("Allowed disruptions", "disruptionsAllowed"),
        ("Current", "currentHealthy"),
        ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    ):
        lines.add(2, f"{title}:\t{status.get(field, 0)}")
    text.events(lines, found.get("events"))


def _head(lines: Lines, obj: Object) -> Any:
    text.name_of(lines, obj, namespace=False)
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))
    return obj.get("spec") or {}


def ip_address(lines: Lines, obj: Object, found: Object) -> None:
    """The address and the object that has it."""
    parent = _head(lines, obj).get("parentRef")
    if parent:
        lines.add(0, "Parent Reference:")
        for title in ("Group", "Resource", "Namespace", "Name"):
            lines.add(1, f"{title}:\t{parent.get(title.lower(), '')}")
    text.events(lines, found.get("events"))


def service_cidr(lines: Lines, obj: Object, found: Object) -> None:
    """The ranges, and whether addresses are given from them."""
    lines.add(0, f"CIDRs:\t{', '.join(_head(lines, obj).get('cidrs') or ())}")
    conditions = (obj.get("status") or {}).get("conditions")
    if conditions:
        lines.add(0, "Status:\nConditions:\n  Type\tStatus\tLastTransitionTime\tReason\tMessage")
        lines.add(1, "----\t------\t------------------\t------\t-------")
        for one in conditions:
            when = text.date(one.get("lastTransitionTime"))
            lines.add(1, f"{one['type']}\t{one['status']}\t{when}\t{one.get('reason', '')}\t{one.get('message', '')}")
    text.events(lines, found.get("events"))


def ingress_class(lines: Lines, obj: Object, found: Object) -> None:
    """The controller and its parameters."""
    spec = _head(lines, obj)
    lines.add(0, f"Controller:\t{spec.get('controller', '')}")
    parameters = spec.get("parameters")
    if parameters:
        lines.add(0, "Parameters:")
        for title, field in (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name")):
            if parameters.get(field) or field != "apiGroup":
                lines.add(1, f"{title}:\t{parameters.get(field, '')}")
    text.events(lines, found.get("events"))
