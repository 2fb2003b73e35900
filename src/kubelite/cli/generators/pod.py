"""The pod that `run` makes."""

from __future__ import annotations

from typing import Any

from kubelite.cli.failures import CliError
from kubelite.cli.flags import Parsed
from kubelite.cli.generators.base import metadata, pairs
from kubelite.cli.session import Object

POLICIES = ("Always", "OnFailure", "Never")


def labels_of(parsed: Parsed, name: str) -> dict[str, str]:
    text = parsed.text("labels")
    return pairs(tuple(text.split(",")), "label spec") if text else {"run": name}


def env_of(values: tuple[str, ...]) -> list[Object]:
    found = []
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name:
            raise CliError(f"invalid env: {value}")
        found.append({"name": name, "value": text})
    return found


def build(parsed: Parsed, name: str, arguments: list[str]) -> Object:
    """Raises CliError for flags that make no sense."""
    policy = parsed.text("restart")
    if policy not in POLICIES:
        raise CliError(f"invalid restart policy: {policy}")
    container: dict[str, Any] = {"name": name, "image": parsed.text("image")}
    if arguments:
        container["command" if parsed.on("command") else "args"] = arguments
    if parsed.text("port"):
        if not parsed.text("port").isdigit():
            raise CliError(f'strconv.ParseInt: parsing "{parsed.text("port")}": invalid syntax')
        container["ports"] = [{"containerPort": int(parsed.text("port"))}]
    if parsed.many("env"):
        container["env"] = env_of(parsed.many("env"))
    container["resources"] = {}
    if parsed.text("image-pull-policy"):
        container["imagePullPolicy"] = parsed.text("image-pull-policy")
    if parsed.on("stdin"):
        container["stdin"] = True
        container["stdinOnce"] = not parsed.on("leave-stdin-open")
    if parsed.on("tty"):
        container["tty"] = True
    if parsed.on("privileged"):
        container["securityContext"] = {"privileged": True}
    meta = metadata(name, labels=labels_of(parsed, name))
    if parsed.many("annotations"):
        meta["annotations"] = pairs(parsed.many("annotations"), "annotation")
    spec = {"containers": [container], "restartPolicy": policy, "dnsPolicy": "ClusterFirst"}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": spec, "status": {}}
