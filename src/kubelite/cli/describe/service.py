"""`describe service`, `endpoints` and `endpointslice`."""

from __future__ import annotations

from collections.abc import Sequence

from kubelite.cli.describe import text
from kubelite.cli.describe.text import Lines, Object, or_none

SHOWN = 3


def describe(lines: Lines, obj: Object, found: Object) -> None:
    """A service; `found` holds its endpoint slices and events."""
    spec = obj.get("spec") or {}
    text.name_of(lines, obj)
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))
    lines.add(0, f"Selector:\t{text.format_labels(spec.get('selector'))}")
    lines.add(0, f"Type:\t{spec.get('type', '')}")
    if spec.get("ipFamilyPolicy"):
        lines.add(0, f"IP Family Policy:\t{spec['ipFamilyPolicy']}")
    lines.add(0, f"IP Families:\t{or_none(','.join(spec.get('ipFamilies') or ()))}")
    lines.add(0, f"IP:\t{spec.get('clusterIP', '')}")
    lines.add(0, f"IPs:\t{or_none(','.join(spec.get('clusterIPs') or ()))}")
    if spec.get("externalIPs"):
        lines.add(0, f"External IPs:\t{','.join(spec['externalIPs'])}")
    if spec.get("loadBalancerIP"):
        lines.add(0, f"Desired LoadBalancer IP:\t{spec['loadBalancerIP']}")
    if spec.get("externalName"):
        lines.add(0, f"External Name:\t{spec['externalName']}")
    ingress = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    if ingress:
        shown = ", ".join(_ingress(one) for one in ingress)
        lines.add(0, f"LoadBalancer Ingress:\t{shown}")
    for port in spec.get("ports") or ():
        _port(lines, port, found.get("slices") or ())
    _policies(lines, spec)
    text.events(lines, found.get("events"))


def _ingress(one: Object) -> str:
    address = one.get("ip") or one.get("hostname") or ""
    return f"{address} ({one['ipMode']})" if one.get("ipMode") else address


def _port(lines: Lines, port: Object, slices: Sequence[Object]) -> None:
    name, protocol = port.get("name") or "<unset>", port.get("protocol", "TCP")
    lines.add(0, f"Port:\t{name}\t{port['port']}/{protocol}")
    lines.add(0, f"TargetPort:\t{port.get('targetPort')}/{protocol}")
    if port.get("nodePort"):
        lines.add(0, f"NodePort:\t{name}\t{port['nodePort']}/{protocol}")
    lines.add(0, f"Endpoints:\t{addresses(slices, port.get('name') or '')}")


def addresses(slices: Sequence[Object], name: str) -> str:
    """The first ready addresses behind the port with this name."""
    if not slices:
        return "<none>"
    found = []
    for one in slices:
        for port in one.get("ports") or ():
            if (port.get("name") or "") != name:
                continue
            for endpoint in one.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready") is not False:
                    found += [_joined(address, port.get("port")) for address in endpoint.get("addresses") or ()]
    text_ = ",".join(found[:SHOWN])
    return f"{text_} + {len(found) - SHOWN} more..." if len(found) > SHOWN else text_


def _joined(address: str, port: object) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _policies(lines: Lines, spec: Object) -> None:
    lines.add(0, f"Session Affinity:\t{spec.get('sessionAffinity', '')}")
    for title, key in (
        ("External Traffic Policy", "externalTrafficPolicy"),
        ("Internal Traffic Policy", "internalTrafficPolicy"),
        ("Traffic Distribution", "trafficDistribution"),
        ("HealthCheck NodePort", "healthCheckNodePort"),
    ):
        if spec.get(key):
            lines.add(0, f"{title}:\t{spec[key]}")
    if spec.get("loadBalancerSourceRanges"):
        lines.add(0, f"LoadBalancer Source Ranges:\t{','.join(spec['loadBalancerSourceRanges'])}")


def endpoints(lines: Lines, obj: Object, found: Object) -> None:
    text.name_of(lines, obj)
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))
    lines.add(0, "Subsets:")
    for subset in obj.get("subsets") or ():
        for title, key in (("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")):
            shown = ",".join(address["ip"] for address in subset.get(key) or ())
            lines.add(1, f"{title}:\t{or_none(shown)}")
        if subset.get("ports"):
            lines.add(1, "Ports:")
            lines.add(2, "Name\tPort\tProtocol")
            lines.add(2, "----\t----\t--------")
            for port in subset["ports"]:
                lines.add(2, f"{port.get('name') or '<unset>'}\t{port['port']}\t{port.get('protocol', 'TCP')}")
        lines.add(0, "")
    text.events(lines, found.get("events"))


def endpoint_slice(lines: Lines, obj: Object, found: Object) -> None:
    text.name_of(lines, obj)
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))
    lines.add(0, f"AddressType:\t{obj.get('addressType', '')}")
    if not obj.get("ports"):
        lines.add(0, "Ports: <unset>")
    else:
        lines.add(0, "Ports:")
        lines.add(1, "Name\tPort\tProtocol")
        lines.add(1, "----\t----\t--------")
        for port in obj["ports"]:
            number = port["port"] if port.get("port") is not None else "<unset>"
            lines.add(1, f"{port.get('name') or '<unset>'}\t{number}\t{port.get('protocol', 'TCP')}")
    if not obj.get("endpoints"):
        lines.add(0, "Endpoints: <none>")
    else:
        lines.add(0, "Endpoints:")
        for one in obj["endpoints"]:
            _endpoint(lines, one)
    text.events(lines, found.get("events"))


def _endpoint(lines: Lines, one: Object) -> None:
    lines.add(1, f"- Addresses:\t{or_none(', '.join(one.get('addresses') or ()))}")
    lines.add(2, "Conditions:")
    ready = (one.get("conditions") or {}).get("ready")
    lines.add(3, f"Ready:\t{'<unset>' if ready is None else 'true' if ready else 'false'}")
    lines.add(2, f"Hostname:\t{one.get('hostname') or '<unset>'}")
    target = one.get("targetRef")
    if target:
        lines.add(2, f"TargetRef:\t{target.get('kind')}/{target.get('name')}")
    lines.add(2, f"NodeName:\t{one.get('nodeName') or '<unset>'}")
    lines.add(2, f"Zone:\t{one.get('zone') or '<unset>'}")
