"""Node: a machine that runs pods.

Kept under /registry/minions, as upstream does. Rules follow pkg/registry/core/node/strategy.go and ValidateNode.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import addresses, columns
from kubelite.api.types.core_v1 import Node, NodeSpec, Taint
from kubelite.machinery import fielderrors, meta, names, quantity
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, Subresource

ROLE_PREFIX = "node-role.kubernetes.io/"
ROLE_LABEL = "kubernetes.io/role"
TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
SPEC = Path("spec")
STATUS = Path("status")
PROXY_VERBS = ("create", "delete", "get", "patch", "update")


def set_defaults(node: Node) -> None:
    """Amounts rounded to thousandths and written canonically; everything is allocatable unless said otherwise."""
    status = node.status
    quantity.set_resource_list_defaults(status.capacity)
    if status.capacity and not status.allocatable:
        status.allocatable = dict(status.capacity)
    quantity.set_resource_list_defaults(status.allocatable)
    if node.spec.podCIDR and not node.spec.podCIDRs:
        node.spec.podCIDRs = [node.spec.podCIDR]
    elif node.spec.podCIDRs and not node.spec.podCIDR:
        node.spec.podCIDR = node.spec.podCIDRs[0]


def validate(node: Node) -> list[FieldError]:
    errors = validate_taints(node.spec.taints, SPEC / "taints")
    errors += _validate_pod_cidrs(node.spec)
    for name in ("capacity", "allocatable"):
        for resource, amount in getattr(node.status, name).items():
            errors += _validate_amount(resource, amount, STATUS / name)
    seen: set[tuple[str, str]] = set()
    for index, address in enumerate(node.status.addresses):
        found = (address.type, address.address)
        if found in seen:
            errors.append(fielderrors.duplicate((STATUS / "addresses").index(index), address))
        seen.add(found)
    return errors


def _validate_amount(resource: str, amount: Any, path: Path) -> list[FieldError]:
    here = path.key(resource)
    errors = [fielderrors.invalid(here, resource, complaint) for complaint in names.qualified_name(resource)]
    try:
        if quantity.nano(amount) < 0:
            errors.append(fielderrors.invalid(here, amount, "must be greater than or equal to 0"))
    except ValueError as error:
        errors.append(fielderrors.invalid(here, amount, str(error)))
    return errors


def validate_taints(taints: list[Taint], path: Path) -> list[FieldError]:
    """Key, value and effect of each; a key may carry an effect once."""
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        here = path.index(index)
        errors += [fielderrors.invalid(here / "key", taint.key, text) for text in names.qualified_name(taint.key)]
        errors += [fielderrors.invalid(here / "value", taint.value, text) for text in names.label_value(taint.value)]
        if not taint.effect:
            errors.append(fielderrors.required(here / "effect"))
        elif taint.effect not in TAINT_EFFECTS:
            errors.append(fielderrors.not_supported(here / "effect", taint.effect, TAINT_EFFECTS, as_listed=True))
        if (taint.key, taint.effect) in seen:
            duplicate = fielderrors.duplicate(here, taint)
            text = f"{duplicate.text}: taints must be unique by key and effect pair"
            errors.append(FieldError(duplicate.type, duplicate.field, text))
        seen.add((taint.key, taint.effect))
    return errors


def _validate_pod_cidrs(spec: NodeSpec) -> list[FieldError]:
    errors: list[FieldError] = []
    path = SPEC / "podCIDRs"
    for index, cidr in enumerate(spec.podCIDRs):
        errors += addresses.validate_cidr(cidr, path.index(index))
    if len(spec.podCIDRs) > 2:
        errors.append(fielderrors.invalid(path, spec.podCIDRs, "may specify no more than one CIDR for each IP family"))
    return errors


def validate_update(new: Node, old: Node) -> list[FieldError]:
    """The pod CIDR and the provider's id are written once."""
    errors: list[FieldError] = []
    if old.spec.podCIDRs and new.spec.podCIDRs != old.spec.podCIDRs:
        detail = 'node updates may not change podCIDR except from "" to valid'
        errors.append(fielderrors.forbidden(SPEC / "podCIDRs", detail))
    if old.spec.providerID and new.spec.providerID != old.spec.providerID:
        detail = 'node updates may not change providerID except from "" to valid'
        errors.append(fielderrors.forbidden(SPEC / "providerID", detail))
    return errors


def roles(node: Node) -> list[str]:
    """The roles that the node's labels name, sorted."""
    found: set[str] = set()
    for key, value in node.metadata.labels.items():
        if key.startswith(ROLE_PREFIX) and len(key) > len(ROLE_PREFIX):
            found.add(key[len(ROLE_PREFIX) :])
        elif key == ROLE_LABEL and value:
            found.add(value)
    return sorted(found)


def status_text(node: Node) -> str:
    """`Ready`, `NotReady` or `Unknown`, with `,SchedulingDisabled` when cordoned."""
    ready = meta.condition(node.status.conditions, "Ready")
    text = "Unknown" if ready is None else "Ready" if ready.status == "True" else "NotReady"
    return f"{text},SchedulingDisabled" if node.spec.unschedulable else text


def address(node: Node, type_: str) -> str:
    """The first address of this type, `<none>` without one."""
    for found in node.status.addresses:
        if found.type == type_:
            return found.address
    return columns.NONE


def row(node: Node, now: datetime) -> list[Any]:
    info = node.status.nodeInfo
    return [
        node.metadata.name,
        status_text(node),
        columns.joined(roles(node)),
        columns.age(node, now),
        info.kubeletVersion if info else "",
        address(node, "InternalIP"),
        address(node, "ExternalIP"),
        (info.osImage if info else "") or columns.UNKNOWN,
        (info.kernelVersion if info else "") or columns.UNKNOWN,
        (info.containerRuntimeVersion if info else "") or columns.UNKNOWN,
    ]


NODE = Kind(
    group="",
    version="v1",
    kind="Node",
    plural="nodes",
    type=Node,
    namespaced=False,
    short_names=("no",),
    storage_prefix="minions",
    subresources=(
        Subresource(name="proxy", verbs=PROXY_VERBS, kind="NodeProxyOptions"),
        Subresource(name="status", verbs=STATUS_VERBS),
    ),
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    columns=(
        Column(name="Name", format="name", description="Name must be unique among nodes."),
        Column(name="Status", description="Whether pods can run here."),
        Column(name="Roles", description="The roles of the node."),
        Column(name="Age", description="How long the object exists."),
        Column(name="Version", description="The version of the kubelet."),
        Column(name="Internal-IP", priority=1, description="The address inside the cluster."),
        Column(name="External-IP", priority=1, description="The address outside the cluster."),
        Column(name="OS-Image", priority=1, description="The operating system, as the node reports it."),
        Column(name="Kernel-Version", priority=1, description="The kernel, as the node reports it."),
        Column(name="Container-Runtime", priority=1, description="The container runtime and its version."),
    ),
    row=row,
    selectable={"spec.unschedulable": lambda node: "true" if node.spec.unschedulable else "false"},
)
