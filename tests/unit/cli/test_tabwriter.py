"""Columns are aligned as Go's tabwriter aligns them."""

from __future__ import annotations

from kubelite.cli.tabwriter import align, table


def test_pads_a_column_to_its_widest_neighbour() -> None:
    assert align("a\tb\nlong\tc\n") == "a     b\nlong  c\n"


def test_a_line_without_the_column_ends_the_block() -> None:
    assert align("a\tb\nplain\nlonger\tc\n") == "a  b\nplain\nlonger  c\n"


def test_the_last_cell_of_a_line_is_never_padded() -> None:
    assert align("x\ty\nwide\tlonger text\n") == "x     y\nwide  longer text\n"


def test_tables_have_three_blanks_and_six_columns_at_least() -> None:
    text, widths = table(["A", "NAME"], [["x", "longer-than-that"]])
    assert (text, widths) == ("A     NAME\nx     longer-than-that\n", [6])


def test_later_rows_keep_the_widths() -> None:
    _, widths = table(["NAME", "AGE"], [["a-long-name", "1s"]])
    assert table(None, [["b", "2s"]], widths)[0] == "b             2s\n"
