"""x-kubernetes-validations: the rules in CEL that a schema's author adds.

What: `RuleSet(node)` compiles the rules of a schema where they are first needed; `check(value, old)` evaluates them. Why:
what one field may be often depends on another or on what it was. Flow: after the structural checks, with one budget for the
whole object. A rule that fails on a value that was not changed is tolerated, unless it compares with the old value. Source
and texts: apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubelite.machinery.fielderrors import FieldError, shown
from kubelite.machinery.structural.schema import ABSENT, Node, elements_by_key, key_of

if TYPE_CHECKING:
    from kubelite.machinery.cel import Budget, Program

OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"
MAX_MESSAGE = 5 * 1024


class Rule:
    """One compiled rule. `failure` is why it does not compile; `message` is the program of messageExpression."""

    __slots__ = ("failure", "field_path", "message", "message_failure", "optional", "program", "raw", "uses_old")

    def __init__(self, raw: dict[str, Any], type_: Any) -> None:
        from kubelite.machinery.cel import CompileError, Environment
        from kubelite.machinery.cel.types import optional_of

        self.raw = raw
        self.optional = bool(raw.get("optionalOldSelf"))
        self.field_path = str(raw.get("fieldPath") or "").strip().removeprefix(".")
        self.program: Program | None = None
        self.message: Program | None = None
        self.failure = self.message_failure = ""
        old = optional_of(type_) if self.optional else type_
        environment = Environment({"self": type_, "oldSelf": old})
        try:
            self.program = environment.compile(raw["rule"].strip())
            if self.program.result_type.kind != "bool":
                self.failure = "cel expression must evaluate to a bool"
        except CompileError as error:
            self.failure = f"compilation failed: {error}"
        self.uses_old = self.program is not None and "oldSelf" in self.program.variables
        if raw.get("messageExpression"):
            try:
                self.message = environment.compile(raw["messageExpression"].strip())
                if self.message.result_type.kind != "string":
                    self.message_failure = "messageExpression must evaluate to a string"
            except CompileError as error:
                self.message_failure = f"messageExpression compilation failed: {error}"

    @property
    def text(self) -> str:
        """What names the rule in errors."""
        return str(self.raw.get("message") or "").strip() or str(self.raw["rule"]).strip()

    @property
    def default_message(self) -> str:
        message = str(self.raw.get("message") or "").strip()
        return message or f"failed rule: {str(self.raw['rule']).strip()}"


class _Compiled:
    """The rules of one node, with what makes its values what the expressions expect."""

    __slots__ = ("change", "rules")

    def __init__(self, node: Node, root: bool) -> None:
        from kubelite.machinery.cel.convert import converter
        from kubelite.machinery.cel.schematypes import from_schema

        type_ = from_schema(node.raw, root=root or node.embedded)
        self.change = converter(type_)
        self.rules = [Rule(raw, type_) for raw in node.rules]


class RuleSet:
    """All rules of one schema; `any` is False for the many schemas that have none."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._compiled: dict[int, _Compiled] = {}
        self._below: dict[int, bool] = {}
        self.any = self._has_rules(root)

    def _has_rules(self, node: Node) -> bool:
        """Whether there is a rule at the node or below it; remembered, so that the walk leaves out everything else."""
        inner = [*node.properties.values()]
        inner += [one for one in (node.items, node.additional) if isinstance(one, Node)]
        found = [self._has_rules(one) for one in inner]
        self._below[id(node)] = bool(node.rules) or any(found)
        return self._below[id(node)]

    def check(self, value: Any, old: Any = ABSENT) -> list[FieldError]:
        """The rules that `value` breaks; `old` is what it was before an update."""
        from kubelite.machinery.cel import Budget

        run = _Run(self, Budget())
        run.walk(value, self._root, old, "", old is not ABSENT and value == old)
        return run.errors

    def of(self, node: Node) -> _Compiled:
        found = self._compiled.get(id(node))
        if found is None:
            found = self._compiled[id(node)] = _Compiled(node, node is self._root)
        return found

    def below(self, node: Node) -> bool:
        return self._below.get(id(node), False)


