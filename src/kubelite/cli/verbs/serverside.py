"""`apply --server-side`: the server merges what the file states and remembers who stated it.

What: `apply_item` sends the object as an apply patch and, where it was applied on the client side before, hands those fields
over to the new manager. Why: without that, what the old applier set could never be removed. Flow: file → PATCH
(application/apply-patch+yaml) → `migrate` if old entries are left → PATCH again. Follows kubectl/pkg/cmd/apply/apply.go and
client-go/util/csaupgrade.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from kubelite.cli.builder import Item
from kubelite.cli.failures import CliError, sourced
from kubelite.cli.outcome import LAST_APPLIED, Outcome
from kubelite.cli.session import Object, Session
from kubelite.machinery.apply import fieldset
from kubelite.machinery.errors import StatusError

MANAGER, CLIENT_MANAGER = "kubectl", "kubectl-client-side-apply"
LAST_APPLIED_MANAGER = "kubectl-last-applied"
MEDIA = "application/apply-patch+yaml"
MIGRATE_TRIES = 3
_OLD = (CLIENT_MANAGER, "before-first-apply")
_ANNOTATION = ("f:metadata", "f:annotations", f"f:{LAST_APPLIED}")
_CONFLICT = """{message}
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts"""


async def apply_item(outcome: Outcome, session: Session, item: Item, *, force: bool) -> None:
    """One object. Raises StatusError, and CliError for conflicts."""
    query = outcome.query | {"force": "true" if force else "false"}
    try:
        found = await send(session, item, item.object, query)
    except StatusError as error:
        if is_conflict(error):
            raise CliError(_CONFLICT.format(message=error.message)) from error
        raise sourced(error, "patching", "") from error
    if not outcome.dry_run_only and await _migrated(session, item, found, outcome.manager):
        found = await send(session, item, item.object, query)
    outcome.show(session, found, "serverside-applied")


def is_conflict(error: StatusError) -> bool:
    """Whether other managers own what was applied (and not: somebody wrote at the same time)."""
    causes = error.details.get("causes") or []
    return error.code == 409 and any(cause.get("reason") == "FieldManagerConflict" for cause in causes)


async def send(session: Session, item: Item, obj: Object, query: dict[str, str]) -> Object:
    """The apply patch itself."""
    path = item.resource.path(item.namespace, item.name)
    return await session.json("PATCH", path, query=query, body=obj, headers={"Content-Type": MEDIA})


async def _migrated(session: Session, item: Item, found: Object, manager: str) -> bool:
    """Whether old entries of client-side apply had to be handed over to `manager`."""
    if manager == MANAGER and _owns_annotation(found):
        text = found["metadata"]["annotations"][LAST_APPLIED]
        kept = {
            "apiVersion": found["apiVersion"],
            "kind": found["kind"],
            "metadata": {"name": item.name, "annotations": {LAST_APPLIED: text}},
        }
        if item.namespace:
            kept["metadata"]["namespace"] = item.namespace
        found = await send(session, item, kept, {"fieldManager": LAST_APPLIED_MANAGER})
    done = False
    for _ in range(MIGRATE_TRIES):
        entries = upgraded(found["metadata"].get("managedFields") or [], manager)
        if entries is None:
            return done
        patch = [
            {"op": "replace", "path": "/metadata/managedFields", "value": entries},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": found["metadata"]["resourceVersion"]},
        ]
        done = True
        try:
            found = await session.patch(item.resource, item.namespace, item.name, patch, "json")
        except StatusError as error:
            if error.code != 409:
                raise
            found = await session.get(item.resource, item.namespace, item.name)
    return done


def _owns_annotation(found: Object) -> bool:
    """Whether an old entry owns the annotation of client-side apply."""
    metadata = found.get("metadata") or {}
    if LAST_APPLIED not in (metadata.get("annotations") or {}):
        return False
    return any(
        _is_old(entry) and fieldset.has(entry.get("fieldsV1") or {}, _ANNOTATION)
        for entry in metadata.get("managedFields") or []
    )


def _is_old(entry: dict[str, Any]) -> bool:
    return entry.get("manager") in _OLD and entry.get("operation") == "Update" and not entry.get("subresource")


def upgraded(entries: list[dict[str, Any]], manager: str) -> list[dict[str, Any]] | None:
    """The entries with those of client-side apply merged into the manager's; None if there is nothing to merge."""
    old = [entry for entry in entries if _is_old(entry)]
    if not old:
        return None
    out = [entry for entry in entries if not _is_old(entry)]
    mine = next(
        (
            entry
            for entry in out
            if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource")
        ),
        None,
    )
    if mine is None:
        first = old[0] | {"manager": manager, "operation": "Apply"}
        rest, out = old[1:], [*out, first]
    else:
        first, rest = dict(mine), old
        out[out.index(mine)] = first
    fields = first.get("fieldsV1") or {}
    for entry in rest:
        fields = fieldset.union(fields, entry.get("fieldsV1") or {})
    first["fieldsV1"] = json.loads(msgspec.json.encode(fields))
    return out
