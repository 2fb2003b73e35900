"""`create deployment`: one container per image, with or without a command and a port."""

from __future__ import annotations

from typing import Any

from kubelite.cli.failures import CliError, UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.generators.base import generator
from kubelite.cli.session import Object


def container_name(image: str) -> str:
    """A name from an image: its last path part without tag and digest, as a DNS label."""
    base = image.rpartition("/")[2].partition(":")[0].partition("@")[0]
    return "".join(letter for letter in base.lower().replace("_", "-") if letter.isalnum() or letter == "-")


def build(parsed: Parsed) -> Object:
    if not parsed.args:
        raise UsageError("exactly one NAME is required, got 0")
    name, command = parsed.args[0], parsed.args[1:]
    if command and parsed.dash != 1:
        raise UsageError(f"exactly one NAME is required, got {len(parsed.args)}")
    images = parsed.many("image")
    if not images:
        raise CliError('required flag(s) "image" not set')
    if len(images) > 1 and command:
        raise CliError("cannot specify multiple --image options and command")
    containers: list[Object] = []
    for image in images:
        container: dict[str, Any] = {"name": container_name(image), "image": image}
        if command:
            container["command"] = command
        if parsed.number("port") > 0:
            container["ports"] = [{"containerPort": parsed.number("port")}]
        containers.append(container | {"resources": {}})
    labels = {"app": name}
    return {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": name, "creationTimestamp": None, "labels": labels},
        "spec": {
            "replicas": parsed.number("replicas"),
            "selector": {"matchLabels": dict(labels)},
            "template": {
                "metadata": {"creationTimestamp": None, "labels": dict(labels)},
                "spec": {"containers": containers},
            },
            "strategy": {},
        },
        "status": {},
    }


COMMAND = generator(
    "deployment",
    "Create a deployment with the specified name",
    "create deployment NAME --image=image -- [COMMAND] [args...]",
    build,
    aliases=("deploy",),
    examples=(
        ("Create a deployment that runs the nginx image", "create deployment my-dep --image=nginx"),
        ("Create a deployment with a command", "create deployment my-dep --image=busybox -- date"),
        ("Create a deployment with three replicas", "create deployment my-dep --image=nginx --replicas=3"),
        ("Create a deployment that exposes port 5701", "create deployment my-dep --image=busybox --port=5701"),
    ),
    flags=(
        Flag("image", "Image names to run; a deployment can have several containers.", type="slice"),
        Flag("port", "The container port to expose.", type="int", default=-1),
        Flag("replicas", "Number of replicas to create.", short="r", type="int", default=1),
    ),
)
