"""`apply --prune`: what was applied once and is no longer among the files goes.

What: `prune` deletes the objects of the allowed kinds that carry the last-applied annotation and were not applied now. Why: a
directory of manifests can lose a file. Flow: the namespaces of the applied objects → lists by selector → DELETE. Follows
kubectl/pkg/cmd/apply/prune.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubelite.cli.builder import Item
from kubelite.cli.failures import CliError
from kubelite.cli.outcome import LAST_APPLIED, Outcome
from kubelite.cli.resources import Resource
from kubelite.cli.session import Session
from kubelite.machinery.errors import StatusError

ALLOWED = (
    "core/v1/ConfigMap", "core/v1/Endpoints", "core/v1/Namespace", "core/v1/PersistentVolumeClaim",
    "core/v1/PersistentVolume", "core/v1/Pod", "core/v1/ReplicationController", "core/v1/Secret", "core/v1/Service",
    "batch/v1/Job", "batch/v1/CronJob", "networking.k8s.io/v1/Ingress", "apps/v1/DaemonSet", "apps/v1/Deployment",
    "apps/v1/ReplicaSet", "apps/v1/StatefulSet",
)  # fmt: skip
"""The kinds that are pruned where --prune-allowlist says nothing."""


async def resources_of(session: Session, allowed: Iterable[str]) -> list[Resource]:
    """The resources of `group/version/kind` texts; the default ones as far as the server has them. Raises CliError."""
    known = await session.resources()
    found = []
    for text in tuple(allowed) or ALLOWED:
        parts = text.split("/")
        if len(parts) != 3:
            raise CliError(f"invalid GroupVersionKind format: {text}, please follow <group/version/kind>")
        api_version = parts[1] if parts[0] == "core" else f"{parts[0]}/{parts[1]}"
        resource = known.for_kind(api_version, parts[2])
        if resource is not None:
            found.append(resource)
        elif allowed:
            raise CliError(f'no matches for kind "{parts[2]}" in version "{api_version}"')
    return found


async def prune(
    session: Session,
    applied: Sequence[Item],
    selector: str,
    resources: Sequence[Resource],
    outcome: Outcome,
    cascade: str,
) -> None:
    """Deletes in the namespaces of `applied`, then what has no namespace. Raises StatusError."""
    kept = {(item.resource.group, item.resource.kind, item.namespace, item.name) for item in applied}
    namespaces = sorted({item.namespace for item in applied if item.resource.namespaced})
    places = [(resource, namespace) for namespace in namespaces for resource in resources if resource.namespaced]
    for resource, namespace in [*places, *((resource, "") for resource in resources if not resource.namespaced)]:
        for obj in await session.list(resource, namespace, labelSelector=selector):
            metadata = obj["metadata"]
            name = str(metadata["name"])
            if LAST_APPLIED not in (metadata.get("annotations") or {}):
                continue
            if (resource.group, resource.kind, namespace, name) in kept or metadata.get("deletionTimestamp"):
                continue
            if not outcome.client_only:
                body = {"propagationPolicy": cascade} | ({"dryRun": ["All"]} if outcome.dry_run == "server" else {})
                try:
                    await session.json("DELETE", resource.path(namespace, name), body=body)
                except StatusError as error:
                    if error.code != 404:
                        raise
            outcome.show(session, obj, "pruned")
