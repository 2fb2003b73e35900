"""`auth reconcile`: roles and bindings of files, with what they lack in the cluster added.

Flow: objects of files → the cluster's ones → a plan (pure): create, update or recreate → requests → what was missing or
surplus is told. Rules are compared by what they allow. Follows kubectl/pkg/cmd/auth/reconcile.go and
component-helpers/auth/rbac/reconciliation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kubelite.api.logic import rbac
from kubelite.api.types.rbac_v1 import PolicyRule
from kubelite.cli import builder, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import Outcome, outcome
from kubelite.cli.session import Object, Session
from kubelite.machinery.errors import StatusError

GROUP = "rbac.authorization.k8s.io"
ROLES, BINDINGS = ("Role", "ClusterRole"), ("RoleBinding", "ClusterRoleBinding")
PROTECTED = "rbac.authorization.kubernetes.io/autoupdate"


@dataclass(frozen=True, slots=True)
class Options:
    """Which files, and whether what is surplus goes."""

    where: Pointer
    remove_permissions: bool
    remove_subjects: bool
    outcome: Outcome


@dataclass(slots=True)
class Plan:
    """What is to be done: `operation` is "", create, update or recreate; `object` is what to write."""

    operation: str
    object: Object
    missing: list[Object] = field(default_factory=list)
    extra: list[Object] = field(default_factory=list)
    protected: bool = False


def plan(wanted: Object, found: Object | None, *, remove: bool) -> Plan:
    """Compares an object of a file with the cluster's. Pure."""
    key = "rules" if wanted["kind"] in ROLES else "subjects"
    mine = wanted.get(key) or []
    if found is None:
        return Plan("create", wanted, missing=list(mine))
    metadata = found["metadata"]
    protected = (metadata.get("annotations") or {}).get(PROTECTED) == "false"
    if key == "subjects" and wanted.get("roleRef") != found.get("roleRef"):
        return Plan("recreate", wanted, missing=list(mine), protected=protected)
    theirs = found.get(key) or []
    differ = _uncovered_rules if key == "rules" else _uncovered_subjects
    missing, extra = differ(theirs, mine), differ(mine, theirs)
    merged = dict(metadata)
    for name in ("labels", "annotations"):
        together = {**(wanted["metadata"].get(name) or {}), **(metadata.get(name) or {})}
        if together:
            merged[name] = together
    content = mine if remove and extra else [*theirs, *missing]
    result = {**found, "metadata": merged, key: content}
    changed = bool(missing) or (remove and bool(extra)) or merged != metadata
    return Plan("update" if changed else "", result, missing, extra, protected)


def _uncovered_rules(owned: Sequence[Object], wanted: Sequence[Object]) -> list[Object]:
    have = msgspec.convert(list(owned), list[PolicyRule])
    lacking = rbac.uncovered(have, msgspec.convert(list(wanted), list[PolicyRule]))
    return [msgspec.to_builtins(rule) for rule in lacking]


def _uncovered_subjects(owned: Sequence[Object], wanted: Sequence[Object]) -> list[Object]:
    return [subject for subject in wanted if subject not in owned]


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(
        builder.pointer(parsed),
        parsed.on("remove-extra-permissions"),
        parsed.on("remove-extra-subjects"),
        outcome(parsed),
    )


def validate(opts: Options) -> None:
    if not opts.where.files:
        raise CliError("must specify one of -f and -k")
    if opts.where.args:
        raise CliError("no arguments are allowed")


async def run(opts: Options, session: Session) -> int:
    for item in await builder.file_items(session, opts.where.files, opts.where.recursive):
        kind = item.object.get("kind")
        if item.resource.group != GROUP or kind not in (*ROLES, *BINDINGS):
            session.warn(f"skipping *unstructured.Unstructured {item.printed}: only RBAC objects are reconciled")
            continue
        remove = opts.remove_permissions if kind in ROLES else opts.remove_subjects
        found = await _present(session, item)
        decided = plan(item.object, found, remove=remove)
        shown = await _carry_out(opts, session, item, decided)
        opts.outcome.show(session, shown, "reconciled")
        if opts.outcome.printer is None:
            _tell(session, decided, remove=remove)
    return 0


async def _present(session: Session, item: Item) -> Object | None:
    try:
        return await session.get(item.resource, item.namespace, item.name)
    except StatusError as error:
        if error.code == 404:
            return None
        raise


async def _carry_out(opts: Options, session: Session, item: Item, decided: Plan) -> Object:
    if opts.outcome.client_only or not decided.operation or decided.protected:
        return decided.object
    collection, path = item.resource.path(item.namespace), item.resource.path(item.namespace, item.name)
    query: Any = opts.outcome.query
    if decided.operation == "update":
        return await session.json("PUT", path, body=decided.object, query=query)
    if decided.operation == "recreate":
        await session.json("DELETE", path, query=query)
        if opts.outcome.dry_run == "server":
            return decided.object
    return await session.json("POST", collection, body=decided.object, query=query)


def _tell(session: Session, decided: Plan, *, remove: bool) -> None:
    if not decided.operation and not decided.extra:
        return
    if decided.operation:
        opted_out = f", but object opted out ({PROTECTED}: false)" if decided.protected else ""
        session.warn(f"\treconciliation required {decided.operation}{opted_out}")
    what = "rules" if decided.object["kind"] in ROLES else "subjects"
    for title, entries in (
        (f"missing {what} added", decided.missing),
        (f"extra {what} {'removed' if remove else 'preserved'}", decided.extra),
    ):
        if entries:
            session.warn(f"\t{title}:")
            for entry in entries:
                session.warn(f"\t\t{_go_text(entry, what)}")


def _go_text(entry: Object, what: str) -> str:
    if what == "subjects":
        parts = (("Kind", "kind"), ("APIGroup", "apiGroup"), ("Name", "name"), ("Namespace", "namespace"))
        return "{" + " ".join(f"{shown}:{entry.get(key, '')}" for shown, key in parts) + "}"
    names = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
    return "{" + " ".join(f"{_go_name(key)}:[{' '.join(entry.get(key) or ())}]" for key in names) + "}"


def _go_name(key: str) -> str:
    return "APIGroups" if key == "apiGroups" else key[0].upper() + key[1:]


COMMAND = Command(
    name="reconcile",
    summary="Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects",
    usage="auth reconcile -f FILENAME",
    examples=(("Add what is missing of the roles and bindings in a file", "auth reconcile -f my-rbac-rules.yaml"),),
    flags=(
        *options.FILES,
        *options.PRINT,
        options.DRY_RUN,
        Flag("remove-extra-permissions", "Remove permissions of roles that the file does not give.", type="bool"),
        Flag("remove-extra-subjects", "Remove subjects of bindings that the file does not name.", type="bool"),
    ),
    complete=complete,
    validate=validate,
    run=run,
)
