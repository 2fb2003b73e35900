"""`describe horizontalpodautoscaler`, of version v2.

Follows kubectl/pkg/describe/describe.go.
"""

from __future__ import annotations

import json
from typing import Any

from kubelite.cli.describe import text
from kubelite.cli.describe.text import Lines, Object

UNKNOWN = "<unknown>"


def describe(lines: Lines, obj: Object, found: Object) -> None:
    """What is measured, what is wanted of it, and what became of that."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    text.name_of(lines, obj)
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))
    lines.add(0, f"CreationTimestamp:\t{text.date(text.meta(obj).get('creationTimestamp'))}")
    target = spec.get("scaleTargetRef") or {}
    lines.add(0, f"Reference:\t{target.get('kind', '')}/{target.get('name', '')}")
    lines.add(0, "Metrics:\t( current / target )")
    current = status.get("currentMetrics") or ()
    for index, metric in enumerate(spec.get("metrics") or ()):
        lines.add(1, _metric(metric, current[index] if index < len(current) else {}))
    lines.add(0, f"Min replicas:\t{spec.get('minReplicas', '<unset>')}")
    lines.add(0, f"Max replicas:\t{spec.get('maxReplicas', 0)}")
    if spec.get("behavior"):
        lines.add(0, "Behavior:")
        for title, key in (("Scale Up", "scaleUp"), ("Scale Down", "scaleDown")):
            _direction(lines, title, spec["behavior"].get(key))
    lines.add(0, f"{target.get('kind', '')} pods:\t" + _replicas(status))
    conditions = status.get("conditions")
    if conditions:
        lines.add(0, "Conditions:")
        lines.add(1, "Type\tStatus\tReason\tMessage")
        lines.add(1, "----\t------\t------\t-------")
        for one in conditions:
            lines.add(1, f"{one['type']}\t{one['status']}\t{one.get('reason', '')}\t{one.get('message', '')}")
    text.events(lines, found.get("events"))


def _replicas(status: Object) -> str:
    return f"{status.get('currentReplicas', 0)} current / {status.get('desiredReplicas', 0)} desired"


def _metric(metric: Object, current: Object) -> str:
    """One line: name, present value, wanted value."""
    type_ = str(metric.get("type", ""))
    field = type_[:1].lower() + type_[1:]
    if not isinstance(metric.get(field), dict):
        return f"<unknown metric type {json.dumps(type_)}>"
    own, now = metric[field], (current.get(field) or {}).get("current") or {}
    wanted = own.get("target") or {}
    if type_ in ("Resource", "ContainerResource"):
        container = f' of container "{own.get("container", "")}"' if type_ == "ContainerResource" else ""
        name = f"resource {own.get('name', '')}{container} on pods"
        if wanted.get("averageValue") is not None:
            return f"{name}:\t{_value(now, 'averageValue')} / {wanted['averageValue']}"
        return f"{name}  (as a percentage of request):\t{_share(now)} / {_percent(wanted.get('averageUtilization'))}"
    name = json.dumps((own.get("metric") or {}).get("name", ""))
    if type_ == "Pods":
        return f"{name} on pods:\t{_value(now, 'averageValue')} / {wanted.get('averageValue', '')}"
    if type_ == "Object":
        described = own.get("describedObject") or {}
        name += f" on {described.get('kind', '')}/{described.get('name', '')}"
    kind, key = ("average value", "averageValue") if wanted.get("averageValue") is not None else ("value", "value")
    return f"{name} (target {kind}):\t{_value(now, key)} / {wanted.get(key, '')}"


def _value(now: Object, key: str) -> Any:
    return now.get(key, UNKNOWN)


def _share(now: Object) -> str:
    share = now.get("averageUtilization")
    return UNKNOWN if share is None else f"{share}% ({now.get('averageValue', '0')})"


def _percent(value: int | None) -> str:
    return "<auto>" if value is None else f"{value}%"


def _direction(lines: Lines, title: str, rules: Object | None) -> None:
    if not rules:
        return
    lines.add(1, f"{title}:")
    window = rules.get("stabilizationWindowSeconds")
    if window is not None:
        lines.add(2, f"Stabilization Window: {window} seconds")
    policies = rules.get("policies") or ()
    if policies:
        lines.add(2, f"Select Policy: {rules.get('selectPolicy', 'Max')}")
        lines.add(2, "Policies:")
        for one in policies:
            lines.add(3, f"- Type: {one['type']}\tValue: {one['value']}\tPeriod: {one['periodSeconds']} seconds")
