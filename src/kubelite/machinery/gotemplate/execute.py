"""A parsed template, executed.

What: `compile_template(text)` and `Template.execute(data)`. Why: see the package. Flow: nodes + decoded JSON → text. A key
that a map does not have is `MISSING`: it prints as "<no value>", is nil for functions, and an error with `allow_missing=False`.
Rules and texts: text/template/exec.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.machinery.gotemplate.errors import TemplateError
from kubelite.machinery.gotemplate.functions import FUNCTIONS, truth, wrong_count
from kubelite.machinery.gotemplate.goformat import Int, show, type_name
from kubelite.machinery.gotemplate.nodes import Action, Branch, Fields, Function, Jump, Literal, Pipeline, Text
from kubelite.machinery.gotemplate.nodes import Template as Call
from kubelite.machinery.gotemplate.parser import MAIN, Body, parse

DEPTH = 100


class _Missing:
    """What a map does not have."""

    def __bool__(self) -> bool:
        return False


MISSING = _Missing()


class _Left(Exception):
    """`break` or `continue` on its way to the range."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def compile_template(text: str, allow_missing: bool = True) -> Template:
    """The template of a text. Raises TemplateError."""
    return Template(parse(text), allow_missing)


class Template:
    """A template ready to be executed."""

    def __init__(self, templates: dict[str, Body], allow_missing: bool) -> None:
        self._templates = templates
        self._allow_missing = allow_missing

    def execute(self, data: Any) -> str:
        """The text for decoded JSON. Raises TemplateError."""
        state = _State(self._templates, self._allow_missing)
        try:
            state.run(MAIN, data)
        except TemplateError as error:
            error.written = "".join(state.out)
            raise
        return "".join(state.out)


