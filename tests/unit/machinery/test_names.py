"""Names are accepted and refused with upstream's words."""

from __future__ import annotations

import random
import time

import pytest

from kubelite.machinery import names


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (names.dns1123_label, ["a", "my-name", "1a"], ["", "A", "-a", "a-", "a.b", "a_b", "a" * 64, "a\n", "ä"]),
        (names.dns1123_subdomain, ["a.b", "a", "1.2"], ["", "a..b", ".a", "A.b", "a" * 254, "a/b"]),
        (names.dns1035_label, ["a1"], ["1a", "", "a.b"]),
        (names.qualified_name, ["a", "A.b_c", "x.y/Z"], ["", "/a", "a/", "a/b/c", "X_/a", "a" * 64, "a b"]),
        (names.label_value, ["", "A.b_c"], ["-", "a b", "a" * 64, "a-"]),
        (names.config_map_key, ["a", ".a", "A_b-c.d"], ["", ".", "..", "..a", "a/b", "a" * 254]),
        (names.env_var_name, ["A", "1", "a b"], ["", "a=b", "ä", "a\n"]),
        (names.strict_env_var_name, ["A", "a.b"], ["", "1", "a b"]),
        (names.port_name, ["http", "a-1"], ["", "1", "-a", "a--b", "a" * 16, "A"]),
        (names.path_segment, ["system:node", "a b"], [".", "..", "a/b", "a%b"]),
        (names.c_identifier, ["a_1"], ["1a", ""]),
        (names.http_header, ["X-A"], ["", "a b"]),
        (names.percent, ["5%"], ["5", "%", "-1%"]),
        (names.wildcard_dns1123_subdomain, ["*.a.b"], ["a.b", "*", "*.*.b"]),
        (names.domain_prefixed_path, ["a.b/c/d"], ["a", "a/", "/b"]),
    ],
)
def test_good_and_bad_names(check: names.Check, good: list[str], bad: list[str]) -> None:
    assert {name: check(name) for name in good} == {name: [] for name in good}
    assert [name for name in bad if not check(name)] == []


def test_complaints_are_upstreams_words() -> None:
    assert names.dns1123_label("A") == [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
        "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    ]
    assert names.dns1123_label("a.b") == ["must not contain dots"]
    assert names.dns1123_label("a" * 64) == ["must be no more than 63 bytes"]
    assert names.qualified_name("") == [
        "name part must be non-empty",
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
        "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
        "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ]


def test_generated_names_fit_and_spell_no_words() -> None:
    suffix = names.random_suffix(random.Random(1).randrange)
    assert len(suffix) == 5 and not set(suffix) & set("aeiou013")
    assert names.generate("web-", suffix) == f"web-{suffix}"
    assert len(names.generate("x" * 100, suffix)) == 63


def test_a_prefix_may_end_with_a_dash() -> None:
    check = names.for_prefix(names.dns1123_label)
    assert check("web-", True) == []
    assert check("web-", False) != []


def test_long_hostile_names_are_judged_quickly() -> None:
    begun = time.process_time()
    for check in (names.dns1123_subdomain, names.qualified_name, names.dns1123_label):
        check("a" * 200_000 + "!")
        check("a-" * 100_000)
        check("a." * 100_000)
    assert time.process_time() - begun < 5
