"""How far a rollout is, in kubectl's words.

What: `status_text` for deployments, daemon sets and stateful sets (pure). Flow: an object's version in, the text and whether it
is complete out. Follows kubectl/pkg/polymorphichelpers/rollout_status.go.
"""

from __future__ import annotations

from kubelite.cli import history
from kubelite.cli.failures import CliError
from kubelite.cli.session import Object

_ONLY_ROLLING = "rollout status is only available for RollingUpdate strategy type"


def status_text(obj: Object, revision: int = 0) -> tuple[str, bool]:
    """(what to say about a workload, whether it is complete). Raises CliError when it has failed."""
    if obj.get("kind") == "DaemonSet":
        return _daemon_set(obj)
    if obj.get("kind") == "StatefulSet":
        return _stateful_set(obj)
    return _deployment(obj, revision)


def _is_rolling(obj: Object) -> bool:
    strategy = (obj.get("spec") or {}).get("updateStrategy") or {}
    return bool(strategy.get("type", "RollingUpdate") == "RollingUpdate")


def _daemon_set(obj: Object) -> tuple[str, bool]:
    if not _is_rolling(obj):
        raise CliError(_ONLY_ROLLING)
    name, status = obj["metadata"]["name"], obj.get("status") or {}
    if obj["metadata"].get("generation", 0) > status.get("observedGeneration", 0):
        return "Waiting for daemon set spec update to be observed...\n", False
    wanted, updated = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
    available = status.get("numberAvailable", 0)
    begin = f'Waiting for daemon set "{name}" rollout to finish:'
    if updated < wanted:
        return f"{begin} {updated} out of {wanted} new pods have been updated...\n", False
    if available < wanted:
        return f"{begin} {available} of {wanted} updated pods are available...\n", False
    return f'daemon set "{name}" successfully rolled out\n', True


def _stateful_set(obj: Object) -> tuple[str, bool]:
    if not _is_rolling(obj):
        raise CliError(_ONLY_ROLLING)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    observed = status.get("observedGeneration", 0)
    if not observed or obj["metadata"].get("generation", 0) > observed:
        return "Waiting for statefulset spec update to be observed...\n", False
    wanted, ready, updated = spec.get("replicas", 1), status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...\n", False
    rolling = (spec.get("updateStrategy") or {}).get("rollingUpdate")
    if rolling is not None:
        count = wanted - rolling.get("partition", 0)
        if updated < count:
            text = f"{updated} out of {count} new pods have been updated"
            return f"Waiting for partitioned roll out to finish: {text}...\n", False
        return f"partitioned roll out complete: {updated} new pods have been updated...\n", True
    new, old = status.get("updateRevision", ""), status.get("currentRevision", "")
    if new != old:
        return f"waiting for statefulset rolling update to complete {updated} pods at revision {new}...\n", False
    current = status.get("currentReplicas", 0)
    return f"statefulset rolling update complete {current} pods at revision {old}...\n", True


def _deployment(obj: Object, revision: int) -> tuple[str, bool]:
    """(what to say about a deployment, whether it is complete). Raises CliError when it has failed."""
    name, spec, status = obj["metadata"]["name"], obj.get("spec") or {}, obj.get("status") or {}
    if revision and history.revision(obj) != revision:
        raise CliError(
            f"desired revision ({revision}) is different from the running revision ({history.revision(obj)})"
        )
    if obj["metadata"].get("generation", 0) > status.get("observedGeneration", 0):
        return "Waiting for deployment spec update to be observed...\n", False
    for one in status.get("conditions") or ():
        if one["type"] == "Progressing" and one.get("reason") == "ProgressDeadlineExceeded":
            raise CliError(f'deployment "{name}" exceeded its progress deadline')
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    replicas, available = status.get("replicas", 0), status.get("availableReplicas", 0)
    if updated < wanted:
        text = f"{updated} out of {wanted} new replicas have been updated"
        return f'Waiting for deployment "{name}" rollout to finish: {text}...\n', False
    if replicas > updated:
        text = f"{replicas - updated} old replicas are pending termination"
        return f'Waiting for deployment "{name}" rollout to finish: {text}...\n', False
    if available < updated:
        text = f"{available} of {updated} updated replicas are available"
        return f'Waiting for deployment "{name}" rollout to finish: {text}...\n', False
    return f'deployment "{name}" successfully rolled out\n', True
