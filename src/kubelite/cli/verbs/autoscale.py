"""`autoscale`: a HorizontalPodAutoscaler for a workload that can be scaled.

Flow: arguments → items → autoscaler of each → POST → `autoscaled`. Follows kubectl/pkg/cmd/autoscale/autoscale.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kubelite.cli import builder, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import Outcome, outcome, with_last_applied
from kubelite.cli.session import Object, Session
from kubelite.machinery import quantity

_UNITS = {"cpu": "m", "memory": "Mi"}
"""What a number without unit means."""


@dataclass(frozen=True, slots=True)
class Options:
    """`targets`: resource → its metric target; negative limits were not given."""

    where: Pointer
    least: int
    most: int
    name: str
    targets: dict[str, Object]
    save_config: bool
    outcome: Outcome


def complete(parsed: Parsed, session: Session) -> Options:
    if "max" not in parsed.given:
        raise CliError('required flag(s) "max" not set')
    if {"cpu", "cpu-percent"} <= parsed.given:
        raise CliError(
            "if any flags in the group [cpu-percent cpu] are set none of the others can be; [cpu cpu-percent] were all set"
        )
    targets = {name: target(name, parsed.text(name)) for name in _UNITS if name in parsed.given}
    percent = parsed.number("cpu-percent")
    if percent >= 0:
        targets["cpu"] = {"type": "Utilization", "averageUtilization": percent}
    return Options(
        where=Pointer(args=tuple(parsed.args), files=parsed.many("filename"), recursive=parsed.on("recursive")),
        least=parsed.number("min"),
        most=parsed.number("max"),
        name=parsed.text("name"),
        targets=targets,
        save_config=parsed.on("save-config"),
        outcome=outcome(parsed, typed=parsed.text("dry-run") == "client"),
    )


def target(resource: str, text: str) -> Object:
    """What a metric shall be: `70%` of what pods request, or an amount for each pod."""
    if re.fullmatch(r"\d+%", text):
        return {"type": "Utilization", "averageUtilization": int(text[:-1])}
    amount = f"{text}{_UNITS[resource]}" if text.isdigit() else text
    try:
        quantity.value(amount)
    except ValueError as error:
        raise CliError(f"invalid --{resource} value {text}: {error}") from None
    return {"type": "AverageValue", "averageValue": amount}


def validate(opts: Options) -> None:
    if opts.most < 1:
        raise CliError(f"--max=MAXPODS is required and must be at least 1, max: {opts.most}")
    if opts.most < opts.least:
        raise CliError(f"--max=MAXPODS must be larger or equal to --min=MINPODS, max: {opts.most}, min: {opts.least}")


async def run(opts: Options, session: Session) -> int:
    if not opts.where.args and not opts.where.files:
        raise CliError(
            "You must provide one or more resources by argument or filename.\n"
            "Example resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n"
            "   '<resource> <name>'\n   '<resource>'"
        )
    for item in await builder.items(session, opts.where):
        made = autoscaler(item, opts)
        if session.namespace_given:
            made["metadata"]["namespace"] = session.namespace
        if not opts.outcome.client_only:
            if opts.save_config:
                made = with_last_applied(made)
            path = f"/apis/autoscaling/v2/namespaces/{item.namespace}/horizontalpodautoscalers"
            made = await session.json("POST", path, query=opts.outcome.query, body=made)
        opts.outcome.show(session, made, "autoscaled")
    return 0


def autoscaler(item: Item, opts: Options) -> Object:
    """The autoscaler of one object; raises CliError for one that has no size."""
    resource = item.resource
    if "scale" not in resource.subresources:
        where = f"{resource.group}/{resource.version}, Resource={resource.plural}"
        raise CliError(
            f"cannot autoscale a {resource.kind}: could not find scale subresource for {where} in discovery information"
        )
    whose = {"kind": resource.kind, "name": item.name, "apiVersion": resource.api_version}
    spec: Object = {"scaleTargetRef": whose}
    if opts.least > 0:
        spec["minReplicas"] = opts.least
    spec["maxReplicas"] = opts.most
    metrics = [
        {"type": "Resource", "resource": {"name": name, "target": opts.targets[name]}}
        for name in _UNITS
        if name in opts.targets
    ]
    if metrics:
        spec["metrics"] = metrics
    return {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        "metadata": {"name": opts.name or item.name, "creationTimestamp": None},
        "spec": spec,
        "status": {"desiredReplicas": 0, "currentMetrics": None},
    }


COMMAND = Command(
    name="autoscale",
    summary="Auto-scale a deployment, replica set, stateful set, or replication controller",
    usage="autoscale (-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu-percent=CPU]",
    examples=(
        ("Between 2 and 10 pods, by the default policy", "autoscale deployment foo --min=2 --max=10"),
        ("At most 5 pods, of which each uses 80% of its CPU", "autoscale rc foo --max=5 --cpu-percent=80"),
        ("... or 500 MiB of memory", "autoscale deployment foo --max=5 --memory=500Mi"),
    ),
    flags=(
        *options.FILES,
        *options.PRINT,
        options.DRY_RUN,
        options.field_manager("kubectl-autoscale"),
        Flag("cpu", "Target CPU over all the pods: a percentage (70%) of what they request, or an amount (500m)."),
        Flag("cpu-percent", "Target CPU over all the pods, in percent of what they request.", type="int", default=-1),
        Flag("max", "The most pods that the autoscaler may set. Required.", type="int", default=-1),
        Flag(
            "memory", "Target memory over all the pods: a percentage (60%) of what they request, or an amount (500Mi)."
        ),
        Flag("min", "The least pods that the autoscaler may set.", type="int", default=-1),
        Flag("name", "The name of the autoscaler; by default that of what it scales."),
        Flag("save-config", "Keep the configuration in the object's annotation.", type="bool"),
    ),
    complete=complete,
    validate=validate,
    run=run,
)
