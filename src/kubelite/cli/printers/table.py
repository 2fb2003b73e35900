"""The tables of `kubectl get`, from what the server prepared.

What: `Rows` collects the Tables of one resource and renders them with the columns asked for (`-o wide`, `--show-labels`, `-L`,
NAMESPACE, a kind before each name). Why: the server knows the columns of every kind, the client only arranges them.
Flow: Table objects (meta.k8s.io/v1) → rows of cells → aligned text. Follows kubectl/pkg/cmd/get/table_printer.go and
cli-runtime/pkg/printers/tableprinter.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kubelite.cli.tabwriter import table


@dataclass(slots=True)
class Look:
    """Which columns are shown."""

    wide: bool = False
    namespace: bool = False
    labels: bool = False
    label_columns: tuple[str, ...] = ()
    headers: bool = True
    kind: str = ""
    """What stands before each name ("pod"), "" for nothing."""


@dataclass(slots=True)
class Rows:
    """The rows of one resource; `widths` lets a watch keep its columns."""

    look: Look
    columns: list[dict[str, Any]] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    shown_header: bool = False

    def render(self, tables: list[dict[str, Any]]) -> str:
        """The text of the rows of `tables`, with a header the first time."""
        rows = []
        for one in tables:
            if one.get("columnDefinitions"):
                self.columns = one["columnDefinitions"]
            rows += [self._row(row) for row in one.get("rows") or ()]
        header = None
        if self.look.headers and not self.shown_header:
            header = self._header()
            self.shown_header = True
        text, self.widths = table(header, rows, self.widths)
        return text

    def _shown(self) -> list[int]:
        return [index for index, column in enumerate(self.columns) if self.look.wide or not column.get("priority", 0)]

    def _header(self) -> list[str]:
        look = self.look
        cells = ["NAMESPACE"] if look.namespace else []
        cells += [str(self.columns[index]["name"]).upper() for index in self._shown()]
        cells += [label.rpartition("/")[2].upper() for label in look.label_columns]
        return [*cells, "LABELS"] if look.labels else cells

    def _row(self, row: dict[str, Any]) -> list[str]:
        look = self.look
        metadata = (row.get("object") or {}).get("metadata") or {}
        labels = metadata.get("labels") or {}
        cells = [str(metadata.get("namespace") or "")] if look.namespace else []
        for index in self._shown():
            value = text(row["cells"][index]) if index < len(row["cells"]) else ""
            if look.kind and self.columns[index].get("format") == "name":
                value = f"{look.kind}/{value}"
            cells.append(value)
        cells += [labels.get(label, "") for label in look.label_columns]
        if look.labels:
            cells.append(",".join(f"{key}={labels[key]}" for key in sorted(labels)) or "<none>")
        return cells


def text(cell: Any) -> str:
    """A cell on one line: line ends are cut off with an ellipsis, as kubectl does."""
    if cell is None:
        return "<nil>"
    if isinstance(cell, bool):
        return "true" if cell else "false"
    out = str(cell)
    for index, letter in enumerate(out):
        if letter in "\f\n\r":
            return out[:index] + "..."
    return out
