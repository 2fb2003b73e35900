"""The Common Expression Language as Kubernetes uses it: `Environment(variables).compile(text).evaluate(values)`."""

from kubelite.machinery.cel.environment import CRD_LIMIT, PER_CALL, PER_OBJECT, RULE_LIMIT, Budget, Environment, Program
from kubelite.machinery.cel.errors import CelError, CompileError, CostExceeded, EvaluationError

__all__ = [
    "CRD_LIMIT",
    "PER_CALL",
    "PER_OBJECT",
    "RULE_LIMIT",
    "Budget",
    "CelError",
    "CompileError",
    "CostExceeded",
    "Environment",
    "EvaluationError",
    "Program",
]
