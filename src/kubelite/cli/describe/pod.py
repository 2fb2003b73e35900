"""`describe pod`, and the pod templates of workloads. Follows kubectl/pkg/describe/describe.go (describePod)."""

from __future__ import annotations

from kubelite.cli.describe import text
from kubelite.cli.describe.containers import containers
from kubelite.cli.describe.text import Lines, Object
from kubelite.cli.describe.volumes import spread, tolerations, volumes


def describe(lines: Lines, pod: Object, found: Object) -> None:
    """A pod; `found` holds its events."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    text.name_of(lines, pod)
    if spec.get("priority") is not None:
        lines.add(0, f"Priority:\t{spec['priority']}")
    for title, key in (
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    ):
        if spec.get(key):
            lines.add(0, f"{title}:\t{spec[key]}")
    node = f"{spec['nodeName']}/{status.get('hostIP', '')}" if spec.get("nodeName") else "<none>"
    lines.add(0, f"Node:\t{node}")
    if status.get("startTime"):
        lines.add(0, f"Start Time:\t{text.date(status['startTime'])}")
    text.label_lines(lines, "Labels", text.meta(pod).get("labels"))
    text.annotation_lines(lines, text.meta(pod).get("annotations"))
    _status(lines, pod, spec, status)
    if spec.get("initContainers"):
        statuses = status.get("initContainerStatuses") or ()
        containers(lines, "Init Containers", spec["initContainers"], statuses, pod)
    containers(lines, "Containers", spec.get("containers") or (), status.get("containerStatuses") or (), pod)
    if spec.get("ephemeralContainers"):
        statuses = status.get("ephemeralContainerStatuses") or ()
        containers(lines, "Ephemeral Containers", spec["ephemeralContainers"], statuses, pod)
    _conditions(lines, spec, status)
    volumes(lines, spec.get("volumes") or ())
    lines.add(0, f"QoS Class:\t{status.get('qosClass') or _qos(pod)}")
    text.label_lines(lines, "Node-Selectors", spec.get("nodeSelector"))
    tolerations(lines, spec.get("tolerations") or ())
    spread(lines, spec.get("topologySpreadConstraints") or ())
    text.events(lines, found.get("events"))


def _qos(pod: Object) -> str:
    from kubelite.api.logic.podresources import qos_class
    from kubelite.api.types.core_v1 import Pod
    from kubelite.machinery import codec

    return str(qos_class(codec.convert(pod, Pod)))


def _status(lines: Lines, pod: Object, spec: Object, status: Object) -> None:
    phase = status.get("phase", "")
    if text.meta(pod).get("deletionTimestamp") and phase not in ("Failed", "Succeeded"):
        lines.add(0, f"Status:\tTerminating (lasts {lines.age(text.meta(pod)['deletionTimestamp'])})")
        lines.add(0, f"Termination Grace Period:\t{text.meta(pod).get('deletionGracePeriodSeconds', 0)}s")
    else:
        lines.add(0, f"Status:\t{phase}")
    for key in ("reason", "message"):
        if status.get(key):
            lines.add(0, f"{key.capitalize()}:\t{status[key]}")
    profile = (spec.get("securityContext") or {}).get("seccompProfile")
    if profile:
        lines.add(0, f"SeccompProfile:\t{profile['type']}")
        if profile.get("localhostProfile"):
            lines.add(0, f"LocalhostProfile:\t{profile['localhostProfile']}")
    lines.add(0, f"IP:\t{status.get('podIP', '')}")
    addresses = status.get("podIPs") or ()
    lines.add(0, "IPs:" if addresses else "IPs:\t<none>")
    for address in addresses:
        lines.add(1, f"IP:\t{address.get('ip', '')}")
    text.controlled_by(lines, pod)
    if status.get("nominatedNodeName"):
        lines.add(0, f"NominatedNodeName:\t{status['nominatedNodeName']}")


def _conditions(lines: Lines, spec: Object, status: Object) -> None:
    by_type = {one["type"]: one for one in status.get("conditions") or ()}
    if spec.get("readinessGates"):
        lines.add(0, "Readiness Gates:\n  Type\tStatus")
        for gate in spec["readinessGates"]:
            state = (by_type.get(gate["conditionType"]) or {}).get("status", "<none>")
            lines.add(1, f"{gate['conditionType']} \t{state} ")
    if by_type:
        lines.add(0, "Conditions:\n  Type\tStatus")
        for one in status["conditions"]:
            lines.add(1, f"{one['type']} \t{one['status']} ")


def template(lines: Lines, found: Object | None) -> None:
    """The pod template of a workload."""
    lines.add(0, "Pod Template:")
    if not found:
        lines.add(1, "<unset>")
        return
    metadata, spec = found.get("metadata") or {}, found.get("spec") or {}
    text.label_lines(lines, "Labels", metadata.get("labels"), "  ")
    if metadata.get("annotations"):
        text.annotation_lines(lines, metadata["annotations"], "  ")
    if spec.get("serviceAccountName"):
        lines.add(0, f"  Service Account:\t{spec['serviceAccountName']}")
    if spec.get("initContainers"):
        containers(lines, "Init Containers", spec["initContainers"], (), None, "  ")
    containers(lines, "Containers", spec.get("containers") or (), (), None, "  ")
    volumes(lines, spec.get("volumes") or (), "  ")
    spread(lines, spec.get("topologySpreadConstraints") or (), "  ")
    if spec.get("priorityClassName"):
        lines.add(0, f"  Priority Class Name:\t{spec['priorityClassName']}")
    text.label_lines(lines, "Node-Selectors", spec.get("nodeSelector"), "  ")
    tolerations(lines, spec.get("tolerations") or (), "  ")
