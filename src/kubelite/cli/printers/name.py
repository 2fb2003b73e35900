"""`-o name`: `pod/web`, `deployment.apps/web`."""

from __future__ import annotations

from typing import Any

from kubelite.cli.failures import CliError

SINGULAR = {"Endpoints": "endpoints"}


def qualified(obj: dict[str, Any]) -> str:
    """The kind in lower case with its group, and the name."""
    group = obj.get("apiVersion", "").rpartition("/")[0]
    kind = str(obj.get("kind") or "").lower() or "<unknown>"
    name = (obj.get("metadata") or {}).get("name") or "<unknown>"
    return f"{kind}.{group}/{name}" if group else f"{kind}/{name}"


def render(obj: dict[str, Any]) -> str:
    if isinstance(obj.get("items"), list):
        return "".join(render(item) for item in obj["items"])
    if not obj.get("kind"):
        raise CliError("missing apiVersion or kind; try GetObjectKind().SetGroupVersionKind() if you know the type")
    return qualified(obj) + "\n"