class _State:
    def __init__(self, templates: dict[str, Body], allow_missing: bool) -> None:
        self.out: list[str] = []
        self._templates = templates
        self._allow_missing = allow_missing
        self._variables: list[tuple[str, Any]] = []
        self._depth = 0
        self._name = MAIN

    def run(self, name: str, dot: Any) -> None:
        """The nodes of a named template, with `$` being the dot."""
        before, self._variables = self._variables, [("$", dot)]
        outer, self._name = self._name, name
        self._walk(self._templates[name], dot)
        self._variables, self._name = before, outer

    def _error(self, node: Any, message: str) -> TemplateError:
        return TemplateError(f'template: {MAIN}:{node.at}: executing "{self._name}" at <{node.source}>: {message}')

    def _walk(self, nodes: Body, dot: Any) -> None:
        for node in nodes:
            if isinstance(node, Text):
                self.out.append(node.text)
            elif isinstance(node, Action):
                value = self._pipeline(node.pipe, dot)
                if not node.pipe.variables:
                    self.out.append("<no value>" if value is MISSING or value is None else show(value))
            elif isinstance(node, Branch):
                depth = len(self._variables)
                (self._range if node.word == "range" else self._condition)(node, dot)
                del self._variables[depth:]
            elif isinstance(node, Call):
                self._call_template(node, dot)
            elif isinstance(node, Jump):
                raise _Left(node.word)

    def _condition(self, node: Branch, dot: Any) -> None:
        value = self._pipeline(node.pipe, dot)
        if truth(value):
            self._walk(node.body, value if node.word == "with" else dot)
        else:
            self._walk(node.otherwise, dot)

    def _range(self, node: Branch, dot: Any) -> None:
        value = self._pipeline(node.pipe, dot, binds=False)
        pairs: list[tuple[Any, Any]]
        if isinstance(value, list):
            pairs = [(Int(place), one) for place, one in enumerate(value)]
        elif isinstance(value, dict):
            pairs = [(key, value[key]) for key in sorted(value)]
        elif isinstance(value, int) and not isinstance(value, bool):
            pairs = [(place, place) for place in range(value)]
        elif value is None or value is MISSING:
            pairs = []
        else:
            raise self._error(node.pipe, f"range can't iterate over {show(value)}")
        if not pairs:
            self._walk(node.otherwise, dot)
        depth = len(self._variables)
        for key, element in pairs:
            self._bind(node.pipe, key, element)
            try:
                self._walk(node.body, element)
            except _Left as left:
                if left.word == "break":
                    break
            finally:
                del self._variables[depth:]

    def _bind(self, pipe: Pipeline, key: Any, element: Any) -> None:
        values = (element,) if len(pipe.variables) == 1 else (key, element)
        for name, value in zip(pipe.variables, values, strict=False):
            self._set(name, value, pipe.assigns)

    def _set(self, name: str, value: Any, assigns: bool) -> None:
        if not assigns:
            self._variables.append((name, value))
            return
        for place in range(len(self._variables) - 1, -1, -1):
            if self._variables[place][0] == name:
                self._variables[place] = (name, value)
                return

    def _call_template(self, node: Call, dot: Any) -> None:
        if node.name not in self._templates:
            raise TemplateError(
                f'template: {MAIN}:{node.at}: executing "{self._name}" at <{{{{template "{node.name}"}}}}>: template '
                f'"{node.name}" not defined'
            )
        self._depth += 1
        if self._depth > DEPTH:
            raise TemplateError(f"template: {MAIN}:{node.at}: exceeded maximum template depth ({DEPTH})")
        self.run(node.name, None if node.pipe is None else self._pipeline(node.pipe, dot))
        self._depth -= 1

    # -- values

    def _pipeline(self, pipe: Pipeline, dot: Any, *, binds: bool = True) -> Any:
        value: Any = None
        for place, command in enumerate(pipe.commands):
            value = self._command(command, dot, (value,) if place else ())
        if binds:
            for name in pipe.variables:
                self._set(name, value, pipe.assigns)
        return value

    def _command(self, command: tuple[Any, ...], dot: Any, last: tuple[Any, ...]) -> Any:
        first = command[0]
        if isinstance(first, Function):
            return self._call(first, command[1:], dot, last)
        if len(command) > 1 or last:
            what = (
                f"can't give argument to non-function {first.source}"
                if isinstance(first, Literal)
                else (
                    f"{first.names[-1] if isinstance(first, Fields) and first.names else first.source} is not a method but has "
                    "arguments"
                )
            )
            raise self._error(first, what)
        if isinstance(first, Literal) and first.value is None:
            raise self._error(first, "nil is not a command")
        return self._value(first, dot)

    def _call(self, function: Function, operands: tuple[Any, ...], dot: Any, last: tuple[Any, ...]) -> Any:
        if function.name in ("and", "or"):
            return self._logic(function, operands, dot, last)
        arguments = [self._value(operand, dot) for operand in operands] + list(last)
        complaint = wrong_count(function.name, len(arguments))
        if complaint:
            raise self._error(function, complaint)
        try:
            return FUNCTIONS[function.name](*(None if one is MISSING else one for one in arguments))
        except ValueError as error:
            raise self._error(function, f"error calling {function.name}: {error}") from None
        except TypeError:
            found = ", ".join(type_name(one) for one in arguments)
            raise self._error(function, f"wrong types of args for {function.name}: {found}") from None

    def _logic(self, function: Function, operands: tuple[Any, ...], dot: Any, last: tuple[Any, ...]) -> Any:
        """`and` and `or` evaluate no further than they must."""
        value: Any = None
        for operand in operands:
            value = self._value(operand, dot)
            if truth(value) == (function.name == "or"):
                return value
        complaint = wrong_count(function.name, len(operands) + len(last))
        if complaint:
            raise self._error(function, complaint)
        return last[0] if last else value

    def _value(self, operand: Any, dot: Any) -> Any:
        if isinstance(operand, Literal):
            return operand.value
        if isinstance(operand, Function):
            return self._call(operand, (), dot, ())
        if isinstance(operand.base, Pipeline):
            value = self._pipeline(operand.base, dot)
        elif operand.base:
            value = next(found for name, found in reversed(self._variables) if name == operand.base)
        else:
            value = dot
        for name in operand.names:
            value = self._field(operand, value, name)
        return value

    def _field(self, operand: Fields, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            if name in value:
                return value[name]
            if not self._allow_missing:
                raise self._error(operand, f'map has no entry for key "{name}"')
            return MISSING
        if value is MISSING:
            return MISSING
        if value is None:
            raise self._error(operand, f"nil pointer evaluating interface {{}}.{name}")
        raise self._error(operand, f"can't evaluate field {name} in type interface {{}}")
