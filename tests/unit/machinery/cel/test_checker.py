"""Types of expressions, and what is refused before it runs."""

from __future__ import annotations

import pytest

from kubelite.machinery.cel import CompileError, Environment, types
from kubelite.machinery.cel.types import Field, ObjectType

ITEM = ObjectType("Item", {"name": Field(types.STRING, "name"), "count": Field(types.INT, "count")})
ENV = Environment(
    {
        "self": ObjectType(
            "Self",
            {
                "a": Field(types.INT, "a"),
                "items": Field(types.list_of(ITEM), "items"),
                "labels": Field(types.map_of(types.STRING, types.STRING), "labels"),
                "item": Field(ITEM, "item"),
                "at": Field(types.TIMESTAMP, "at"),
            },
        ),
        "d": types.DYN,
        "n": types.INT,
    }
)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("self.a", "int"),
        ("self.items", "list(Item)"),
        ("self.items[0]", "Item"),
        ("self.items.map(i, i.name)", "list(string)"),
        ("self.items.filter(i, i.count > 0)", "list(Item)"),
        ("self.items.transformMap(k, v, v.name)", "map(int, string)"),
        ("self.items.transformMapEntry(k, v, {v.name: v.count})", "map(string, int)"),
        ("self.labels['a']", "string"),
        ("self.labels.a", "string"),
        ("self.?item.name", "optional_type(string)"),
        ("self.?item.optMap(i, i.count).orValue(1)", "int"),
        ("[]", "list(dyn)"),
        ("{}", "map(dyn, dyn)"),
        ("[] + [1]", "list(int)"),
        ("[[], [1]]", "list(list(int))"),
        ("{'a': []}", "map(string, list(dyn))"),
        ("[1, dyn('a')]", "list(dyn)"),
        ("d.x.y", "dyn"),
        ("d + 1", "int"),
        ("1 + d", "int"),
        ("d + d", "dyn"),
        ("true ? d : 1", "dyn"),
        ("type(1)", "type(int)"),
        ("self.at - duration('1h')", "timestamp"),
        ("self.at - self.at", "duration"),
        ("timestamp('2020-01-01T00:00:00Z').getHours()", "int"),
        ("optional.none()", "optional_type(dyn)"),
        ("[1][?0]", "optional_type(int)"),
        ("quantity('1').add(1)", "kubernetes.Quantity"),
        ("null", "null"),
        ("self.item == null", "bool"),
        ("1u", "uint"),
        ("b'a'", "bytes"),
        ("'a'.split(',')", "list(string)"),
        ("url('/').getQuery()", "map(string, list(string))"),
        ("format.named('x')", "optional_type(kubernetes.NamedFormat)"),
        ("self.items.sortBy(i, i.count)", "list(Item)"),
    ],
)
def test_the_result_has_a_type(text: str, result: str) -> None:
    assert str(ENV.compile(text).result_type) == result


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("self.b", 5, "undefined field 'b'"),
        ("has(self.b)", 4, "undefined field 'b'"),
        ("self.items[0].x", 14, "undefined field 'x'"),
        ("self.a.b", 7, "type 'int' does not support field selection"),
        ("foo", 1, "undeclared reference to 'foo' (in container '')"),
        ("foo.bar", 1, "undeclared reference to 'foo' (in container '')"),
        ("foo(1)", 4, "undeclared reference to 'foo' (in container '')"),
        ("n.foo()", 6, "undeclared reference to 'foo' (in container '')"),
        ("1 + 'a'", 3, "found no matching overload for '_+_' applied to '(int, string)'"),
        ("1 == 'a'", 3, "found no matching overload for '_==_' applied to '(int, string)'"),
        ("1 == 1.0", 3, "found no matching overload for '_==_' applied to '(int, double)'"),
        ("n == null", 3, "found no matching overload for '_==_' applied to '(int, null)'"),
        ("n.startsWith('a')", 13, "found no matching overload for 'startsWith' applied to 'int.(string)'"),
        ("size(n)", 5, "found no matching overload for 'size' applied to '(int)'"),
        (
            "self.items.startsWith('a')",
            22,
            "found no matching overload for 'startsWith' applied to 'list(Item).(string)'",
        ),
        ("1 in [''] ", 3, "found no matching overload for '@in' applied to '(int, list(string))'"),
        ("self.labels[1]", 12, "found no matching overload for '_[_]' applied to '(map(string, string), int)'"),
        ("!n", 1, "found no matching overload for '!_' applied to '(int)'"),
        ("-'a'", 1, "found no matching overload for '-_' applied to '(string)'"),
        ("n && true", 3, "found no matching overload for '_&&_' applied to '(int, bool)'"),
        ("true || n", 6, "found no matching overload for '_||_' applied to '(bool, int)'"),
        ("n ? 1 : 2", 3, "found no matching overload for '_?_:_' applied to '(int, int, int)'"),
        ("true ? 1 : 'a'", 6, "found no matching overload for '_?_:_' applied to '(bool, int, string)'"),
        ("[1, 'a']", 5, "expected type 'int' but found 'string'"),
        ("{'a': 1, 'b': 'c'}", 15, "expected type 'int' but found 'string'"),
        (
            "n.all(x, true)",
            1,
            "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
        ),
        ("[1].all(x, x)", 8, "found no matching overload for '_&&_' applied to '(bool, int)'"),
        ("[1].exists(x, x)", 11, "found no matching overload for '_||_' applied to '(bool, int)'"),
        ("[1].all(x, y)", 12, "undeclared reference to 'y' (in container '')"),
        ("[1].all(x, true) && x", 21, "undeclared reference to 'x' (in container '')"),
        ("[?1]", 3, "expected type 'optional_type(int)' but found 'int'"),
        ("duration('1')", 10, "invalid duration argument"),
        ("timestamp('now')", 11, "invalid timestamp argument"),
        ("'a'.matches('[')", 13, "invalid matches argument"),
        ("math.greatest(1, 2)", 1, "undeclared reference to 'math' (in container '')"),
    ],
)
def test_it_is_refused_with_the_place(text: str, column: int, message: str) -> None:
    with pytest.raises(CompileError) as caught:
        ENV.compile(text)
    assert str(caught.value).splitlines()[0] == f"ERROR: <input>:1:{column}: {message}"


def test_an_environment_can_be_extended() -> None:
    extended = ENV.extend({"more": types.BOOL})
    assert extended.compile("more && self.a > 0").variables == {"more", "self"}
    with pytest.raises(CompileError):
        ENV.compile("more")
