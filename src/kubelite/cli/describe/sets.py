"""`describe statefulset` and `daemonset`. Follows kubectl/pkg/describe/describe.go."""

from __future__ import annotations

from kubelite.cli.describe import text
from kubelite.cli.describe.pod import template
from kubelite.cli.describe.text import Lines, Object


def _pods(lines: Lines, found: Object) -> None:
    phases = found.get("phases") or {}
    counts = [phases.get(phase, 0) for phase in ("Running", "Pending", "Succeeded", "Failed")]
    lines.add(
        0, f"Pods Status:\t{counts[0]} Running / {counts[1]} Waiting / {counts[2]} Succeeded / {counts[3]} Failed"
    )


def _labels(lines: Lines, obj: Object) -> None:
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))


def stateful_set(lines: Lines, obj: Object, found: Object) -> None:
    """A set of pods with names; `found` holds the phases of its pods."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    text.name_of(lines, obj)
    lines.add(0, f"CreationTimestamp:\t{text.date(text.meta(obj).get('creationTimestamp'))}")
    lines.add(0, f"Selector:\t{text.selector_text(spec.get('selector'))}")
    _labels(lines, obj)
    lines.add(0, f"Replicas:\t{spec.get('replicas', 0)} desired | {status.get('replicas', 0)} total")
    strategy = spec.get("updateStrategy") or {}
    lines.add(0, f"Update Strategy:\t{strategy.get('type', '')}")
    rolling = strategy.get("rollingUpdate") or {}
    for title, field in (("Partition", "partition"), ("MaxUnavailable", "maxUnavailable")):
        if rolling.get(field) is not None:
            lines.add(1, f"{title}:\t{rolling[field]}")
    _pods(lines, found)
    template(lines, spec.get("template"))
    _claims(lines, spec.get("volumeClaimTemplates") or ())
    text.events(lines, found.get("events"))


def _claims(lines: Lines, claims: list[Object] | tuple[()]) -> None:
    if not claims:
        lines.add(0, "Volume Claims:\t<none>")
        return
    lines.add(0, "Volume Claims:")
    for claim in claims:
        wanted = claim.get("spec") or {}
        lines.add(1, f"Name:\t{text.meta(claim).get('name', '')}")
        lines.add(1, f"StorageClass:\t{wanted.get('storageClassName', '')}")
        text.label_lines(lines, "Labels", text.meta(claim).get("labels"), "  ")
        text.annotation_lines(lines, text.meta(claim).get("annotations"), "  ")
        amount = ((wanted.get("resources") or {}).get("requests") or {}).get("storage", "<default>")
        lines.add(1, f"Capacity:\t{amount}")
        lines.add(1, f"Access Modes:\t[{' '.join(wanted.get('accessModes') or ())}]")


def daemon_set(lines: Lines, obj: Object, found: Object) -> None:
    """One pod on each node; `found` holds the phases of its pods."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    text.name_of(lines, obj)
    lines.add(0, f"Selector:\t{text.selector_text(spec.get('selector'))}")
    selector = ((spec.get("template") or {}).get("spec") or {}).get("nodeSelector")
    text.label_lines(lines, "Node-Selector", selector)
    _labels(lines, obj)
    for title, field in (
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ):
        lines.add(0, f"{title}: {status.get(field, 0)}")
    _pods(lines, found)
    template(lines, spec.get("template"))
    text.events(lines, found.get("events"))
