"""`expose`: a service for a pod, a service or a workload.

Flow: object → selector, ports and labels → service → POST. Follows kubectl/pkg/cmd/expose/expose.go.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from kubelite.cli import builder, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.generators.base import pairs
from kubelite.cli.outcome import Outcome, outcome, with_last_applied
from kubelite.cli.session import Object, Session


@dataclass(frozen=True, slots=True)
class Options:
    """What to expose, and how."""

    where: Pointer
    values: dict[str, str]
    save_config: bool
    outcome: Outcome


_TEXTS = (
    "name",
    "port",
    "target-port",
    "protocol",
    "type",
    "selector",
    "labels",
    "external-ip",
    "load-balancer-ip",
    "cluster-ip",
    "session-affinity",
    "overrides",
)


def complete(parsed: Parsed, session: Session) -> Options:
    where = Pointer(args=tuple(parsed.args), files=parsed.many("filename"), recursive=parsed.on("recursive"))
    values = {name: parsed.text(name) for name in _TEXTS}
    return Options(where, values, parsed.on("save-config"), outcome(parsed, typed=parsed.text("dry-run") == "client"))


def validate(opts: Options) -> None:
    if not opts.where.args and not opts.where.files:
        raise UsageError(
            "You must provide one or more resources by argument or filename.\n"
            "Example resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n"
            "   '<resource> <name>'\n   '<resource>'"
        )


async def run(opts: Options, session: Session) -> int:
    for item in await builder.items(session, opts.where):
        service = service_for(item, opts.values)
        if session.namespace_given:
            service["metadata"]["namespace"] = session.namespace
        if opts.values["overrides"]:
            from kubelite.machinery import mergepatch

            service = mergepatch.apply(service, json.loads(opts.values["overrides"]))
        if opts.save_config:
            service = with_last_applied(service)
        if not opts.outcome.client_only:
            path = f"/api/v1/namespaces/{item.namespace}/services"
            service = await session.json("POST", path, query=opts.outcome.query, body=service)
        opts.outcome.show(session, service, "exposed")
    return 0


def service_for(item: Item, values: dict[str, str]) -> Object:
    """The service; raises CliError where the object does not say enough."""
    kind = item.resource.kind
    if kind not in ("Pod", "Service", "ReplicationController", "Deployment", "ReplicaSet"):
        raise CliError(f"cannot expose a {kind}")
    selector = pairs(tuple(values["selector"].split(",")), "selector") if values["selector"] else _selector(item)
    ports = _ports(item, values)
    metadata: Object = {"name": (values["name"] or item.name)[:63], "creationTimestamp": None}
    labels = pairs(tuple(values["labels"].split(",")), "label") if values["labels"] else _labels(item)
    if labels:
        metadata["labels"] = labels
    spec: Object = {"ports": ports, "selector": selector}
    if values["cluster-ip"]:
        spec["clusterIP"] = values["cluster-ip"]
    if values["type"]:
        spec["type"] = values["type"]
    if values["external-ip"]:
        spec["externalIPs"] = [values["external-ip"]]
    if values["session-affinity"]:
        if values["session-affinity"] not in ("None", "ClientIP"):
            raise CliError(f"unknown session affinity: {values['session-affinity']}")
        spec["sessionAffinity"] = values["session-affinity"]
    if values["load-balancer-ip"]:
        spec["loadBalancerIP"] = values["load-balancer-ip"]
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": spec,
        "status": {"loadBalancer": {}},
    }


def _labels(item: Item) -> dict[str, str]:
    return dict((item.object.get("metadata") or {}).get("labels") or {})


def _selector(item: Item) -> dict[str, str]:
    spec = item.object.get("spec") or {}
    if item.resource.kind == "Pod":
        if not _labels(item):
            raise CliError(
                "couldn't retrieve selectors via --selector flag or introspection: the pod has no labels and "
                "cannot be exposed"
            )
        return _labels(item)
    selector = spec.get("selector") or {}
    if item.resource.kind in ("Service", "ReplicationController"):
        if not selector:
            raise CliError(
                "couldn't retrieve selectors via --selector flag or introspection: the service has no pod selector set"
            )
        return dict(selector)
    if selector.get("matchExpressions"):
        raise CliError(
            "couldn't retrieve selectors via --selector flag or introspection: couldn't convert expressions - "
            f'"{selector["matchExpressions"]}" to map-based selector format'
        )
    return dict(selector.get("matchLabels") or {})


def _known_ports(item: Item) -> list[tuple[int, str]]:
    """(port, protocol) of the object."""
    spec = item.object.get("spec") or {}
    if item.resource.kind == "Service":
        return [(port["port"], port.get("protocol", "TCP")) for port in spec.get("ports") or ()]
    pod_spec = spec if item.resource.kind == "Pod" else (spec.get("template") or {}).get("spec") or {}
    return [
        (port["containerPort"], port.get("protocol", "TCP"))
        for container in pod_spec.get("containers") or ()
        for port in container.get("ports") or ()
    ]


def _ports(item: Item, values: dict[str, str]) -> list[Object]:
    known = _known_ports(item)
    protocols = {str(port): protocol for port, protocol in known}
    wanted = values["port"].split(",") if values["port"] else [str(port) for port, _ in known]
    if not wanted:
        raise CliError("couldn't find port via --port flag or introspection")
    target = values["target-port"]
    found: list[Object] = []
    for index, text in enumerate(wanted):
        if not text.isdigit():
            raise CliError(f'strconv.Atoi: parsing "{text}": invalid syntax')
        port: Object = {"name": f"port-{index + 1}"} if len(wanted) > 1 else {}
        port["protocol"] = values["protocol"] or protocols.get(text, "TCP")
        port["port"] = int(text)
        port["targetPort"] = (int(target) if target.isdigit() else target) if target else int(text)
        found.append(port)
    return found


COMMAND = Command(
    name="expose",
    summary="Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service",
    usage="expose (-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] [--target-port=number-or-name] "
    "[--name=name] [--external-ip=external-ip-of-service] [--type=type]",
    examples=(
        ("A service for a deployment", "expose deployment nginx --port=80 --target-port=8000"),
        ("A service for a pod, with a name", "expose pod valid-pod --port=444 --name=frontend"),
        ("A node port service", "expose deployment nginx --port=80 --type=NodePort"),
    ),
    flags=(
        *options.FILES,
        *options.PRINT,
        options.DRY_RUN,
        options.field_manager("kubectl-expose"),
        Flag("cluster-ip", "ClusterIP of the service; 'None' for a headless one."),
        Flag("external-ip", "An additional external address to accept traffic on."),
        Flag("labels", "Labels to apply to the service.", short="l"),
        Flag("load-balancer-ip", "Address to assign to the load balancer."),
        Flag("name", "The name of the service."),
        Flag("overrides", "An inline JSON override for the generated object."),
        Flag("port", "The port that the service should serve on."),
        Flag("protocol", "The network protocol; TCP by default."),
        Flag("save-config", "Keep the configuration in the object's annotation.", type="bool"),
        Flag("selector", "A label selector to use for the service."),
        Flag("session-affinity", "None or ClientIP."),
        Flag("target-port", "Name or number of the port on the container."),
        Flag("type", "ClusterIP, NodePort, LoadBalancer or ExternalName."),
    ),
    refused=("--override-type",),
    complete=complete,
    validate=validate,
    run=run,
)
