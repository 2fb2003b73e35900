"""Every behaviour of the list has exactly one test, which is named after it."""

from __future__ import annotations

from tests.conformance.index import SIGS, named_tests, shown, unproven, words

UNPROVEN = 0
"""How many behaviours no test can show here; never more."""


def test_the_list_is_whole() -> None:
    entries = [*shown(), *unproven()]
    whole = sum(SIGS.values())
    counts = {sig: sum(codename.startswith(f"[{sig}]") for codename in entries) for sig in SIGS}
    assert (counts, len(entries), len(set(entries))) == (SIGS, whole, whole)


def test_each_behaviour_has_exactly_one_test_with_its_name() -> None:
    assert {codename: ", ".join(tests) for codename, tests in named_tests().items()} == shown()
    for codename, test in shown().items():
        name = test.partition("::")[2].removeprefix("test_")
        assert name and name in words(codename), f"{test} is not named after {codename}"


def test_what_cannot_be_shown_has_a_reason_and_does_not_grow() -> None:
    reasons = unproven()
    assert len(reasons) <= UNPROVEN
    assert all(len(reason.split()) > 5 for reason in reasons.values())
