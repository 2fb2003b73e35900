"""Environments and programs: what this package offers.

What: `Environment(variables, libraries).compile(text)` makes a `Program`; a program evaluates mappings of variables,
within a `Budget`. Why: an expression is compiled when it is stored and evaluated at each request. Flow: parse, check,
estimate, compile; then `evaluate`. Programs keep no state: any number of evaluations may run at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from kubelite.machinery.cel import ast, libraries, types
from kubelite.machinery.cel.checker import Checker
from kubelite.machinery.cel.compile import Compiler
from kubelite.machinery.cel.cost import Estimate, estimate
from kubelite.machinery.cel.errors import CompileError, CostExceeded, EvaluationError, Issue, no_overload
from kubelite.machinery.cel.libraries import BASE
from kubelite.machinery.cel.parser import parse
from kubelite.machinery.cel.types import ObjectType, Type

PER_CALL = 1_000_000
"""What one evaluation may cost."""
PER_OBJECT = 10_000_000
"""What the rules of one object, or the policies of one request, may cost together."""
RULE_LIMIT = 10_000_000
"""What one rule of a custom resource definition may cost at most, as estimated (x the number of times it runs)."""
CRD_LIMIT = 100_000_000
"""What all rules of a custom resource definition may cost at most, as estimated."""


class Budget:
    """What several evaluations may still cost together."""

    __slots__ = ("remaining",)

    def __init__(self, remaining: int = PER_OBJECT) -> None:
        self.remaining = remaining


class Program:
    """A compiled expression."""

    def __init__(self, text: str, tree: ast.Node) -> None:
        self.text = text
        self.tree = tree
        self.result_type: Type = tree.type
        compiler = Compiler()
        self._run, self._cost = compiler.compile(tree)
        self._load = tuple(compiler.used.items())
        self._blank = [0] * compiler.size

    @cached_property
    def cost(self) -> Estimate:
        """The least and the most that an evaluation costs, as far as sizes are known."""
        return estimate(self.tree)

    @property
    def variables(self) -> frozenset[str]:
        """The variables the expression uses."""
        return frozenset(name for name, _ in self._load)

    def evaluate(self, variables: Mapping[str, Any], budget: Budget | None = None, limit: int = PER_CALL) -> Any:
        """The value; raises EvaluationError or CostExceeded. Takes what it costs off the budget."""
        frame = self._blank.copy()
        if budget is not None and budget.remaining < limit:
            limit = budget.remaining
        frame[0] = limit - self._cost
        try:
            if frame[0] < 0:
                raise CostExceeded
            for name, slot in self._load:
                frame[slot] = variables[name]
            return self._run(frame)
        except (TypeError, AttributeError, ValueError, LookupError, ArithmeticError) as error:
            # Data that its schema does not describe: never the caller's problem.
            if isinstance(error, KeyError) and error.args and error.args[0] in self.variables:
                raise EvaluationError(f"no such attribute(s): {error.args[0]}") from None
            raise no_overload() from error
        except RecursionError:
            raise EvaluationError("expression is nested too deeply") from None
        finally:
            if budget is not None:
                budget.remaining -= limit - frame[0]


class Environment:
    """The variables and libraries expressions may use; `structs` are the messages they may make, by name."""

    def __init__(
        self,
        variables: Mapping[str, Type],
        libraries: Iterable[str] = BASE,
        structs: Mapping[str, ObjectType] | None = None,
    ) -> None:
        self.variables: Mapping[str, Type] = dict(variables)
        self.libraries = tuple(libraries)
        self.structs: Mapping[str, ObjectType] = structs if structs is not None else {}
        loaded = _loaded(self.libraries)
        self.functions, self.type_names, self.macros = loaded

    def extend(self, variables: Mapping[str, Type]) -> Environment:
        """The environment with more variables."""
        return Environment({**self.variables, **variables}, self.libraries, self.structs)

    def struct(self, name: str) -> Type | None:
        """The type of a message literal: one that was given, or one below it (`Object.spec.template`)."""
        if name in self.structs:
            return self.structs[name]
        head, _, rest = name.partition(".")
        current: Type | None = self.structs.get(head)
        for part in rest.split(".") if rest else ():
            if not isinstance(current, ObjectType) or part not in current.fields:
                return None
            current = current.fields[part].type
            while current.kind in ("list", "map"):
                current = current.params[-1]
        return current if isinstance(current, ObjectType) or (current is not None and current.kind == "dyn") else None

    def check(self, text: str) -> ast.Node:
        """The checked tree; raises CompileError."""
        tree = parse(text, self.macros)
        return Checker(self, text).check(tree)

    def compile(self, text: str) -> Program:
        """The program; raises CompileError."""
        try:
            return Program(text, self.check(text))
        except RecursionError:
            raise CompileError(text, [Issue(0, "expression is nested too deeply")]) from None


def _loaded(names: tuple[str, ...]) -> tuple[Any, Any, frozenset[str]]:
    return libraries.load(names)


DYN = types.DYN
