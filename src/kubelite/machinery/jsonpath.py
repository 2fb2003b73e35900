"""JSONPath templates in kubectl's dialect: `{.items[*].metadata.name}`, `{range .items[*]}…{end}`.

What: `compile` a template once, `execute` it on plain objects. Why: scripts all over the world use `-o jsonpath` and
`--for=jsonpath`. Flow: template text → nodes (`jsonpathparser`) → text. Printing follows client-go/util/jsonpath: several
results are joined by a blank, maps and lists print as JSON, a missing key is an error unless allowed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.machinery import jsonpathparser as syntax
from kubelite.machinery.jsonpathparser import JSONPathError

__all__ = ["JSONPathError", "Template", "compile"]

_encode = msgspec.json.Encoder(order="sorted").encode
MAX_RESULTS = 1_000_000


class Template:
    """A compiled template. `allow_missing`: absent keys give nothing instead of an error."""

    def __init__(self, nodes: list[syntax.Node], allow_missing: bool = False) -> None:
        self.nodes = nodes
        self.allow_missing = allow_missing

    def execute(self, obj: Any) -> str:
        """The printed text. Raises JSONPathError."""
        return "".join(self._print(self.nodes, obj, obj))

    def find(self, obj: Any) -> list[Any]:
        """The values of the template's last expression, unprinted."""
        found: list[Any] = []
        for node in self.nodes:
            if isinstance(node, syntax.Path):
                found = self._path(node, [obj], obj)
        return found

    def _print(self, nodes: list[syntax.Node], obj: Any, root: Any) -> list[str]:
        out: list[str] = []
        for node in nodes:
            if isinstance(node, syntax.Text):
                out.append(node.text)
            elif isinstance(node, syntax.Range):
                for item in self._path(node.path, [obj], root):
                    out += self._print(node.body, item, root)
            elif isinstance(node, syntax.Path):
                out.append(" ".join(_text(value) for value in self._path(node, [obj], root)))
        return out

    def _path(self, path: syntax.Path, values: list[Any], root: Any) -> list[Any]:
        if path.literal is not None:
            return [path.literal.value]
        if path.from_root:
            values = [root]
        for step in path.steps:
            values = self._step(step, values, root)
            if len(values) > MAX_RESULTS:
                raise JSONPathError("too many results")
        return values

    def _step(self, step: syntax.Step, values: list[Any], root: Any) -> list[Any]:
        if isinstance(step, syntax.Field):
            return self._field(step.name, values)
        if isinstance(step, syntax.Wildcard):
            return [inner for value in values for inner in _children(value)]
        if isinstance(step, syntax.Recursive):
            return [inner for value in values for inner in _descendants(value)]
        if isinstance(step, syntax.Slice):
            return [inner for value in values for inner in self._slice(step, value)]
        if isinstance(step, syntax.Union):
            return [inner for path in step.paths for inner in self._path(path, values, root)]
        return [inner for value in values for inner in self._filter(step, value, root)]

    def _field(self, name: str, values: list[Any]) -> list[Any]:
        found: list[Any] = []
        for value in values:
            if isinstance(value, dict) and name in value:
                found.append(value[name])
        if not found and values and not self.allow_missing:
            raise JSONPathError(f"{name} is not found")
        return found

    def _slice(self, step: syntax.Slice, value: Any) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise JSONPathError(f"{_text(value)} is not array or slice")
        size = len(value)
        if step.single:
            index = step.start or 0
            index = index + size if index < 0 else index
            if not 0 <= index < size:
                if self.allow_missing:
                    return []
                raise JSONPathError(f"array index out of bounds: index {index}, length {size}")
            return [value[index]]
        if step.step is not None and step.step <= 0:
            raise JSONPathError("step must be > 0")
        return value[step.start : step.end : step.step]

    def _filter(self, step: syntax.Filter, value: Any, root: Any) -> list[Any]:
        if isinstance(value, dict):
            candidates = list(value.values())
        elif isinstance(value, list):
            candidates = value
        else:
            raise JSONPathError(f"{_text(value)} is not array or slice and cannot be filtered")
        return [item for item in candidates if self._holds(step, item, root)]

    def _holds(self, step: syntax.Filter, item: Any, root: Any) -> bool:
        left = self._operand(step.left, item, root)
        if not step.operator:
            return bool(left)
        right = self._operand(step.right, item, root) if step.right else []
        if len(left) != 1 or len(right) != 1:
            if len(left) > 1 or len(right) > 1:
                raise JSONPathError("can only compare one element at a time")
            return False
        return _compare(left[0], step.operator, right[0])

    def _operand(self, path: syntax.Path, item: Any, root: Any) -> list[Any]:
        try:
            return self._path(path, [item], root)
        except JSONPathError:
            return []


def compile(template: str, allow_missing: bool = False) -> Template:
    """The template of a text such as `{.metadata.name}`. Raises JSONPathError for bad syntax."""
    return Template(syntax.parse(template), allow_missing)


def relaxed(expression: str) -> str:
    """What kubectl accepts for an expression: `metadata.name`, `.metadata.name`, `{metadata.name}` → `{.metadata.name}`."""
    inner = expression[1:-1] if expression.startswith("{") and expression.endswith("}") else expression
    if not inner or "{" in inner or "}" in inner:
        raise JSONPathError(f"unexpected path string, expected a 'name1.name2' or '.name1.name2': {expression}")
    return f"{{{inner}}}" if inner.startswith((".", "[", "$")) else f"{{.{inner}}}"


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, list) else []


def _descendants(value: Any) -> list[Any]:
    """The value and everything below it, outermost first."""
    found = [value]
    for child in _children(value):
        found += _descendants(child)
    return found


def _compare(left: Any, operator: str, right: Any) -> bool:
    numbers = _number(left), _number(right)
    if numbers[0] is not None and numbers[1] is not None:
        return bool(_ORDER[operator](numbers[0], numbers[1]))
    if isinstance(left, bool) and isinstance(right, bool) and operator in ("==", "!="):
        return (left == right) is (operator == "==")
    if isinstance(left, str) and isinstance(right, str):
        return bool(_ORDER[operator](left, right))
    if operator in ("==", "!="):
        return (left == right) is (operator == "==")
    raise JSONPathError(f"unrecognized filter operator {operator} between {_text(left)} and {_text(right)}")


_ORDER: dict[str, Any] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return _encode(value).decode()
