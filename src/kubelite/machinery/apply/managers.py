"""Managers: who owns what, as the entries of managedFields.

What: `Manager` (the identity of an entry), `Owned` (its set, version and time), `decode` and `encode` of the entries, and the
cap on the number of updaters. Why: everything that reads or writes managedFields agrees on identity, order and bound. Flow:
entries → {Manager: Owned} → `updater` → entries. Source: apimachinery/pkg/util/managedfields/internal/
{managedfields,capmanagers,buildmanagerinfo}.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any, NamedTuple

import msgspec

from kubelite.machinery import times
from kubelite.machinery.apply import fieldset
from kubelite.machinery.apply.fieldset import Tree

APPLY, UPDATE = "Apply", "Update"
FIELDS_V1 = "FieldsV1"
UNKNOWN = "unknown"
ANCIENT = "ancient-changes"
BEFORE_FIRST_APPLY = "before-first-apply"
MAX_UPDATERS = 10
MAX_NAME = 128


class Manager(NamedTuple):
    """What makes two entries the same manager's: an applier is one whatever version it applies."""

    name: str
    operation: str
    api_version: str
    """"" for appliers."""
    subresource: str = ""

    @property
    def applies(self) -> bool:
        return self.operation == APPLY

    def shown(self) -> str:
        """How conflicts name it."""
        text = _quoted(self.name)
        if self.subresource:
            text += f" with subresource {_quoted(self.subresource)}"
        return text if self.applies else f"{text} using {self.api_version}"


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


class Owned(NamedTuple):
    """What a manager owns, in which version, and when it last took something."""

    fields: Tree
    api_version: str
    time: str | None = None


Managed = dict[Manager, Owned]


class Malformed(ValueError):
    """managedFields that cannot be read."""


def updater(name: str, api_version: str, subresource: str = "") -> Manager:
    return Manager(name or UNKNOWN, UPDATE, api_version, subresource)


def applier(name: str, subresource: str = "") -> Manager:
    return Manager(name or UNKNOWN, APPLY, "", subresource)


def decode(entries: Iterable[Any], *, trusted: bool = False) -> Managed:
    """Entries (with the attributes of ManagedFieldsEntry) by manager. Raises Malformed."""
    out: Managed = {}
    for position, entry in enumerate(entries):
        manager = identity(entry, position)
        try:
            fields = fieldset.parse(bytes(entry.fieldsV1) or b"{}", trusted=trusted)
        except ValueError as error:
            raise Malformed(f"error decoding versioned set from entry {position}: {error}") from None
        out[manager] = Owned(fields, entry.apiVersion, entry.time)
    return out


def identity(entry: Any, position: int = 0) -> Manager:
    """The manager of an entry. Raises Malformed."""
    check(entry, position)
    version = "" if entry.operation == APPLY else entry.apiVersion
    return Manager(entry.manager, entry.operation, version, entry.subresource)


def check(entry: Any, position: int = 0) -> None:
    """Raises Malformed for an entry that has no identity."""
    if entry.operation not in (APPLY, UPDATE):
        raise Malformed("operation must be `Apply` or `Update`")
    if not entry.apiVersion:
        raise Malformed("apiVersion must not be empty")
    if entry.fieldsType != FIELDS_V1:
        why = f'invalid fieldsType "{entry.fieldsType}"' if entry.fieldsType else "missing fieldsType"
        raise Malformed(f"{why} in managed fields entry {position}")


def order(manager: Manager, api_version: str, time: str | None) -> tuple[Any, ...]:
    """The sort key of an entry: appliers first, then by time to the second, name, version, subresource."""
    return manager.operation, seconds(time), manager.name, api_version, manager.subresource


def seconds(time: str | None) -> str:
    """A moment as a text that sorts by its whole seconds; "" for none."""
    if not time:
        return ""
    if len(time) == 20 and time.endswith("Z"):
        return time[:19]
    return times.parse(time).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def in_order(managed: Managed) -> list[tuple[Manager, Owned]]:
    """The managers in the order of their entries."""
    return sorted(managed.items(), key=lambda item: order(item[0], item[1].api_version, item[1].time))


def cap(managed: Managed, limit: int = MAX_UPDATERS) -> Managed:
    """At most `limit` updaters: the oldest of each version become one bucket."""
    updaters = [manager for manager in managed if not manager.applies]
    if len(updaters) <= limit:
        return managed
    out = dict(managed)
    updaters.sort(key=lambda manager: (seconds(out[manager].time), manager))
    count = len(updaters)
    first: dict[str, Manager] = {}
    for manager in updaters:
        if count <= limit:
            break
        owned = out[manager]
        version = owned.api_version
        if version not in first:
            first[version] = manager
            continue
        bucket = updater(ANCIENT, version)
        if bucket not in out:
            out[bucket] = out.pop(first[version])
        fields = fieldset.union(owned.fields, out[bucket].fields)
        if manager != bucket:
            del out[manager]
        out[bucket] = Owned(fields, version, owned.time)
        count -= 1
    return out


def name_of(field_manager: str, user_agent: str) -> str:
    """The manager's name: as asked for, else the user agent up to its first slash, printable characters only."""
    if field_manager:
        return field_manager
    name = user_agent.partition("/")[0]
    if not name.isprintable():
        name = "".join(filter(str.isprintable, name))
    while len(name.encode()) > MAX_NAME:
        name = name[:-1]
    return name
