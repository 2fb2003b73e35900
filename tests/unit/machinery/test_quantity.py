"""Quantities are exact, canonical and rounded as upstream rounds them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.machinery import quantity

amounts = st.builds(
    lambda sign, whole, fraction, suffix: f"{sign}{whole}{fraction}{suffix}",
    st.sampled_from(["", "-", "+"]),
    st.integers(0, 99999),
    st.one_of(st.just(""), st.integers(0, 9999).map(lambda n: f".{n}")),
    st.sampled_from(["", "n", "u", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "e3", "E-2"]),
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1024Mi", "1Gi"),
        ("1500Mi", "1500Mi"),
        ("1.5Gi", "1536Mi"),
        ("0.5", "500m"),
        ("1000m", "1"),
        ("0.1n", "1n"),
        ("1e3", "1e3"),
        ("1000", "1k"),
        ("512Ki", "512Ki"),
        ("0.5Ki", "512"),
        ("0", "0"),
        ("-1.5", "-1500m"),
        (2, "2"),
        (0.25, "250m"),
        ("1E", "1E"),
    ],
)
def test_canonical_text(text: str | int | float, canonical: str) -> None:
    assert quantity.canonical(text) == canonical


@pytest.mark.parametrize("text", ["", "a", "1i", "1.2.3", "--1", "1 Gi", "Gi", ".", "1e", "٣", "1" * 600, "nan", "inf"])
def test_refuses_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match=r"quant|numeric"):
        quantity.parse(text)


def test_amounts_are_capped_not_refused() -> None:
    assert quantity.value("1e999999999999") == 2**63 - 1
    assert quantity.value("-99999E") == -(2**63 - 1)


def test_rounds_up_to_milli_and_to_units() -> None:
    assert (quantity.milli("100u"), quantity.milli("0.5"), quantity.value("1.2")) == (1, 500, 2)
    assert quantity.parse("0.5") == Fraction(1, 2)
    assert quantity.rounded_to_milli("100n") == "1m"


@given(amounts)
def test_canonical_keeps_the_amount_and_is_stable(text: str) -> None:
    canonical = quantity.canonical(text)
    assert quantity.nano(canonical) == quantity.nano(text)
    assert quantity.canonical(canonical) == canonical


@given(amounts, amounts)
def test_adding_and_subtracting_undo_each_other(left: str, right: str) -> None:
    assert quantity.cmp(quantity.sub(quantity.add(left, right), right), left) == 0


@given(amounts, amounts)
def test_compares_as_fractions_do(left: str, right: str) -> None:
    a, b = quantity.parse(left), quantity.parse(right)
    assert quantity.cmp(left, right) == (a > b) - (a < b)
    assert (quantity.Quantity(left) < quantity.Quantity(right)) == (a < b)
