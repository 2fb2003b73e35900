"""`create poddisruptionbudget` and `create quota`: what may be taken away, and how much may be used."""

from __future__ import annotations

import re
from typing import Any

from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.generators.base import generator, metadata, one_name
from kubelite.cli.session import Object

QUANTITY = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_OPERATORS = {"in": "In", "notin": "NotIn", "exists": "Exists", "!": "DoesNotExist"}


def budget(parsed: Parsed) -> Object:
    name = one_name(parsed)
    least, most, selector = (parsed.text(flag) for flag in ("min-available", "max-unavailable", "selector"))
    if not selector:
        raise CliError("a selector must be specified")
    if not least and not most:
        raise CliError("one of min-available or max-unavailable must be specified")
    if least and most:
        raise CliError("min-available and max-unavailable cannot be both specified")
    spec: dict[str, Any] = {}
    for flag, field, text in (("min-available", "minAvailable", least), ("max-unavailable", "maxUnavailable", most)):
        if text:
            spec[field] = _count(text, flag)
    counts = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}
    return {
        "kind": "PodDisruptionBudget",
        "apiVersion": "policy/v1",
        "metadata": metadata(name),
        "spec": spec | {"selector": _label_selector(selector)},
        "status": counts,
    }


def _count(text: str, flag: str) -> int | str:
    if re.fullmatch(r"[0-9]+%", text):
        return text
    if re.fullmatch(r"-?[0-9]+", text):
        return int(text)
    raise CliError(f"invalid format specified for {flag}")


def _label_selector(text: str) -> Object:
    """The LabelSelector of a selector's text. Raises CliError."""
    from kubelite.machinery import labels

    try:
        parsed = labels.parse(text)
    except ValueError as error:
        raise CliError(str(error)) from error
    found: Object = {}
    for one in parsed.requirements:
        if one.operator in ("=", "=="):
            found.setdefault("matchLabels", {})[one.key] = next(iter(one.values))
            continue
        operator = _OPERATORS.get(one.operator)
        values = sorted(one.values)
        if operator is None:
            raise CliError(f'"{one.operator}" is not a valid label selector operator')
        expression: Object = {"key": one.key, "operator": operator}
        found.setdefault("matchExpressions", []).append(expression | ({"values": values} if values else {}))
    return found


def quota(parsed: Parsed) -> Object:
    name = one_name(parsed)
    spec: dict[str, Any] = {}
    hard: dict[str, str] = {}
    for pair in filter(None, parsed.text("hard").split(",")):
        resource, _, amount = pair.partition("=")
        if pair.count("=") != 1:
            raise CliError(f"Invalid argument syntax {pair}, expected <resource>=<value>")
        if not re.match(QUANTITY, amount):
            raise CliError(f"quantities must match the regular expression '{QUANTITY}'")
        hard[resource] = amount
    if hard:
        spec["hard"] = hard
    scopes = [one for one in parsed.text("scopes").split(",") if one]
    if scopes:
        spec["scopes"] = scopes
    return {"kind": "ResourceQuota", "apiVersion": "v1", "metadata": metadata(name), "spec": spec, "status": {}}


BUDGET = generator(
    "poddisruptionbudget",
    "Create a pod disruption budget with the specified name",
    "create poddisruptionbudget NAME --selector=SELECTOR --min-available=N [--dry-run=server|client|none]",
    budget,
    aliases=("pdb",),
    examples=(
        (
            "Keep at least one pod with the label app=rails at any time",
            "create poddisruptionbudget my-pdb --selector=app=rails --min-available=1",
        ),
        ("Keep half of them", "create pdb my-pdb --selector=app=nginx --min-available=50%"),
    ),
    flags=(
        Flag("min-available", "The minimum number or percentage of available pods this budget requires."),
        Flag("max-unavailable", "The maximum number or percentage of unavailable pods this budget requires."),
        Flag("selector", "A label selector to use for this budget."),
    ),
)
QUOTA = generator(
    "quota",
    "Create a quota with the specified name",
    "create quota NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2] [--dry-run=server|client|none]",
    quota,
    aliases=("resourcequota",),
    examples=(
        ("Create a quota", "create quota my-quota --hard=cpu=1,memory=1G,pods=2,services=3"),
        ("Create a quota for some pods only", "create quota best-effort --hard=pods=100 --scopes=BestEffort"),
    ),
    flags=(
        Flag("hard", "A comma-delimited set of resource=quantity pairs that define a hard limit."),
        Flag("scopes", "A comma-delimited set of quota scopes that must all match each object tracked by the quota."),
    ),
)
