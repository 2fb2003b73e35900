"""Containers, their state, probes, environment and mounts, as pods and pod templates show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubelite.cli.describe.text import Lines, Object, amounts, date, or_none


def containers(
    lines: Lines, title: str, found: Sequence[Object], statuses: Sequence[Object], pod: Object | None, space: str = ""
) -> None:
    """A group of containers; `pod` resolves field references, None for a template."""
    if not found:
        lines.add(0, f"{space}{title}: <none>")
        return
    lines.add(0, f"{space}{title}:")
    by_name = {status["name"]: status for status in statuses}
    for container in found:
        status = by_name.get(container["name"])
        _basics(lines, container, status, " " if space else "")
        _command(lines, container)
        if status is not None:
            _state(lines, status)
        resources = container.get("resources") or {}
        amounts(lines, 2, "Limits", resources.get("limits"))
        amounts(lines, 2, "Requests", resources.get("requests"))
        for word in ("liveness", "readiness", "startup"):
            if container.get(f"{word}Probe"):
                lines.add(2, f"{word.capitalize()}:\t{probe(container[f'{word}Probe'])}")
        _env_from(lines, container.get("envFrom") or ())
        _env(lines, container, pod)
        _mounts(lines, container)


def _basics(lines: Lines, container: Object, status: Object | None, indent: str) -> None:
    lines.add(1, f"{indent}{container['name']}:")
    if status is not None:
        lines.add(2, f"Container ID:\t{status.get('containerID', '')}")
    lines.add(2, f"Image:\t{container.get('image', '')}")
    if status is not None:
        lines.add(2, f"Image ID:\t{status.get('imageID', '')}")
    ports = container.get("ports") or ()
    shown = ", ".join(_port(port) for port in ports)
    lines.add(2, f"{'Ports' if ',' in shown else 'Port'}:\t{or_none(shown)}")
    hosts = ", ".join(f"{port.get('hostPort', 0)}/{port.get('protocol', 'TCP')}" for port in ports)
    lines.add(2, f"{'Host Ports' if ',' in hosts else 'Host Port'}:\t{or_none(hosts)}")
    profile = (container.get("securityContext") or {}).get("seccompProfile")
    if profile:
        lines.add(2, f"SeccompProfile:\t{profile['type']}")
        if profile.get("localhostProfile"):
            lines.add(3, f"LocalhostProfile:\t{profile['localhostProfile']}")


def _port(port: Object) -> str:
    return f"{port['containerPort']}/{port.get('protocol', 'TCP')}"


def _command(lines: Lines, container: Object) -> None:
    for title, key in (("Command", "command"), ("Args", "args")):
        if container.get(key):
            lines.add(2, f"{title}:")
            for word in container[key]:
                for part in word.split("\n"):
                    lines.add(3, part)


def _state(lines: Lines, status: Object) -> None:
    _one_state(lines, "State", status.get("state") or {})
    if (status.get("lastState") or {}).get("terminated"):
        _one_state(lines, "Last State", status["lastState"])
    lines.add(2, f"Ready:\t{'True' if status.get('ready') else 'False'}")
    lines.add(2, f"Restart Count:\t{status.get('restartCount', 0)}")


def _one_state(lines: Lines, title: str, state: Object) -> None:
    if state.get("running") is not None:
        lines.add(2, f"{title}:\tRunning")
        lines.add(3, f"Started:\t{date(state['running'].get('startedAt'))}")
    elif state.get("terminated") is not None:
        ended = state["terminated"]
        lines.add(2, f"{title}:\tTerminated")
        for key in ("reason", "message"):
            if ended.get(key):
                lines.add(3, f"{key.capitalize()}:\t{ended[key]}")
        lines.add(3, f"Exit Code:\t{ended.get('exitCode', 0)}")
        if ended.get("signal"):
            lines.add(3, f"Signal:\t{ended['signal']}")
        lines.add(3, f"Started:\t{date(ended.get('startedAt'))}")
        lines.add(3, f"Finished:\t{date(ended.get('finishedAt'))}")
    else:
        lines.add(2, f"{title}:\tWaiting")
        reason = (state.get("waiting") or {}).get("reason")
        if reason:
            lines.add(3, f"Reason:\t{reason}")


def probe(found: Object) -> str:
    """A probe on one line."""
    numbers = (
        f"delay={found.get('initialDelaySeconds', 0)}s timeout={found.get('timeoutSeconds', 0)}s "
        f"period={found.get('periodSeconds', 0)}s #success={found.get('successThreshold', 0)} "
        f"#failure={found.get('failureThreshold', 0)}"
    )
    if found.get("exec"):
        return f"exec [{' '.join(found['exec'].get('command') or ())}] {numbers}"
    if found.get("httpGet"):
        get = found["httpGet"]
        path = get.get("path", "")
        slash = "" if not path or path.startswith("/") else "/"
        url = f"{get.get('scheme', 'HTTP').lower()}://{get.get('host', '')}:{get.get('port', '')}{slash}{path}"
        return f"http-get {url} {numbers}"
    if found.get("tcpSocket"):
        return f"tcp-socket {found['tcpSocket'].get('host', '')}:{found['tcpSocket'].get('port', '')} {numbers}"
    if found.get("grpc"):
        return f"grpc <pod>:{found['grpc'].get('port', 0)} {found['grpc'].get('service') or ''} {numbers}"
    return f"unknown {numbers}"


def _env_from(lines: Lines, sources: Sequence[Object]) -> None:
    if not sources:
        return
    lines.add(2, "Environment Variables from:")
    for source in sources:
        kind, key = ("ConfigMap", "configMapRef") if source.get("configMapRef") else ("Secret", "secretRef")
        found = source.get(key) or {}
        prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
        lines.add(3, f"{found.get('name', '')}\t{kind}{prefix}\tOptional: {_bool(found.get('optional'))}")


def _bool(value: Any) -> str:
    return "true" if value else "false"


def _env(lines: Lines, container: Object, pod: Object | None) -> None:
    found = container.get("env") or ()
    lines.add(2, "Environment:" + ("" if found else "\t<none>"))
    for one in found:
        name, source = one["name"], one.get("valueFrom")
        if not source:
            for index, part in enumerate((one.get("value") or "").split("\n")):
                lines.add(3, f"{name + ':' if index == 0 else ''}\t{part}")
        elif source.get("fieldRef"):
            ref = source["fieldRef"]
            value = field_value(pod, ref.get("fieldPath", "")) if pod is not None else ""
            lines.add(3, f"{name}:\t{value} ({ref.get('apiVersion', 'v1')}:{ref.get('fieldPath', '')})")
        elif source.get("resourceFieldRef"):
            ref = source["resourceFieldRef"]
            lines.add(3, f"{name}:\t{_resource_value(container, ref)} ({ref.get('resource', '')})")
        elif source.get("secretKeyRef"):
            ref = source["secretKeyRef"]
            text = f"<set to the key '{ref.get('key')}' in secret '{ref.get('name', '')}'>"
            lines.add(3, f"{name}:\t{text}\tOptional: {_bool(ref.get('optional'))}")
        elif source.get("configMapKeyRef"):
            ref = source["configMapKeyRef"]
            text = f"<set to the key '{ref.get('key')}' of config map '{ref.get('name', '')}'>"
            lines.add(3, f"{name}:\t{text}\tOptional: {_bool(ref.get('optional'))}")


def field_value(pod: Object, path: str) -> str:
    """A downward API field of a pod, "" where it has none."""
    value: Any = pod
    head, bracket, key = path.partition("[")
    for part in head.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if bracket and isinstance(value, Mapping):
        value = value.get(key.rstrip("]").strip("'\""))
    return "" if value is None else str(value)


def _resource_value(container: Object, ref: Object) -> str:
    from kubelite.machinery import quantity

    group, _, name = str(ref.get("resource", "")).partition(".")
    amount = ((container.get("resources") or {}).get(group) or {}).get(name)
    if amount is None:
        return "node allocatable" if group == "limits" else "0"
    divisor = ref.get("divisor") or "1"
    if str(divisor) == "0":
        divisor = "1"
    return str(-(-quantity.milli(amount) // max(1, quantity.milli(divisor))))


def _mounts(lines: Lines, container: Object) -> None:
    found = container.get("volumeMounts") or ()
    lines.add(2, "Mounts:" + ("" if found else "\t<none>"))
    for mount in sorted(found, key=lambda one: str(one.get("mountPath"))):
        flags = ["ro" if mount.get("readOnly") else "rw"]
        if mount.get("subPath"):
            flags.append(f'path="{mount["subPath"]}"')
        lines.add(3, f"{mount['mountPath']} from {mount['name']} ({','.join(flags)})")
    devices = container.get("volumeDevices") or ()
    if devices:
        lines.add(2, "Devices:")
        for device in devices:
            lines.add(3, f"{device['devicePath']} from {device['name']}")
