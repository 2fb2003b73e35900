"""Text in columns, as Go's text/tabwriter aligns it.

What: `align` turns tab-separated lines into padded ones. Why: kubectl's tables and descriptions come from tabwriter, whose
columns are blocks: a column's width is that of the neighbouring lines which have the column too, not of the whole text.
Flow: lines with tabs in, aligned text out. Source of the rule: Go's text/tabwriter (Writer.format).
"""

from __future__ import annotations

Row = list[str]


def align(text: str, *, minimum: int = 0, padding: int = 2) -> str:
    """`text` with its tab-terminated cells padded; the last cell of a line is not part of a column."""
    rows = [line.split("\t") for line in text.split("\n")]
    widths: list[list[int]] = [[0] * (len(row) - 1) for row in rows]
    _measure(rows, widths, 0, 0, len(rows), minimum, padding)
    return "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(row, widths[index], strict=False)) + row[-1]
        for index, row in enumerate(rows)
    )


def _measure(
    rows: list[Row], widths: list[list[int]], column: int, first: int, last: int, minimum: int, padding: int
) -> None:
    """Set the widths of `column` and of those right of it for each block of lines in [first, last)."""
    index = first
    while index < last:
        if len(rows[index]) - 1 <= column:
            index += 1
            continue
        end = index
        while end < last and len(rows[end]) - 1 > column:
            end += 1
        width = max(minimum, *(len(rows[line][column]) + padding for line in range(index, end)))
        if width == padding and minimum == 0:
            width = padding
        for line in range(index, end):
            widths[line][column] = width
        _measure(rows, widths, column + 1, index, end, minimum, padding)
        index = end


def table(header: Row | None, rows: list[Row], widths: list[int] | None = None) -> tuple[str, list[int]]:
    """kubectl's tables: three blanks between columns, six at least; (text, widths to keep for the next rows)."""
    lines = ([header] if header is not None else []) + rows
    known = list(widths or [])
    for line in lines:
        known += [6] * (len(line) - 1 - len(known))
        for index, cell in enumerate(line[:-1]):
            known[index] = max(known[index], len(cell) + 3)
    out = []
    for line in lines:
        cells = "".join(cell.ljust(known[index]) for index, cell in enumerate(line[:-1]))
        out.append(cells + (line[-1] if line else ""))
    return "".join(f"{line}\n" for line in out), known
