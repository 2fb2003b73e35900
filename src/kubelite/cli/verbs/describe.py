"""`describe`: everything about an object in a form made for reading, with what is related to it.

Flow: arguments → objects → `_gather` (pods, replica sets, slices, lease, events) → the kind's pure describer → text.
Follows kubectl/pkg/cmd/describe/describe.go.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from kubelite.cli import builder, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, raise_all
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.session import Object, Session
from kubelite.machinery.errors import StatusError

DESCRIBERS = {
    "pods": "pod:describe",
    "nodes": "node:describe",
    "services": "service:describe",
    "endpoints": "service:endpoints",
    "endpointslices.discovery.k8s.io": "service:endpoint_slice",
    "deployments.apps": "workloads:deployment",
    "replicasets.apps": "workloads:replica_set",
    "replicationcontrollers": "workloads:replication_controller",
    "statefulsets.apps": "sets:stateful_set",
    "daemonsets.apps": "sets:daemon_set",
    "jobs.batch": "jobs:job",
    "cronjobs.batch": "jobs:cron_job",
    "namespaces": "simple:namespace",
    "configmaps": "simple:config_map",
    "secrets": "simple:secret",
    "serviceaccounts": "simple:service_account",
    "roles.rbac.authorization.k8s.io": "simple:role",
    "clusterroles.rbac.authorization.k8s.io": "simple:role",
    "rolebindings.rbac.authorization.k8s.io": "simple:binding",
    "clusterrolebindings.rbac.authorization.k8s.io": "simple:binding",
    "priorityclasses.scheduling.k8s.io": "simple:priority_class",
    "resourcequotas": "limits:resource_quota",
    "limitranges": "limits:limit_range",
    "poddisruptionbudgets.policy": "limits:disruption_budget",
    "ipaddresses.networking.k8s.io": "limits:ip_address",
    "servicecidrs.networking.k8s.io": "limits:service_cidr",
    "ingressclasses.networking.k8s.io": "limits:ingress_class",
    "ingresses.networking.k8s.io": "network:ingress",
    "networkpolicies.networking.k8s.io": "network:network_policy",
    "persistentvolumes": "storage:persistent_volume",
    "persistentvolumeclaims": "storage:claim",
    "storageclasses.storage.k8s.io": "storage:storage_class",
    "volumeattributesclasses.storage.k8s.io": "storage:attributes_class",
    "csinodes.storage.k8s.io": "storage:csi_node",
    "horizontalpodautoscalers.autoscaling": "autoscaler:describe",
    "certificatesigningrequests.certificates.k8s.io": "certificates:request",
}
"""Resource → module below `kubelite.cli.describe`:function; all others are generic."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to describe."""

    where: Pointer
    show_events: bool


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(builder.pointer(parsed), parsed.on("show-events"))


def validate(opts: Options) -> None:
    if not opts.where.args and not opts.where.files:
        raise CliError(
            'You must specify the type of resource to describe. Use "kubelite api-resources" for a complete list of '
            "supported resources."
        )


async def run(opts: Options, session: Session) -> int:
    errors: list[Exception] = []
    found = await _items(opts, session, errors)
    for index, item in enumerate(found):
        if index:
            session.print("\n")
        session.write(await describe_item(session, item, opts.show_events))
    if not found and not errors:
        where = "" if opts.where.all_namespaces else f" in {session.namespace} namespace."
        session.warn(f"No resources found{where}")
    raise_all(errors)
    return 0


async def _items(opts: Options, session: Session, errors: list[Exception]) -> list[Item]:
    """The objects; a name that does not exist means those that begin with it."""
    missing: list[Exception] = []
    found = await builder.items(session, opts.where, need_names=False, errors=missing)
    for error in missing:
        prefixed = await _with_prefix(opts, session, error) if isinstance(error, StatusError) else []
        found += prefixed
        if not prefixed:
            errors.append(error)
    return found


