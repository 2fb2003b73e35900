"""Arithmetic on lists of amounts: `{"pods": "1", "requests.cpu": "500m"}`.

What: add, subtract, compare, sum and show. Why: admission and the controller must count alike and exactly. Flow: quantity texts
in and out; nothing is changed in place. Source: apiserver/pkg/quota/v1/resources.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubelite.api.types.base import Quantity
from kubelite.machinery import quantity

Amounts = Mapping[str, Quantity]


def plus(left: Amounts, right: Amounts) -> dict[str, Quantity]:
    """The sum of two lists."""
    result = dict(left)
    for name, amount in right.items():
        result[name] = quantity.add(result[name], amount) if name in result else quantity.canonical(amount)
    return result


def minus(left: Amounts, right: Amounts) -> dict[str, Quantity]:
    """The difference of two lists; what only `right` has becomes negative."""
    result = dict(left)
    for name, amount in right.items():
        result[name] = quantity.sub(result.get(name, "0"), amount)
    return result


def only(amounts: Amounts, names: Iterable[str]) -> dict[str, Quantity]:
    """The amounts of these names that there are."""
    return {name: amounts[name] for name in names if name in amounts}


def positive(amounts: Amounts) -> dict[str, Quantity]:
    """The amounts above zero."""
    return {name: amount for name, amount in amounts.items() if quantity.nano(amount) > 0}


def negative(amounts: Amounts) -> list[str]:
    """The names of the amounts below zero."""
    return sorted(name for name, amount in amounts.items() if quantity.nano(amount) < 0)


def exceeding(amounts: Amounts, hard: Amounts) -> list[str]:
    """The names of which there is more than `hard` allows."""
    return sorted(name for name, amount in amounts.items() if name in hard and quantity.cmp(amount, hard[name]) > 0)


def same(left: Amounts, right: Amounts) -> bool:
    """Whether both name the same amounts, however they are written."""
    if left.keys() != right.keys():
        return False
    return all(quantity.cmp(amount, right[name]) == 0 for name, amount in left.items())


def total(lists: Iterable[Amounts], names: Iterable[str]) -> dict[str, Quantity]:
    """The sum of many lists, as far as `names` go; "0" for what none has."""
    counts: dict[str, dict[Quantity, int]] = {name: {} for name in names}
    for one in lists:
        for name, amount in one.items():
            of_name = counts.get(name)
            if of_name is not None:
                of_name[amount] = of_name.get(amount, 0) + 1
    return {name: quantity.weighted(of_name) for name, of_name in counts.items()}


def shown(amounts: Amounts) -> str:
    """`pods=1,requests.cpu=500m`, in order of the names."""
    return ",".join(f"{name}={quantity.canonical(amounts[name])}" for name in sorted(amounts))
