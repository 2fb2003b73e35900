"""Whatever is written and whatever the data: a value, or an error of this package."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.machinery.cel import CelError, Environment, libraries, mutation, types
from kubelite.machinery.cel.functions_authorizer import Answer, Authorizer

ENV = Environment(
    {"d": types.DYN, "s": types.STRING, "authorizer": types.opaque(Authorizer.type_name)},
    (*libraries.BASE, "jsonpatch", "bindings"),
    mutation.structs(),
)
VALUES = [
    "d", "s", "1", "'a'", "[1,2]", "{'a':1}", "null", "1u", "1.5", "b'x'", "true", "int", "d.x", "d.l", "dyn([])",
    "dyn({})", "dyn('x')", "dyn(-1)", "dyn(1.5)", "dyn(null)", "duration('1s')", "timestamp(0)", "optional.of(1)",
    "optional.none()", "quantity('1')", "ip('::1')", "cidr('::/1')", "url('/x')", "semver('1.0.0')", "authorizer",
    "format.uuid()", "dyn(9223372036854775807)", "dyn(true)", "dyn(b'')", "dyn(timestamp(0))", "Object{a:1}",
    "dyn('\\U0010ffff')",
]  # fmt: skip
NAMES = sorted(name for name in ENV.functions if name[0] not in "_@!-")
OPERATORS = ["+", "-", "*", "/", "%", "<", ">=", "==", "!=", "in", "&&", "||"]
LONE = "\ud800"

values = st.sampled_from(VALUES)
arguments = st.lists(values, max_size=3).map(", ".join)
calls = st.one_of(
    st.builds("{}({})".format, st.sampled_from(NAMES), arguments),
    st.builds("({}).{}({})".format, values, st.sampled_from(NAMES), arguments),
    st.builds("({}) {} ({})".format, values, st.sampled_from(OPERATORS), values),
    st.builds("({})[{}]".format, values, values),
    st.builds("({})[?{}]".format, values, values),
    st.builds("({}) ? ({}) : ({})".format, values, values, values),
    st.builds("({}).map(x, x == {})".format, values, values),
    st.builds("({}).transformMapEntry(k, v, {{v: {}}})".format, values, values),
)
data = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just(LONE)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("xla"), inner, max_size=3)),
    max_leaves=5,
)


@settings(max_examples=600, deadline=None)
@given(calls, data)
def test_a_call_of_anything_with_anything_ends(text: str, value: object) -> None:
    with suppress(CelError):
        program = ENV.compile(text)
        assert program.cost.min <= program.cost.max
        program.evaluate({"d": value, "s": LONE, "authorizer": Authorizer(lambda check: Answer(True))})


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="ax1.'\"()[]{}?:,+-!&|<=>%*/ \\\nürbu", max_size=24))
def test_any_text_is_an_expression_or_a_compile_error(text: str) -> None:
    with suppress(CelError):
        assert ENV.compile(text).text == text
