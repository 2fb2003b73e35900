"""`describe ingress` and `networkpolicy`.

Follows kubectl/pkg/describe/describe.go.
"""

from __future__ import annotations

from kubelite.cli.describe import text
from kubelite.cli.describe.service import addresses
from kubelite.cli.describe.text import Lines, Object
from kubelite.machinery import times


def ingress(lines: Lines, obj: Object, found: Object) -> None:
    """Rules and where they lead; `found["services"]` has each service with its slices, or why it cannot be had."""
    spec, meta = obj.get("spec") or {}, text.meta(obj)
    lines.add(0, f"Name:\t{meta.get('name', '')}")
    text.label_lines(lines, "Labels", meta.get("labels"))
    lines.add(0, f"Namespace:\t{meta.get('namespace', '')}")
    entries = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    lines.add(0, f"Address:\t{','.join(sorted({one.get('ip') or one.get('hostname') or '' for one in entries}))}")
    lines.add(0, f"Ingress Class:\t{spec.get('ingressClassName') or '<none>'}")
    default = "<default>" if spec.get("defaultBackend") is None else _backend(spec["defaultBackend"], found)
    lines.add(0, f"Default backend:\t{default}")
    if spec.get("tls"):
        lines.add(0, "TLS:")
    for one in spec.get("tls") or ():
        hosts = ",".join(one.get("hosts") or ())
        lines.add(1, f"{one['secretName']} terminates {hosts}" if one.get("secretName") else f"SNI routes {hosts}")
    lines.add(0, "Rules:\n  Host\tPath\tBackends")
    lines.add(1, "----\t----\t--------")
    rules = [rule for rule in spec.get("rules") or () if rule.get("http") is not None]
    for rule in rules:
        lines.add(1, f"{rule.get('host') or '*'}\t")
        for path in rule["http"].get("paths") or ():
            lines.add(1, f"\t{path.get('path', '')} \t{_backend(path['backend'], found)}")
    if not rules:
        lines.add(1, f"*\t* \t{default}")
    text.annotation_lines(lines, meta.get("annotations"))
    text.events(lines, found.get("events"))


def _backend(backend: Object, found: Object) -> str:
    resource = backend.get("resource")
    if resource is not None:
        group, kind, name = resource.get("apiGroup", ""), resource.get("kind", ""), resource.get("name", "")
        return f"APIGroup: {group}, Kind: {kind}, Name: {name}"
    service = backend.get("service") or {}
    wanted = service.get("port") or {}
    head = f"{service.get('name', '')}:{wanted.get('number') or wanted.get('name', '')}"
    known = (found.get("services") or {}).get(service.get("name", ""))
    if not isinstance(known, tuple):
        return f"{head} (<error: {known}>)"
    name = ""
    for port in (known[0].get("spec") or {}).get("ports") or ():
        if wanted.get("number") == port["port"] or (wanted.get("name") and wanted["name"] == port.get("name")):
            name = port.get("name") or ""
    return f"{head} ({addresses(known[1], name)})"


def network_policy(lines: Lines, obj: Object, found: Object) -> None:
    """Which traffic of which pods is allowed; there are no events."""
    spec, meta = obj.get("spec") or {}, text.meta(obj)
    text.name_of(lines, obj)
    made = times.parse(meta["creationTimestamp"]).astimezone() if meta.get("creationTimestamp") else None
    lines.add(0, f"Created on:\t{f'{made:%Y-%m-%d %H:%M:%S %z %Z}' if made else '0001-01-01 00:00:00 +0000 UTC'}")
    text.label_lines(lines, "Labels", meta.get("labels"))
    text.annotation_lines(lines, meta.get("annotations"))
    lines.add(0, "Spec:")
    selector = spec.get("podSelector") or {}
    all_pods = "<none> (Allowing the specific traffic to all pods in this namespace)"
    lines.add(1, f"PodSelector:     {text.selector_text(selector) if any(selector.values()) else all_pods}")
    types = spec.get("policyTypes") or ()
    for type_, key, peers, rest in (
        ("Ingress", "ingress", "from", "From: <any> (traffic not restricted by source)"),
        ("Egress", "egress", "to", "To: <any> (traffic not restricted by destination)"),
    ):
        if type_ not in types:
            lines.add(1, f"Not affecting {key} traffic")
            continue
        lines.add(1, f"Allowing {key} traffic:")
        rules = spec.get(key) or ()
        if not rules:
            lines.add(2, f"<none> (Selected pods are isolated for {key} connectivity)")
        for index, rule in enumerate(rules):
            if index:
                lines.add(2, "----------")
            _rule(lines, rule, peers, rest)
    lines.add(1, f"Policy Types: {', '.join(types)}")


def _rule(lines: Lines, rule: Object, key: str, rest: str) -> None:
    if not rule.get("ports"):
        lines.add(2, "To Port: <any> (traffic allowed to all ports)")
    for port in rule.get("ports") or ():
        protocol = port.get("protocol", "TCP")
        if port.get("endPort") is not None:
            lines.add(2, f"To Port Range: {port.get('port')}-{port['endPort']}/{protocol}")
        else:
            lines.add(2, f"To Port: {port.get('port', '<nil>')}/{protocol}")
    if not rule.get(key):
        lines.add(2, rest)
    for peer in rule.get(key) or ():
        lines.add(2, f"{key.capitalize()}:")
        block = peer.get("ipBlock")
        if block is not None:
            lines.add(3, "IPBlock:")
            lines.add(4, f"CIDR: {block['cidr']}")
            lines.add(4, f"Except: {', '.join(block.get('except') or ())}")
            continue
        for title, field in (("NamespaceSelector", "namespaceSelector"), ("PodSelector", "podSelector")):
            if peer.get(field) is not None:
                lines.add(3, f"{title}: {text.selector_text(peer[field])}")
