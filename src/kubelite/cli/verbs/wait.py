"""`wait`: until objects have a condition, a value at a path, exist, or are gone.

Flow: --for text → a pure test of an object → versions of each object until it holds. Follows kubectl/pkg/cmd/wait/wait.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from kubelite.cli import builder, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError, raise_all
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import Outcome, outcome
from kubelite.cli.session import Object, Session
from kubelite.cli.waiting import FOREVER, follow
from kubelite.machinery import jsonpath
from kubelite.machinery.errors import StatusError

Test = Callable[[Object | None], bool]


@dataclass(frozen=True, slots=True)
class Options:
    """What to wait for; `create` and `delete` are about existence."""

    where: Pointer
    test: Test | None
    mode: str
    timeout: float
    outcome: Outcome


def complete(parsed: Parsed, session: Session) -> Options:
    text = parsed.text("for")
    mode, test = condition(text) if text else ("", None)
    return Options(builder.pointer(parsed), test, mode, parsed.seconds("timeout"), outcome(parsed))


def condition(text: str) -> tuple[str, Test]:
    """("condition" | "jsonpath" | "create" | "delete", the test). Raises CliError."""
    word, _, rest = text.partition("=")
    if text.lower() in ("delete", "create"):
        gone = text.lower() == "delete"
        return text.lower(), lambda obj: (obj is None) == gone
    if word.lower() == "condition" and rest:
        name, equals, wanted = rest.partition("=")
        return "condition", lambda obj: _has_condition(obj, name, wanted if equals else "True")
    if word.lower() == "jsonpath" and rest:
        return "jsonpath", _path_test(rest)
    raise CliError(f'unrecognized condition: "{text}"')


def _has_condition(obj: Object | None, name: str, wanted: str) -> bool:
    if obj is None:
        return False
    status = obj.get("status") or {}
    for one in status.get("conditions") or ():
        if str(one.get("type", "")).lower() == name.lower():
            observed = one.get("observedGeneration", status.get("observedGeneration"))
            generation = (obj.get("metadata") or {}).get("generation")
            if observed is not None and generation is not None and observed < generation:
                return False
            return str(one.get("status", "")).lower() == wanted.lower()
    return False


def _path_test(text: str) -> Test:
    inner = text
    depth, split = 0, -1
    for index, letter in enumerate(inner):
        depth += {"{": 1, "}": -1, "(": 1, ")": -1}.get(letter, 0)
        if letter == "=" and depth == 0:
            split = index
            break
    path, wanted = (inner[:split], inner[split + 1 :].strip("'\"")) if split >= 0 else (inner, None)
    path = path.strip("'\"")
    try:
        template = jsonpath.compile(jsonpath.relaxed(path), allow_missing=True)
    except jsonpath.JSONPathError as error:
        raise CliError(str(error)) from error

    def test(obj: Object | None) -> bool:
        if obj is None:
            return False
        found = template.find(obj)
        if len(found) > 1:
            raise CliError("given jsonpath expression matches more than one value")
        if not found:
            return False
        if isinstance(found[0], dict | list) and wanted is not None:
            raise CliError("jsonpath leads to a nested object or list which is not supported")
        value = found[0]
        shown = ("true" if value else "false") if isinstance(value, bool) else str(value)
        return wanted is None or shown.lower() == wanted.lower()

    return test


def validate(opts: Options) -> None:
    if opts.test is None:
        raise CliError('unrecognized condition: ""')
    if not opts.where.args and not opts.where.files:
        raise UsageError("You must provide one or more resources by argument or filename.")


async def run(opts: Options, session: Session) -> int:
    seconds = opts.timeout if opts.timeout > 0 else (FOREVER if opts.timeout < 0 else 0.0)
    found = await _find(opts, session, seconds)
    if not found:
        if opts.mode == "delete":
            return 0
        raise CliError("no matching resources found")
    results = await asyncio.gather(*(_until(opts, session, item, seconds) for item in found), return_exceptions=True)
    errors: list[Exception] = []
    for result in results:
        if isinstance(result, Exception):
            errors.append(result)
        elif isinstance(result, BaseException):
            raise result
    raise_all(errors)
    return 0


async def _find(opts: Options, session: Session, seconds: float) -> list[Item]:
    """The objects, looked up; a name that does not exist counts only for `create` and `delete`."""
    if opts.mode == "create":
        return await builder.items(session, opts.where, latest=False)
    if opts.mode == "delete":
        missing: list[Exception] = []
        return await builder.items(session, opts.where, errors=missing)
    return await builder.items(session, opts.where)


async def _until(opts: Options, session: Session, item: Item, seconds: float) -> None:
    assert opts.test is not None
    last: Object = {}
    try:
        async with asyncio.timeout(seconds or 5.0), aclosing(follow(session, item)) as versions:  # type: ignore[type-var]
            async for obj in versions:
                if opts.test(obj):
                    _tell(opts, session, item, obj or item.object)
                    return
                if obj is None and opts.mode not in ("create", "delete") and last:
                    raise StatusError(404, "NotFound", f'{item.resource.name} "{item.name}" not found')
                last = obj or last
                if seconds == 0:
                    break
    except TimeoutError:
        pass
    if seconds == 0 and opts.mode == "delete":
        raise CliError(f"condition not met for {item.resource.plural}/{item.name}")
    raise CliError(f"timed out waiting for the condition on {item.resource.plural}/{item.name}")


def _tell(opts: Options, session: Session, item: Item, obj: Object) -> None:
    typed = {"apiVersion": item.resource.api_version, "kind": item.resource.kind, "metadata": {"name": item.name}}
    opts.outcome.show(session, typed | obj, "condition met")


COMMAND = Command(
    name="wait",
    summary="Wait for a specific condition on one or many resources",
    usage="wait ([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)]) "
    "[--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]]",
    examples=(
        ("Wait until a pod is ready", "wait --for=condition=Ready pod/busybox1"),
        ("Wait for a condition to be false", "wait --for=condition=Ready=false pod/busybox1"),
        ("Wait for a phase", "wait --for=jsonpath='{.status.phase}'=Running pod/busybox1"),
        ("Wait until a pod is deleted", "wait --for=delete pod/busybox1 --timeout=60s"),
        ("Wait until it is created", "wait --for=create deployment/web --timeout=30s"),
    ),
    flags=(
        *options.FILES,
        *options.PRINT,
        options.SELECTOR,
        options.FIELD_SELECTOR,
        options.ALL,
        options.ALL_NAMESPACES,
        options.LOCAL,
        Flag("for", "create, delete, condition=NAME[=VALUE] or jsonpath='{PATH}'[=VALUE]."),
        Flag("timeout", "How long to wait; 0 checks once, negative waits for a week.", type="duration", default=30.0),
    ),
    complete=complete,
    validate=validate,
    run=run,
)
