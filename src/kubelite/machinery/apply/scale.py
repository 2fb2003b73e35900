"""Field management of the scale subresource: the owner of its replicas is the owner of the parent's.

What: `to_scale` gives the managers of a Scale, `to_parent` brings them back. Why: a Scale is another type with another path for
the same number, and who scales must own the parent's field. Flow: parent's managers → `to_scale` → `updater` on the Scale →
`to_parent`. Source: apimachinery/pkg/util/managedfields/scalehandler.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubelite.machinery.apply import fieldset
from kubelite.machinery.apply.managers import Managed, Manager, Owned

SCALE_VERSION = "autoscaling/v1"
REPLICAS = ("f:spec", "f:replicas")
_SCALE_FIELDS = fieldset.of_paths([REPLICAS])

PathIn = Callable[[str], Sequence[str] | None]
"""apiVersion of the parent → the elements of its replicas field; () where it has none, None for an unknown version."""


def to_scale(parent: Managed, path_in: PathIn) -> Managed:
    """The managers that own the replicas, as managers of the Scale."""
    out: Managed = {}
    for manager, owned in parent.items():
        path = path_in(owned.api_version)
        if path and fieldset.has(owned.fields, path):
            out[manager] = Owned(_SCALE_FIELDS, SCALE_VERSION, owned.time)
    return out


def to_parent(parent: Managed, scaled: Managed, api_version: str, path_in: PathIn) -> Managed:
    """The parent's managers after those of the Scale changed to `scaled`; `api_version` is the parent's."""
    out: Managed = {}
    rest = dict(scaled)
    for manager, owned in parent.items():
        path = path_in(owned.api_version)
        if path is None:
            continue
        if not path or not fieldset.has(owned.fields, path):
            out[manager] = owned
        elif manager in rest:
            out[manager] = owned._replace(time=rest.pop(manager).time)
        else:
            fields = fieldset.difference(owned.fields, fieldset.of_paths([path]))
            if fields:
                out[manager] = owned._replace(fields=fields)
    path = path_in(api_version)
    for manager, owned in rest.items():
        if path and fieldset.has(owned.fields, REPLICAS):
            out[_of_parent(manager, api_version)] = Owned(fieldset.of_paths([path]), api_version, owned.time)
    return out


def _of_parent(manager: Manager, api_version: str) -> Manager:
    """The same manager, recorded in the parent's version."""
    return manager if manager.applies else manager._replace(api_version=api_version)
