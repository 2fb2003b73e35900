"""How long expressions of CEL take: `python -m bench cel`.

What: compiles and evaluates typical rules of custom resources and policies, and prints microseconds of each. Why: every write of
such an object pays for its rules; the goal is 30 µs for a typical one. In: nothing. Out: a table on standard output.
"""

from __future__ import annotations

import sys
import timeit
from typing import Any

from kubelite.machinery.cel import Budget, Environment, types

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "minReplicas": {"type": "integer"},
        "replicas": {"type": "integer"},
        "maxReplicas": {"type": "integer"},
        "items": {"type": "array", "items": {"type": "string"}},
        "name": {"type": "string"},
        "memory": {"type": "string"},
        "start": {"type": "string", "format": "date-time"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "mode": {"type": "string"},
    },
}
SELF = {
    "minReplicas": 1,
    "replicas": 2,
    "maxReplicas": 5,
    "items": [f"item-{number}" for number in range(10)],
    "name": "a-name",
    "memory": "512Mi",
    "start": "2024-01-01T00:00:00Z",
    "labels": {f"key{number}": "value" for number in range(10)},
    "mode": "Fast",
}
RULES = [
    "self.minReplicas <= self.replicas && self.replicas <= self.maxReplicas",
    "self.items.all(x, x.size() > 0)",
    "self.items.exists(x, x == 'item-9')",
    "self.mode in ['Fast', 'Slow'] || !has(self.name)",
    "self.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
    "self.name == oldSelf.name",
    "quantity(self.memory).isLessThan(quantity('1Gi'))",
    "self.start < timestamp('2030-01-01T00:00:00Z')",
    "self.labels.all(k, k.startsWith('key') && self.labels[k] != '')",
    "object.spec.items.filter(i, i.startsWith('item')).map(i, i.size()).sum() < 100",
]
ROUNDS = 5_000
GOAL = 30.0


def main() -> int:
    """Prints the table; fails if one of the first two rules takes longer than the goal."""
    kind = types.from_schema(SCHEMA, root=True)
    environment = Environment({"self": kind, "oldSelf": kind, "object": types.DYN})
    data = {"self": SELF, "oldSelf": SELF, "object": {"spec": SELF}}
    print(f"{'µs to compile':>14} {'µs to evaluate':>15}  expression")
    slow = False
    for index, text in enumerate(RULES):
        names: dict[str, Any] = {"environment": environment, "text": text, "data": data, "Budget": Budget}
        names["program"] = environment.compile(text)
        compiling = min(timeit.repeat("environment.compile(text)", globals=names, number=50, repeat=3)) / 50
        run = min(timeit.repeat("program.evaluate(data, Budget())", globals=names, number=ROUNDS, repeat=3)) / ROUNDS
        print(f"{compiling * 1e6:14.0f} {run * 1e6:15.2f}  {text}")
        slow |= index < 2 and run * 1e6 > GOAL
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