class _Run:
    """One evaluation of all rules. `over`: the budget is spent, nothing more is looked at."""

    def __init__(self, rules: RuleSet, budget: Budget) -> None:
        self._rules = rules
        self._budget = budget
        self.errors: list[FieldError] = []
        self.over = False

    def walk(self, value: Any, node: Node, old: Any, path: str, same: bool) -> None:
        """`same`: the value, or the nearest value above it whose old one is known, has not changed."""
        if value is None or self.over or not self._rules.below(node):
            return
        if node.rules:
            self._evaluate(value, node, old, path, same)
        if isinstance(value, dict):
            known = old if isinstance(old, dict) and node.map_type != "atomic" else None
            for key, inner in value.items():
                child = node.properties.get(key)
                here = f"{path}.{key}" if path else key
                if child is None and isinstance(node.additional, Node):
                    child, here = node.additional, f"{path}[{key}]"
                if child is not None:
                    self._descend(inner, child, known.get(key, ABSENT) if known is not None else ABSENT, here, same)
        elif isinstance(value, list) and node.items is not None:
            before = elements_by_key(node, old)
            for index, element in enumerate(value):
                key_ = key_of(node, element) if before and isinstance(element, dict) else None
                was = before.get(key_, ABSENT) if key_ is not None else ABSENT
                self._descend(element, node.items, was, f"{path}[{index}]", same)

    def _descend(self, value: Any, node: Node, old: Any, path: str, same: bool) -> None:
        self.walk(value, node, old, path, value == old if old is not ABSENT else same)

    def _evaluate(self, value: Any, node: Node, old: Any, path: str, same: bool) -> None:
        from kubelite.machinery.cel.values import NONE, Optional

        compiled = self._rules.of(node)
        change = compiled.change
        now = change(value) if change is not None else value
        absent = old is ABSENT or old is None
        then = None if absent else change(old) if change is not None else old
        for rule in compiled.rules:
            if self.over:
                return
            if rule.failure or rule.program is None:
                self._add(path, node, f"rule compile error: {rule.failure}")
                continue
            if rule.uses_old and absent and not rule.optional:
                continue
            before = (NONE if absent else Optional(then)) if rule.optional else then
            if not self._holds(rule, {"self": now, "oldSelf": before}, node, path) and (rule.uses_old or not same):
                self._fail(rule, {"self": now, "oldSelf": before}, node, path)

    def _holds(self, rule: Rule, variables: dict[str, Any], node: Node, path: str) -> bool:
        """Whether the rule is kept; errors of the evaluation itself are reported here."""
        from kubelite.machinery.cel import CostExceeded, EvaluationError

        if self._budget.remaining <= 0:
            self._end(path, node, OUT_OF_BUDGET)
            return True
        assert rule.program is not None
        try:
            return bool(rule.program.evaluate(variables, self._budget) is True)
        except CostExceeded as error:
            spent = self._budget.remaining <= 0
            text = f"'{error}': no further validation rules will be run due to call cost exceeds limit for rule: {rule.text}"
            self._end(path, node, OUT_OF_BUDGET if spent else text)
        except EvaluationError as error:
            if str(error).startswith("no such overload"):
                kind = "call arguments did not match a supported operator, function or macro signature for rule"
                self._add(path, node, f"'{error}': {kind}: {rule.text}")
            else:
                self._add(path, node, f"{error} evaluating rule: {rule.text}")
        return True

    def _fail(self, rule: Rule, variables: dict[str, Any], node: Node, path: str) -> None:
        detail = self._message(rule, variables) or rule.default_message
        if rule.field_path:
            path = f"{path}.{rule.field_path}" if path else rule.field_path
        where, value = path or "<nil>", shown(node.type)
        reason = rule.raw.get("reason") or "FieldValueInvalid"
        texts = {
            "FieldValueForbidden": f"Forbidden: {detail}",
            "FieldValueRequired": f"Required value: {detail}",
            "FieldValueDuplicate": f"Duplicate value: {value}",
        }
        self.errors.append(FieldError(reason, where, texts.get(reason, f"Invalid value: {value}: {detail}")))

    def _message(self, rule: Rule, variables: dict[str, Any]) -> str:
        """What messageExpression says; "" if it fails or says nothing that can stand in an error."""
        from kubelite.machinery.cel import CelError

        if rule.message is None or rule.message_failure:
            return ""
        try:
            text = rule.message.evaluate(variables, self._budget)
        except CelError:
            return ""
        if not isinstance(text, str) or "\n" in text or len(text.encode()) > MAX_MESSAGE:
            return ""
        return text.strip()

    def _add(self, path: str, node: Node, detail: str) -> None:
        self.errors.append(
            FieldError("FieldValueInvalid", path or "<nil>", f"Invalid value: {shown(node.type)}: {detail}")
        )

    def _end(self, path: str, node: Node, detail: str) -> None:
        self._add(path, node, detail)
        self.over = True
