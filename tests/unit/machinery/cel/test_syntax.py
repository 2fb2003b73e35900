"""What the parser takes and what it says about the rest."""

from __future__ import annotations

import pytest

from kubelite.machinery.cel import CompileError, Environment, types
from kubelite.machinery.cel.values import Uint

ENV = Environment({"x": types.DYN, "self": types.DYN})
DATA = {"x": 1, "self": {"in_": 2, "namespace": "ns", "for": "f"}}

LITERALS = [
    ("1", 1),
    ("-1", -1),
    ("--1", 1),
    ("0x1F", 31),
    ("-0x10", -16),
    ("9223372036854775807", 2**63 - 1),
    ("-9223372036854775808", -(2**63)),
    ("1u", Uint(1)),
    ("0xFFu", Uint(255)),
    ("1.5", 1.5),
    (".5", 0.5),
    ("1e3", 1000.0),
    ("-1.5e-3", -0.0015),
    ("true", True),
    ("false", False),
    ("null", None),
    ("'a'", "a"),
    ('"a"', "a"),
    ("'''a\nb'''", "a\nb"),
    ('"""a"b"""', 'a"b'),
    (r"r'\d'", "\\d"),
    (r"R'''\'''", "\\"),
    (r"'\x41\101\u0041\U00000041'", "AAAA"),
    (r"'\a\b\f\n\r\t\v\\\?\"\'\`'", "\a\b\f\n\r\t\v\\?\"'`"),
    ("b'a'", b"a"),
    ("b'ÿ'", b"\xc3\xbf"),
    (r"b'\xff\377'", b"\xff\xff"),
    (r"br'\x'", b"\\x"),
    ("'ü€😀'", "ü€😀"),
    ("[]", []),
    ("[1, 2,]", [1, 2]),
    ("{}", {}),
    ("{'a': 1, 'b': 2,}", {"a": 1, "b": 2}),
    ("{1: 'a'}[1]", "a"),
    ("1 // a comment", 1),
    ("1 +\n // more\n 2", 3),
    ("(1 + 2) * 3", 9),
    ("1 + 2 * 3", 7),
    ("10 - 2 - 3", 5),
    ("7 / 2 % 2", 1),
    ("!true || true", True),
    ("!!true", True),
    ("-(1 + 2)", -3),
    ("1 < 2 == true", True),
    ("true ? 1 : false ? 2 : 3", 1),
    ("false ? 1 : false ? 2 : 3", 3),
    ("'a' in ['a'] && 1 in {1: 2}", True),
    ("self.namespace", "ns"),
    ("self.for", "f"),
    (".x", 1),
    ("x", 1),
]


@pytest.mark.parametrize(("text", "value"), LITERALS, ids=[text for text, _ in LITERALS])
def test_text_has_a_value(text: str, value: object) -> None:
    found = ENV.compile(text).evaluate(DATA)
    assert found == value
    assert type(found) is type(value)


OPERAND = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)
ERRORS = [
    ("", f"ERROR: <input>:1:1: Syntax error: mismatched input '<EOF>' expecting {OPERAND}\n | \n | ^"),
    ("1 +", f"ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting {OPERAND}\n | 1 +\n | ...^"),
    ("1 1", "ERROR: <input>:1:3: Syntax error: extraneous input '1' expecting <EOF>\n | 1 1\n | ..^"),
    ("1 1 1", "ERROR: <input>:1:3: Syntax error: mismatched input '1' expecting <EOF>\n | 1 1 1\n | ..^"),
    ("x.1", "ERROR: <input>:1:2: Syntax error: extraneous input '.1' expecting <EOF>\n | x.1\n | .^"),
    ("(1", "ERROR: <input>:1:3: Syntax error: missing ')' at '<EOF>'\n | (1\n | ..^"),
    ("x.", "ERROR: <input>:1:3: Syntax error: no viable alternative at input '.'\n | x.\n | ..^"),
    ("@", "ERROR: <input>:1:1: Syntax error: token recognition error at: '@'\n | @\n | ^"),
    ("'a", "ERROR: <input>:1:1: Syntax error: token recognition error at: ''a'\n | 'a\n | ^"),
    (r"'\z'", "ERROR: <input>:1:1: Syntax error: token recognition error at: ''\\z''\n | '\\z'\n | ^"),
    ("for", "ERROR: <input>:1:1: reserved identifier: for\n | for\n | ^"),
    ("x.all(1, true)", "ERROR: <input>:1:7: argument must be a simple name\n | x.all(1, true)\n | ......^"),
    ("has(x)", "ERROR: <input>:1:5: invalid argument to has() macro\n | has(x)\n | ....^"),
    ("x.all(i, i, true)", "ERROR: <input>:1:10: duplicate variable name: i\n | x.all(i, i, true)\n | .........^"),
    ("9223372036854775808", "ERROR: <input>:1:1: Syntax error: invalid int literal\n | 9223372036854775808\n | ^"),
    ("ü.x +", "ERROR: <input>:1:1: Syntax error: token recognition error at: 'ü'\n | ü.x +\n | ＾"),
    (
        "x\n  .y(",
        f"ERROR: <input>:2:6: Syntax error: mismatched input '<EOF>' expecting {OPERAND}\n |   .y(\n | .....^",
    ),
]


@pytest.mark.parametrize(("text", "error"), ERRORS, ids=[text or "nothing" for text, _ in ERRORS])
def test_a_syntax_error_is_shown_where_it_is(text: str, error: str) -> None:
    with pytest.raises(CompileError) as caught:
        ENV.compile(text)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "1" + ")" * 5000,
        "[" * 5000,
        "-" * 5000,
        "!" * 20000 + "x",
        "1" + "+1" * 20000,
        "x" + ".a" * 20000,
        "1" * 9999,
    ],
)
def test_nesting_ends_in_a_value_or_a_compile_error(text: str) -> None:
    try:
        program = ENV.compile(text)
    except CompileError:
        return
    assert program.text == text


def test_an_expression_has_a_greatest_length() -> None:
    with pytest.raises(CompileError, match="expression code point size exceeds limit: size: 100001, limit 100000"):
        ENV.compile(" " * 100_000 + "1")


def test_all_undeclared_names_are_reported_in_their_order() -> None:
    with pytest.raises(CompileError) as caught:
        ENV.compile("a + b")
    assert [issue.message for issue in caught.value.issues] == [
        "undeclared reference to 'a' (in container '')",
        "undeclared reference to 'b' (in container '')",
    ]