async def _with_prefix(opts: Options, session: Session, error: StatusError) -> list[Item]:
    name = str(error.details.get("name") or "")
    types, names, pairs = builder.split_args(opts.where.args)
    if error.code != 404 or not name or pairs or len(names) != 1 or "," in types:
        return []
    resource = (await session.resources()).named(types)
    namespace = session.namespace if resource.namespaced else ""
    listed = await session.list(resource, namespace)
    return [
        Item(resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"], obj)
        for obj in listed
        if obj["metadata"]["name"].startswith(name)
    ]


async def describe_item(session: Session, item: Item, show_events: bool = True) -> str:
    """The description of one object."""
    from kubelite.cli.describe.text import Lines

    resource = item.resource
    where = DESCRIBERS.get(resource.name, "generic:describe")
    module, _, function = where.partition(":")
    describer = getattr(importlib.import_module(f"kubelite.cli.describe.{module}"), function)
    found: Object = await _gather(session, item)
    if show_events:
        found["events"] = await _events(session, item)
    lines = Lines(session.now())
    obj = {"apiVersion": resource.api_version, "kind": resource.kind} | item.object
    describer(lines, obj, found)
    return lines.render()


async def _gather(session: Session, item: Item) -> Object:
    name = item.resource.name
    if name == "deployments.apps":
        return await _replica_sets(session, item)
    if name in ("replicasets.apps", "replicationcontrollers", "statefulsets.apps", "daemonsets.apps"):
        return await _phases(session, item)
    if name == "services":
        resources = await session.resources()
        slices = await session.list(
            resources.named("endpointslices"), item.namespace, labelSelector=f"kubernetes.io/service-name={item.name}"
        )
        return {"slices": slices}
    if name == "nodes":
        return await _node_parts(session, item)
    if name == "namespaces":
        return await _namespace_parts(session, item)
    if name == "ingresses.networking.k8s.io":
        return await _backends(session, item)
    if name == "persistentvolumeclaims":
        return await _users(session, item)
    return {}


async def _backends(session: Session, item: Item) -> Object:
    """The services that an ingress names, each with its slices; the text of the error for one that cannot be had."""
    spec = item.object.get("spec") or {}
    paths = [path for rule in spec.get("rules") or () for path in (rule.get("http") or {}).get("paths") or ()]
    backends = [spec.get("defaultBackend") or {}, *(path.get("backend") or {} for path in paths)]
    names = {backend["service"]["name"] for backend in backends if backend.get("service")}
    resources = await session.resources()
    found: dict[str, Any] = {}
    for name in sorted(names):
        try:
            service = await session.get(resources.named("services"), item.namespace, name)
        except StatusError as error:
            found[name] = error.message
            continue
        selector = f"kubernetes.io/service-name={name}"
        slices = await session.list(resources.named("endpointslices"), item.namespace, labelSelector=selector)
        found[name] = (service, slices)
    return {"services": found}


async def _users(session: Session, item: Item) -> Object:
    """The pods that mount a claim."""
    pods = await session.list((await session.resources()).named("pods"), item.namespace)
    return {
        "pods": [
            pod
            for pod in pods
            for volume in pod["spec"].get("volumes") or ()
            if (volume.get("persistentVolumeClaim") or {}).get("claimName") == item.name
        ]
    }


async def _namespace_parts(session: Session, item: Item) -> Object:
    """Quotas and limits, where the server has such kinds."""
    found: Object = {}
    resources = await session.resources()
    for key, kind in (("quotas", "ResourceQuota"), ("limits", "LimitRange")):
        resource = resources.for_kind("v1", kind)
        if resource is not None:
            found[key] = await session.list(resource, item.name)
    return found


async def _node_parts(session: Session, item: Item) -> Object:
    resources = await session.resources()
    lease: Any
    try:
        lease = await session.get(resources.named("leases"), "kube-node-lease", item.name)
    except StatusError as error:
        lease = error.message
    running = f"spec.nodeName={item.name},status.phase!=Succeeded,status.phase!=Failed"
    return {"lease": lease, "pods": await session.list(resources.named("pods"), "", fieldSelector=running)}


async def _replica_sets(session: Session, item: Item) -> Object:
    from kubelite.cli.history import new_and_old

    new, old = await new_and_old(session, item)
    return {"new": [new] if new else [], "old": old}


async def _phases(session: Session, item: Item) -> Object:
    from kubelite.cli.describe.text import format_labels, selector_text

    selector = item.object["spec"].get("selector") or {}
    text = selector_text(selector) if item.resource.group else format_labels(selector)
    phases: dict[str, int] = {}
    pods = await session.list((await session.resources()).named("pods"), item.namespace, labelSelector=text)
    for pod in pods:
        owners = pod["metadata"].get("ownerReferences") or ()
        if any(owner.get("uid") == item.object["metadata"].get("uid") for owner in owners):
            phase = (pod.get("status") or {}).get("phase", "")
            phases[phase] = phases.get(phase, 0) + 1
    return {"phases": phases}


async def _events(session: Session, item: Item) -> list[Object]:
    metadata = item.object.get("metadata") or {}
    fields = {"involvedObject.name": item.name, "involvedObject.namespace": item.namespace}
    fields["involvedObject.kind"] = item.resource.kind
    uids = [str(metadata.get("uid") or "")]
    if item.resource.name == "nodes":
        uids.append(item.name)  # kubelets name a node by its name, controllers by its uid
    path = f"/api/v1/namespaces/{item.namespace}/events" if item.namespace else "/api/v1/events"
    found: list[Object] = []
    for uid in uids:
        selector = ",".join(f"{k}={v}" for k, v in (fields | {"involvedObject.uid": uid}).items() if v)
        try:
            found += (await session.pages(path, {"fieldSelector": selector}))[0]
        except StatusError:
            continue
    return found


COMMAND = Command(
    name="describe",
    summary="Show details of a specific resource or group of resources",
    usage="describe (-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME)",
    long="Related objects, such as events and controllers, are part of the description. A name that no object has is taken as "
    "the beginning of names.",
    examples=(
        ("Describe a node", "describe nodes node1"),
        ("Describe a pod", "describe pods/nginx"),
        ("Describe all pods", "describe pods"),
        ("Describe pods by label", "describe pods -l name=myLabel"),
    ),
    flags=(
        *options.FILES,
        options.SELECTOR,
        options.ALL_NAMESPACES,
        options.CHUNK_SIZE,
        Flag("show-events", "Display events related to the object.", type="bool", default=True),
    ),
    complete=complete,
    validate=validate,
    run=run,
)
