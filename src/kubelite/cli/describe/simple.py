"""Small kinds: namespace, config map, secret, service account, role, binding, priority class."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from kubelite.cli.describe import limits, text
from kubelite.cli.describe.text import Lines, Object


def _head(lines: Lines, obj: Object, *, namespace: bool = True) -> None:
    text.name_of(lines, obj, namespace=namespace)
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))


def namespace(lines: Lines, obj: Object, found: Object) -> None:
    _head(lines, obj, namespace=False)
    status = obj.get("status") or {}
    lines.add(0, f"Status:\t{status.get('phase', '')}")
    if status.get("conditions"):
        lines.add(0, "Conditions:\n  Type\tStatus\tLastTransitionTime\tReason\tMessage")
        lines.add(1, "----\t------\t------------------\t------\t-------")
        for one in status["conditions"]:
            when = text.date(one.get("lastTransitionTime"))
            lines.add(1, f"{one['type']}\t{one['status']}\t{when}\t{one.get('reason', '')}\t{one.get('message', '')}")
    limits.of_namespace(lines, found)


def config_map(lines: Lines, obj: Object, found: Object) -> None:
    _head(lines, obj)
    lines.raw("\nData\n====\n")
    for key in sorted(obj.get("data") or {}):
        lines.raw(f"{key}:\n----\n{obj['data'][key]}\n\n")
    lines.raw("\nBinaryData\n====\n")
    for key in sorted(obj.get("binaryData") or {}):
        lines.raw(f"{key}: {len(base64.b64decode(obj['binaryData'][key]))} bytes\n")
    lines.raw("\n")
    text.events(lines, found.get("events"))


def secret(lines: Lines, obj: Object, found: Object) -> None:
    _head(lines, obj)
    lines.raw(f"\nType:\t{obj.get('type', '')}\n")
    lines.raw("\nData\n====\n")
    for key in sorted(obj.get("data") or {}):
        data = base64.b64decode(obj["data"][key])
        if key == "token" and obj.get("type") == "kubernetes.io/service-account-token":
            lines.add(0, f"{key}:\t{data.decode('utf-8', 'replace')}")
        else:
            lines.add(0, f"{key}:\t{len(data)} bytes")


def service_account(lines: Lines, obj: Object, found: Object) -> None:
    _head(lines, obj)
    pull = [one["name"] for one in obj.get("imagePullSecrets") or ()]
    mounted = [one["name"] for one in obj.get("secrets") or ()]
    for title, names in (("Image pull secrets", pull), ("Mountable secrets", mounted), ("Tokens", [])):
        if not names:
            lines.add(0, f"{title}:\t<none>")
        for index, name in enumerate(names):
            lines.add(0, f"{title + ':' if index == 0 else ''}\t{name}")
    text.events(lines, found.get("events"))


def role(lines: Lines, obj: Object, found: Object) -> None:
    text.name_of(lines, obj, namespace=False)
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))
    lines.add(0, "PolicyRule:")
    lines.add(1, "Resources\tNon-Resource URLs\tResource Names\tVerbs")
    lines.add(1, "---------\t-----------------\t--------------\t-----")
    for row in rule_rows(obj.get("rules") or ()):
        lines.add(1, row)


def rule_rows(rules: Iterable[Object]) -> list[str]:
    """One row for each resource and name, verbs of equal ones joined, in the order of their text."""
    simple: dict[tuple[str, str, str], list[str]] = {}
    urls: list[tuple[str, str]] = []
    for rule in rules:
        verbs = list(rule.get("verbs") or ())
        for verb in verbs if rule.get("nonResourceURLs") else ():
            for url in rule["nonResourceURLs"]:
                key = f"Verbs:[{verb}],APIGroups:[],Resources:[],ResourceNames:[],NonResourceURLs:[{url}]"
                urls.append((key, f"\t[{url}]\t[]\t[{verb}]"))
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                for name in rule.get("resourceNames") or ("",):
                    known = simple.setdefault((group, resource, name), [])
                    known += [verb for verb in verbs if verb not in known]
    rows = list(urls)
    for (group, resource, name), verbs in simple.items():
        shown = " ".join(verbs)
        key = f"Verbs:[{shown}],APIGroups:[{group}],Resources:[{resource}],ResourceNames:[{name}],NonResourceURLs:[]"
        rows.append((key, f"{_named(resource, group)}\t[]\t[{name}]\t[{shown}]"))
    return [row for _, row in sorted(rows)]


def _named(resource: str, group: str) -> str:
    """`daemonsets.apps/status`: the group stands before the subresource."""
    word, slash, rest = resource.partition("/")
    return f"{word}.{group}{slash}{rest}" if group else resource


def binding(lines: Lines, obj: Object, found: Object) -> None:
    text.name_of(lines, obj, namespace=False)
    text.label_lines(lines, "Labels", text.meta(obj).get("labels"))
    text.annotation_lines(lines, text.meta(obj).get("annotations"))
    ref = obj.get("roleRef") or {}
    lines.add(0, "Role:")
    lines.add(1, f"Kind:\t{ref.get('kind', '')}")
    lines.add(1, f"Name:\t{ref.get('name', '')}")
    lines.add(0, "Subjects:")
    lines.add(1, "Kind\tName\tNamespace")
    lines.add(1, "----\t----\t---------")
    for one in obj.get("subjects") or ():
        lines.add(1, f"{one.get('kind', '')}\t{one.get('name', '')}\t{one.get('namespace', '')}")


def priority_class(lines: Lines, obj: Object, found: Object) -> None:
    text.name_of(lines, obj, namespace=False)
    lines.add(0, f"Value:\t{obj.get('value', 0)}")
    lines.add(0, f"GlobalDefault:\t{'true' if obj.get('globalDefault') else 'false'}")
    lines.add(0, f"PreemptionPolicy:\t{obj.get('preemptionPolicy', '')}")
    lines.add(0, f"Description:\t{obj.get('description', '')}")
    lines.add(0, f"Annotations:\t{text.format_labels(text.meta(obj).get('annotations'))}")
    text.events(lines, found.get("events"))
