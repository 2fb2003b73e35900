"""`create namespace`, `create serviceaccount`, `create priorityclass`: kinds that need little more than a name."""

from __future__ import annotations

from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.generators.base import generator, metadata, one_name
from kubelite.cli.session import Object


def namespace(parsed: Parsed) -> Object:
    name = one_name(parsed)
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": metadata(name), "spec": {}, "status": {}}


def service_account(parsed: Parsed) -> Object:
    return {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": metadata(one_name(parsed))}


def priority_class(parsed: Parsed) -> Object:
    obj: Object = {
        "kind": "PriorityClass",
        "apiVersion": "scheduling.k8s.io/v1",
        "metadata": metadata(one_name(parsed)),
        "value": parsed.number("value"),
    }
    if parsed.on("global-default"):
        obj["globalDefault"] = True
    if parsed.text("description"):
        obj["description"] = parsed.text("description")
    policy = parsed.text("preemption-policy")
    if policy not in ("PreemptLowerPriority", "Never"):
        raise CliError(f"invalid preemption policy {policy!r}: must be PreemptLowerPriority or Never")
    return obj | {"preemptionPolicy": policy}


NAMESPACE = generator(
    "namespace",
    "Create a namespace with the specified name",
    "create namespace NAME [--dry-run=server|client|none]",
    namespace,
    namespaced=False,
    aliases=("ns",),
    examples=(("Create a namespace", "create namespace my-namespace"),),
)
SERVICE_ACCOUNT = generator(
    "serviceaccount",
    "Create a service account with the specified name",
    "create serviceaccount NAME [--dry-run=server|client|none]",
    service_account,
    aliases=("sa",),
    examples=(("Create a service account", "create serviceaccount my-service-account"),),
)
PRIORITY_CLASS = generator(
    "priorityclass",
    "Create a priority class with the specified name, value, globalDefault and description",
    "create priorityclass NAME --value=VALUE --global-default=BOOL [--dry-run=server|client|none]",
    priority_class,
    namespaced=False,
    aliases=("pc",),
    examples=(
        ("Create a priority class", 'create priorityclass high-priority --value=1000 --description="high priority"'),
    ),
    flags=(
        Flag("value", "The value of this priority class.", type="int"),
        Flag("global-default", "Whether it is the default priority.", type="bool"),
        Flag("description", "A description of when to use it."),
        Flag("preemption-policy", "PreemptLowerPriority or Never.", default="PreemptLowerPriority"),
    ),
)
