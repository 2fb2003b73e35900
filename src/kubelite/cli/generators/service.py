"""`create service clusterip|nodeport|loadbalancer|externalname`."""

from __future__ import annotations

from kubelite.cli.command import Command
from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.generators.base import generator, metadata, one_name
from kubelite.cli.session import Object


def _port(text: str, node_port: int) -> Object:
    """`80` or `80:8080` (or `80:name`) as a service port."""
    first, colon, second = text.partition(":")
    if not first.isdigit() or not 0 < int(first) < 65536:
        raise CliError(f"invalid port {text!r}: must be PORT or PORT:TARGET".replace("'", '"'))
    target: int | str = int(first)
    if colon:
        target = int(second) if second.isdigit() else second
    name = text.replace(":", "-")
    port: Object = {"name": name, "protocol": "TCP", "port": int(first), "targetPort": target}
    return port | ({"nodePort": node_port} if node_port else {})


def _service(parsed: Parsed, type_: str) -> Object:
    name = one_name(parsed)
    spec: Object = {}
    node_port = parsed.number("node-port") if "node-port" in parsed.values else 0
    if parsed.many("tcp"):
        spec["ports"] = [_port(text, node_port) for text in parsed.many("tcp")]
    cluster_ip = str(parsed.values.get("clusterip", ""))
    if not spec and cluster_ip != "None" and type_ != "ExternalName":
        raise CliError("at least one tcp port specifier must be provided")
    spec["selector"] = {"app": name}
    if cluster_ip:
        spec["clusterIP"] = cluster_ip
    spec["type"] = type_
    if type_ == "ExternalName":
        if not parsed.text("external-name"):
            raise CliError('required flag(s) "external-name" not set')
        spec["externalName"] = parsed.text("external-name")
    labels = {"app": name}
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": metadata(name, labels=labels),
        "spec": spec,
        "status": {"loadBalancer": {}},
    }


_TCP = Flag("tcp", "Port pairs: '<port>' or '<port>:<targetPort>'.", type="slice")
CLUSTER_IP = generator(
    "clusterip",
    "Create a ClusterIP service",
    "create service clusterip NAME [--tcp=<port>:<targetPort>]",
    lambda parsed: _service(parsed, "ClusterIP"),
    flags=(_TCP, Flag("clusterip", "Assign your own ClusterIP, or 'None' for a headless service.")),
    examples=(("Create a headless service", 'create service clusterip my-cs --clusterip="None"'),),
)
NODE_PORT = generator(
    "nodeport",
    "Create a NodePort service",
    "create service nodeport NAME [--tcp=port:targetPort]",
    lambda parsed: _service(parsed, "NodePort"),
    flags=(_TCP, Flag("node-port", "Port used to expose the service on each node.", type="int")),
    examples=(("Create a node port service", "create service nodeport my-ns --tcp=5678:8080"),),
)
LOAD_BALANCER = generator(
    "loadbalancer",
    "Create a LoadBalancer service",
    "create service loadbalancer NAME [--tcp=port:targetPort]",
    lambda parsed: _service(parsed, "LoadBalancer"),
    flags=(_TCP,),
    examples=(("Create a load balancer service", "create service loadbalancer my-lbs --tcp=5678:8080"),),
)
EXTERNAL_NAME = generator(
    "externalname",
    "Create an ExternalName service",
    "create service externalname NAME --external-name external.name",
    lambda parsed: _service(parsed, "ExternalName"),
    flags=(_TCP, Flag("external-name", "External name of the service.")),
    examples=(("Create an external name service", "create service externalname my-ns --external-name bar.com"),),
)
_HERE = "kubelite.cli.generators.service"
COMMAND = Command(
    name="service",
    summary="Create a service using a specified subcommand",
    usage="create service (clusterip | externalname | loadbalancer | nodeport)",
    aliases=("svc",),
    subcommands={
        "clusterip": f"{_HERE}:CLUSTER_IP",
        "externalname": f"{_HERE}:EXTERNAL_NAME",
        "loadbalancer": f"{_HERE}:LOAD_BALANCER",
        "nodeport": f"{_HERE}:NODE_PORT",
    },
)
