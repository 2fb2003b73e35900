"""Amounts in the text that the API server serves.

Why: upstream parses every quantity and prints it in canonical form ("1000m" becomes "1", 2 becomes "2"), and rounds
resource amounts up to thousandths. Flow: requirements in, the same with canonical text. A text that is no quantity raises
ValueError, which the API server answers with 400, as upstream's decoder does. Upstream: resource.Quantity,
SetDefaults_ResourceList.
"""

from __future__ import annotations

import re

from kubelite.api.types import core_v1 as v1
from kubelite.api.types.base import Quantity
from kubelite.machinery import quantity

_ALREADY = re.compile(r"(?:0|[1-9][0-9]{0,2}(?:m|k|[MGTPE]i?|Ki)?)\Z")
"""Texts that are canonical as they stand: below a thousand of their unit, no coarser unit fits."""


def canonical_amount(amount: Quantity) -> Quantity:
    """`amount` as upstream prints it. Raises ValueError."""
    if isinstance(amount, str) and _ALREADY.match(amount):
        return amount
    return quantity.canonical(amount)


def rounded_amount(amount: Quantity) -> Quantity:
    """`canonical_amount`, rounded up to thousandths as resource lists are. Raises ValueError."""
    if isinstance(amount, str) and _ALREADY.match(amount):
        return amount
    return quantity.rounded_to_milli(amount)


def canonical_resources(resources: v1.ResourceRequirements) -> None:
    """Canonical amounts in requests and limits. Raises ValueError."""
    if resources.limits:
        resources.limits = {name: rounded_amount(amount) for name, amount in resources.limits.items()}
    if resources.requests:
        resources.requests = {name: rounded_amount(amount) for name, amount in resources.requests.items()}
