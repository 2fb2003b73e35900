"""Is there one order of a key's operations that explains what every client saw?

What: `mistake(operations)` is "" if the operations of one key are linearizable as a register with create, compare-and-swap,
read and delete, else what could not be explained. Why: "consistent" must be a computed result, not an impression. Flow: Wing
and Gong's search in Lowe's form: take any operation that began before all others had ended, if the register allows its
outcome; go back when stuck; never look twice at the same set of taken operations with the same state.
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.linearize.history import NEVER, Operation

ABSENT = ""
IMPOSSIBLE = "\0"


def after(state: str, operation: Operation) -> str:
    """The register after the operation ended as it did; IMPOSSIBLE if it cannot end so in this state.

    An unknown outcome is taken to have happened here, if it could; that it never happened is the search's other choice.
    """
    outcome, action = operation.outcome, operation.action
    if action == "get":
        seen = operation.value if outcome == "done" else ABSENT
        return state if state == seen or outcome == "unknown" else IMPOSSIBLE
    if action == "create":
        return _created(state, operation)
    present = state != ABSENT
    matches = present and operation.expected in ("", state)
    if outcome == "missing":
        return IMPOSSIBLE if present else state
    if outcome == "conflict":
        return state if present and not matches else IMPOSSIBLE
    if not matches:
        return IMPOSSIBLE
    return operation.value if action == "update" else ABSENT


def _created(state: str, operation: Operation) -> str:
    if operation.outcome == "exists":
        return state if state != ABSENT else IMPOSSIBLE
    return operation.value if state == ABSENT else IMPOSSIBLE


def mistake(operations: Iterable[Operation]) -> str:
    """ "" or a text about the first operation that no order explains."""
    ordered = sorted(operations, key=lambda one: one.called)
    certain = sum(1 << index for index, one in enumerate(ordered) if one.certain)
    stack: list[tuple[int, str]] = [(0, ABSENT)]
    known: set[tuple[int, str]] = set()
    furthest = 0
    while stack:
        taken, state = stack.pop()
        if (taken, state) in known:
            continue
        known.add((taken, state))
        furthest = max(furthest, taken & certain, key=int.bit_count)
        if taken & certain == certain:
            return ""
        stack += reversed(_choices(ordered, taken, state))
    stuck = next(one for index, one in enumerate(ordered) if one.certain and not furthest >> index & 1)
    return f"no order explains {stuck}"


def _choices(ordered: list[Operation], taken: int, state: str) -> list[tuple[int, str]]:
    """Every next step: an operation that nothing untaken had to precede, and whose outcome the state allows."""
    horizon = NEVER
    found = []
    for index, one in enumerate(ordered):
        if one.called > horizon:
            break
        if taken >> index & 1:
            continue
        horizon = min(horizon, one.returned)
        reached = after(state, one)
        if reached != IMPOSSIBLE:
            found.append((taken | 1 << index, reached, one.called))
    return [(bits, reached) for bits, reached, called in found if called <= horizon]


def mistakes(history: Iterable[Operation]) -> list[str]:
    """The mistakes of all keys, and revisions that do not fit."""
    keys: dict[str, list[Operation]] = {}
    for one in history:
        keys.setdefault(one.key, []).append(one)
    found = [f"{key}: {text}" for key, operations in sorted(keys.items()) if (text := mistake(operations))]
    return found + [text for operations in keys.values() for text in revisions(operations)]


def revisions(operations: list[Operation]) -> list[str]:
    """A value has one revision, and what was written after another write had ended has a greater one."""
    found, of_value = [], {}
    for one in operations:
        if one.outcome == "done" and one.value and one.revision:
            first = of_value.setdefault(one.value, one)
            if first.revision != one.revision:
                found.append(f"{one.key}: {one.value} has revisions {first.revision} and {one.revision}")
    writes = [one for one in operations if one.outcome == "done" and one.action in ("create", "update")]
    latest = 0
    ended = sorted(writes, key=lambda one: one.returned)
    at = 0
    for one in sorted(writes, key=lambda one: one.called):
        while at < len(ended) and ended[at].returned < one.called:
            latest = max(latest, ended[at].revision)
            at += 1
        if one.revision <= latest:
            found.append(f"{one.key}: {one.value} got revision {one.revision} after {latest} was known")
    return found
