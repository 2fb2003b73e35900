"""`create ingress`: rules of the form host/path=service:port[,tls[=secret]]."""

from __future__ import annotations

import re
from typing import Any

from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.generators.base import generator, metadata, one_name
from kubelite.cli.session import Object

RULE = re.compile(r"^(?P<host>[^/=]*)(?P<path>/[^=]*)=(?P<service>[^:,=]+):(?P<port>[\w-]+)(?P<tls>,(?P<rest>.*))?$")


def build(parsed: Parsed) -> Object:
    name = one_name(parsed)
    rules, default = parsed.many("rule"), parsed.text("default-backend")
    if not rules and not default:
        raise CliError(
            "not enough information provided: every ingress has to either specify a default-backend (which catches all "
            "traffic) or a list of rules (which catch specific paths)"
        )
    matched = [_matched(rule) for rule in rules]
    more = {"annotations": _annotations(parsed.many("annotation"))} if parsed.many("annotation") else {}
    spec: dict[str, Any] = {}
    if parsed.text("class"):
        spec["ingressClassName"] = parsed.text("class")
    if default:
        service, _, port = default.partition(":")
        if default.count(":") != 1 or not service or not port:
            raise CliError("default-backend should be in format servicename:serviceport")
        spec["defaultBackend"] = _backend(service, port)
    if matched:
        certificates = _certificates(matched)
        spec |= {"tls": certificates} if certificates else {}
        spec["rules"] = _rules(matched)
    return {
        "kind": "Ingress",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": metadata(name, **more),
        "spec": spec,
        "status": {"loadBalancer": {}},
    }


def _matched(rule: str) -> re.Match[str]:
    found = RULE.match(rule)
    if found is None:
        raise CliError(f"rule {rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]")
    return found


def _annotations(texts: tuple[str, ...]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise CliError(f"annotation {text} is invalid and should be in format key=[value]")
    return {key: value for key, _, value in (text.partition("=") for text in texts)}


def _backend(service: str, port: str) -> Object:
    return {"service": {"name": service, "port": {"number": int(port)} if port.isdecimal() else {"name": port}}}


def _rules(matched: list[re.Match[str]]) -> list[Object]:
    """One rule a host, with its paths in order."""
    paths: dict[str, list[Object]] = {}
    for rule in matched:
        prefix = rule["path"].endswith("*")
        path = {
            "path": rule["path"].removesuffix("*") if prefix else rule["path"],
            "pathType": "Prefix" if prefix else "Exact",
            "backend": _backend(rule["service"], rule["port"]),
        }
        paths.setdefault(rule["host"], []).append(path)
    return [({"host": host} if host else {}) | {"http": {"paths": found}} for host, found in paths.items()]


def _certificates(matched: list[re.Match[str]]) -> list[Object]:
    hosts: dict[str, list[str]] = {}
    for rule in matched:
        if rule["tls"]:
            _, _, secret = rule["rest"].partition("=")
            found = hosts.setdefault(secret, [])
            if rule["host"] and rule["host"] not in found:
                found.append(rule["host"])
    return [
        ({"hosts": found} if found else {}) | ({"secretName": secret} if secret else {})
        for secret, found in hosts.items()
    ]


COMMAND = generator(
    "ingress",
    "Create an ingress with the specified name",
    "create ingress NAME --rule=host/path=service:port[,tls[=secret]]",
    build,
    aliases=("ing",),
    examples=(
        ("Send one path of one host to a service", 'create ingress simple --rule="foo.com/bar=svc1:8080,tls=my-cert"'),
        (
            "Send all paths of a host, over TLS",
            'create ingress annotated --class=nginx --rule="foo.com/*=svc:8080,tls"',
        ),
        (
            "Send what no rule matches to a service of its own",
            'create ingress fallback --default-backend=defaultsvc:http --rule="foo.com/*=svc:8080"',
        ),
    ),
    flags=(
        Flag("class", "Ingress class to be used."),
        Flag(
            "rule",
            "Rule in format host/path=service:port[,tls=secretname]; a path ending in * is a prefix.",
            type="array",
        ),
        Flag("default-backend", "Default service for backend, in format of svcname:port."),
        Flag("annotation", "Annotation to insert in the ingress object, in the format annotation=value.", type="array"),
    ),
)
