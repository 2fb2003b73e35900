"""`describe deployment`, `replicaset` and `replicationcontroller`."""

from __future__ import annotations

from kubelite.cli.describe import text
from kubelite.cli.describe.pod import template
from kubelite.cli.describe.text import Lines, Object


def deployment(lines: Lines, obj: Object, found: Object) -> None:
    """A deployment; `found` holds its replica sets ("old", "new") and events."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    text.name_of(lines, obj)
    lines.add(0, f"CreationTimestamp:\t{text.date(text.meta(obj).get('creationTimestamp'))}")
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))
    lines.add(0, f"Selector:\t{text.selector_text(spec.get('selector'))}")
    counts = [status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas", "unavailableReplicas")]
    lines.add(
        0,
        f"Replicas:\t{spec.get('replicas', 0)} desired | {counts[0]} updated | {counts[1]} total | {counts[2]} available | "
        f"{counts[3]} unavailable",
    )
    strategy = spec.get("strategy") or {}
    lines.add(0, f"StrategyType:\t{strategy.get('type', '')}")
    lines.add(0, f"MinReadySeconds:\t{spec.get('minReadySeconds', 0)}")
    rolling = strategy.get("rollingUpdate")
    if rolling:
        shown = f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max surge"
        lines.add(0, f"RollingUpdateStrategy:\t{shown}")
    template(lines, spec.get("template"))
    text.conditions(lines, status.get("conditions"))
    if found.get("old") or found.get("new"):
        lines.add(0, f"OldReplicaSets:\t{_sets(found.get('old') or ())}")
        lines.add(0, f"NewReplicaSet:\t{_sets(found.get('new') or ())}")
    text.events(lines, found.get("events"))


def _sets(found: object) -> str:
    assert isinstance(found, list | tuple)
    texts = [
        f"{text.meta(one)['name']} ({(one.get('status') or {}).get('replicas', 0)}/"
        f"{(one.get('spec') or {}).get('replicas', 0)} replicas created)"
        for one in found
    ]
    return ", ".join(texts) or "<none>"


def _replicated(lines: Lines, obj: Object, found: Object, selector: str) -> None:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    text.name_of(lines, obj)
    lines.add(0, f"Selector:\t{selector}")
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))
    text.controlled_by(lines, obj)
    lines.add(0, f"Replicas:\t{status.get('replicas', 0)} current / {spec.get('replicas', 0)} desired")
    phases = found.get("phases") or {}
    counts = [phases.get(phase, 0) for phase in ("Running", "Pending", "Succeeded", "Failed")]
    lines.add(
        0, f"Pods Status:\t{counts[0]} Running / {counts[1]} Waiting / {counts[2]} Succeeded / {counts[3]} Failed"
    )
    template(lines, spec.get("template"))
    text.conditions(lines, status.get("conditions"))
    text.events(lines, found.get("events"))


def replica_set(lines: Lines, obj: Object, found: Object) -> None:
    _replicated(lines, obj, found, text.selector_text((obj.get("spec") or {}).get("selector")))


def replication_controller(lines: Lines, obj: Object, found: Object) -> None:
    _replicated(lines, obj, found, text.format_labels((obj.get("spec") or {}).get("selector")))
