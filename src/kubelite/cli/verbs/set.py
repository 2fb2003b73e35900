"""`set image|env|resources|serviceaccount`: change one thing of pod templates.

Flow: arguments → objects → a changed template (pure) → strategic patch. Follows kubectl/pkg/cmd/set.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubelite.cli import builder, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import Outcome, outcome
from kubelite.cli.session import Object, Session

Change = Callable[[Object], None]
"""Changes a pod spec in place; raises CliError."""


@dataclass(frozen=True, slots=True)
class Options:
    """Where and what to change."""

    where: Pointer
    change: Change
    done: str
    local: bool
    list: bool
    outcome: Outcome


def _resources_and(parsed: Parsed, is_change: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    first = next((index for index, arg in enumerate(parsed.args) if is_change(arg)), len(parsed.args))
    return parsed.args[:first], parsed.args[first:]


def _options(parsed: Parsed, args: list[str], change: Change, done: str) -> Options:
    if not args and not parsed.many("filename"):
        raise CliError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    listing = bool(parsed.values.get("list", False))
    return Options(builder.pointer(parsed, args), change, done, parsed.on("local"), listing, outcome(parsed))


def _containers(spec: Object) -> list[Object]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def complete_image(parsed: Parsed, session: Session) -> Options:
    args, changes = _resources_and(parsed, lambda arg: "=" in arg)
    images: dict[str, str] = {}
    for text in changes:
        name, equals, image = text.partition("=")
        if not equals or not name or not image:
            raise CliError(f"invalid image: {text}" if equals else f"unexpected argument {text}")
        images[name] = image
    if not images:
        raise CliError("at least one image update is required")
    if "*" in images and len(images) > 1:
        raise CliError(
            "all containers are already specified by *, but saw more than one container_name=container_image pairs"
        )

    def change(spec: Object) -> None:
        for name, image in images.items():
            found = [one for one in _containers(spec) if name in ("*", one["name"])]
            if not found:
                raise CliError(f'unable to find container named "{name}"')
            for one in found:
                one["image"] = image

    return _options(parsed, args, change, "image updated")


def complete_env(parsed: Parsed, session: Session) -> Options:
    args, changes = _resources_and(parsed, lambda arg: "=" in arg or arg.endswith("-"))
    changes += list(parsed.many("env"))
    wanted: dict[str, str] = {}
    removed: list[str] = []
    for text in changes:
        name, equals, value = text.partition("=")
        if equals:
            wanted[name] = value
        elif text.endswith("-"):
            removed.append(text[:-1])
        else:
            raise CliError(f"environment variables must be of the form key=value: {text}")
    if not wanted and not removed and not parsed.on("list"):
        raise CliError("at least one environment variable must be provided")
    names = parsed.text("containers")

    def change(spec: Object) -> None:
        for one in _containers(spec):
            if names not in ("*", one["name"]):
                continue
            env = [entry for entry in one.get("env") or () if entry["name"] not in removed]
            for name, value in wanted.items():
                present = next((entry for entry in env if entry["name"] == name), None)
                if present is None:
                    env.append({"name": name, "value": value})
                elif present.get("value") != value and not parsed.on("overwrite"):
                    raise CliError(
                        f"'{name}' already has a value ({present.get('value', '')}), and --overwrite is false"
                    )
                else:
                    present.pop("valueFrom", None)
                    present["value"] = value
            one["env"] = env

    return _options(parsed, args, change, "env updated")


def complete_resources(parsed: Parsed, session: Session) -> Options:
    from kubelite.cli.generators.base import pairs

    wanted = {
        key: pairs(tuple(parsed.text(key).split(",")), "argument syntax")
        for key in ("limits", "requests")
        if parsed.text(key)
    }
    if not wanted:
        raise CliError("you must specify an update to requests or limits (in the form of --requests/--limits)")
    names = parsed.text("containers")

    def change(spec: Object) -> None:
        found = [one for one in _containers(spec) if names in ("*", one["name"])]
        if not found:
            raise CliError(f"unable to find container named {names}")
        for one in found:
            resources = one.setdefault("resources", {})
            for key, amounts in wanted.items():
                resources[key] = (resources.get(key) or {}) | amounts

    return _options(parsed, list(parsed.args), change, "resource requirements updated")


def complete_service_account(parsed: Parsed, session: Session) -> Options:
    if not parsed.args:
        raise CliError("serviceaccount is required")
    name = parsed.args[-1]

    def change(spec: Object) -> None:
        spec["serviceAccountName"] = name

    return _options(parsed, parsed.args[:-1], change, "serviceaccount updated")


def pod_spec(obj: Object) -> Object:
    """The pod spec inside an object. Raises CliError for a kind without one."""
    spec: Any = obj.get("spec") or {}
    if obj.get("kind") == "Pod":
        found: Object = spec
        return found
    if obj.get("kind") == "CronJob":
        spec = ((spec.get("jobTemplate") or {}).get("spec")) or {}
    template = spec.get("template")
    if not isinstance(template, dict) or not isinstance(template.get("spec"), dict):
        raise CliError(f"the object is not a pod or does not have a pod template: {obj.get('kind')}")
    inner: Object = template["spec"]
    return inner


async def run(opts: Options, session: Session) -> int:
    await builder.for_each(session, opts.where, lambda item: _one(opts, session, item), local=opts.local)
    return 0


async def _one(opts: Options, session: Session, item: Item) -> None:
    from kubelite.api.schemas import patch_schema
    from kubelite.machinery.strategicdiff import create_two_way

    item.object = {"apiVersion": item.resource.api_version, "kind": item.resource.kind} | item.object
    if opts.list:
        _list(session, item)
        return
    changed = copy.deepcopy(item.object)
    opts.change(pod_spec(changed))
    schema = patch_schema(item.resource.api_version, item.resource.kind)
    patch = create_two_way(item.object, changed, schema)
    if opts.local or opts.outcome.client_only:
        opts.outcome.show(session, changed, opts.done)
        return
    if not patch:
        return
    obj = await session.patch(item.resource, item.namespace, item.name, patch, "strategic", **opts.outcome.query)
    opts.outcome.show(session, obj, opts.done)


def _list(session: Session, item: Item) -> None:
    for one in _containers(pod_spec(item.object)):
        session.print(f"# {item.resource.kind} {item.name}, container {one['name']}")
        for entry in one.get("env") or ():
            if "valueFrom" in entry:
                session.print(f"# {entry['name']} from {entry['valueFrom']}")
            else:
                session.print(f"{entry['name']}={entry.get('value', '')}")


_COMMON = (
    *options.FILES,
    *options.PRINT,
    options.SELECTOR,
    options.ALL,
    options.DRY_RUN,
    options.LOCAL,
    options.field_manager("kubectl-set"),
)
_CONTAINERS = Flag("containers", "The names of the containers to change; * for all.", short="c", default="*")
IMAGE = Command(
    name="image",
    summary="Update the image of a pod template",
    usage="set image (-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... CONTAINER_NAME_N=CONTAINER_IMAGE_N",
    examples=(
        ("Set the images of two containers", "set image deployment/nginx busybox=busybox nginx=nginx:1.9.1"),
        ("Set the image of all containers of all deployments", "set image deployments --all *=nginx:1.9.1"),
    ),
    flags=_COMMON,
    complete=complete_image,
    run=run,
)
ENV = Command(
    name="env",
    summary="Update environment variables on a pod template",
    usage="set env RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N",
    examples=(
        ("Set a variable", "set env deployment/registry STORAGE_DIR=/local"),
        ("Remove a variable", "set env deployment/registry STORAGE_DIR-"),
        ("List the variables", "set env deployment/registry --list"),
    ),
    flags=(
        *_COMMON,
        _CONTAINERS,
        Flag("env", "A variable to set: key=value.", short="e", type="array"),
        Flag("list", "Display the environment.", type="bool"),
        Flag("overwrite", "Allow variables to be overwritten.", type="bool", default=True),
    ),
    refused=("--from", "--keys", "--prefix", "--resolve"),
    complete=complete_env,
    run=run,
)
RESOURCES = Command(
    name="resources",
    summary="Update resource requests/limits on objects with pod templates",
    usage="set resources (-f FILENAME | TYPE NAME)  ([--limits=LIMITS & --requests=REQUESTS]",
    examples=(
        ("Limit a container", "set resources deployment nginx -c=nginx --limits=cpu=200m,memory=512Mi"),
        ("Set requests of all containers", "set resources deployment nginx --requests=cpu=100m,memory=256Mi"),
    ),
    flags=(
        *_COMMON,
        _CONTAINERS,
        Flag("limits", "Limits, such as 'cpu=100m,memory=256Mi'."),
        Flag("requests", "Requests, such as 'cpu=100m,memory=256Mi'."),
    ),
    complete=complete_resources,
    run=run,
)
SERVICE_ACCOUNT = Command(
    name="serviceaccount",
    summary="Update the service account of a resource",
    usage="set serviceaccount (-f FILENAME | TYPE NAME) SERVICE_ACCOUNT",
    aliases=("sa",),
    examples=(
        ("Set the service account of a deployment", "set serviceaccount deployment nginx-deployment serviceaccount1"),
    ),
    flags=_COMMON,
    complete=complete_service_account,
    run=run,
)
_HERE = "kubelite.cli.verbs.set"
COMMAND = Command(
    name="set",
    summary="Set specific features on objects",
    usage="set SUBCOMMAND",
    subcommands={
        "env": f"{_HERE}:ENV",
        "image": f"{_HERE}:IMAGE",
        "resources": f"{_HERE}:RESOURCES",
        "serviceaccount": f"{_HERE}:SERVICE_ACCOUNT",
    },
)
