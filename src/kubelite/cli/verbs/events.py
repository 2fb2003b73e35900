"""`events`: the events of a namespace or of one object, oldest first. Follows kubectl/pkg/cmd/events/events.go."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from kubelite.cli import options, printers
from kubelite.cli.command import Command
from kubelite.cli.describe.text import Lines, interval
from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import outcome
from kubelite.cli.session import Object, Session
from kubelite.cli.tabwriter import table


@dataclass(frozen=True, slots=True)
class Options:
    """Which events."""

    about: str
    types: tuple[str, ...]
    all_namespaces: bool
    no_headers: bool
    watch: bool
    printer: printers.Printer | None


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(
        about=parsed.text("for"),
        types=parsed.many("types"),
        all_namespaces=parsed.on("all-namespaces"),
        no_headers=parsed.on("no-headers"),
        watch=parsed.on("watch"),
        printer=outcome(parsed).printer,
    )


def validate(opts: Options) -> None:
    for one in opts.types:
        if one not in ("Normal", "Warning"):
            raise CliError("valid --types are Normal or Warning")
    if opts.about and "/" not in opts.about:
        raise CliError("--for must be in resource/name form")


async def _query(opts: Options, session: Session) -> dict[str, str]:
    terms = []
    if opts.about:
        word, _, name = opts.about.partition("/")
        found = (await session.resources()).named(word)
        terms += [f"involvedObject.kind={found.kind}", f"involvedObject.apiVersion={found.api_version}"]
        terms.append(f"involvedObject.name={name}")
    if len(set(opts.types)) == 1:
        terms.append(f"type={opts.types[0]}")
    return {"fieldSelector": ",".join(terms)} if terms else {}


def _row(opts: Options, lines: Lines, event: Object) -> list[str]:
    involved = event.get("involvedObject") or {}
    row = [
        interval(lines, event),
        str(event.get("type", "")),
        str(event.get("reason", "")),
        f"{involved.get('kind', '')}/{involved.get('name', '')}",
        str(event.get("message") or "").strip(),
    ]
    return [str(involved.get("namespace", "")), *row] if opts.all_namespaces else row


async def run(opts: Options, session: Session) -> int:
    query = await _query(opts, session)
    path = "/api/v1/events" if opts.all_namespaces else f"/api/v1/namespaces/{session.namespace}/events"
    events, version = await session.pages(path, query)
    events.sort(
        key=lambda one: str(
            (one.get("series") or {}).get("lastObservedTime") or one.get("lastTimestamp") or one.get("eventTime") or ""
        )
    )
    if not events and not opts.watch:
        where = "" if opts.all_namespaces else f" in {session.namespace} namespace."
        session.warn(f"No events found{where}")
        return 0
    if opts.printer is not None:
        typed = [{"apiVersion": "v1", "kind": "Event"} | event for event in events]
        session.write(opts.printer({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": typed}))
        return 0
    header = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    header = None if opts.no_headers else (["NAMESPACE", *header] if opts.all_namespaces else header)  # type: ignore[assignment]
    lines = Lines(session.now())
    text, widths = table(header, [_row(opts, lines, event) for event in events])
    session.write(text)
    if opts.watch:
        await _watch(opts, session, path, query, version, widths)
    return 0


async def _watch(
    opts: Options, session: Session, path: str, query: dict[str, str], version: str, widths: list[int]
) -> None:
    while True:
        asked = query | {"watch": "true", "resourceVersion": version}
        async for line in session.lines(path, asked, {}):
            event = msgspec.json.decode(line)
            if event["type"] == "ERROR":
                raise CliError(str(event["object"].get("message", "the watch failed")))
            version = event["object"]["metadata"].get("resourceVersion", version)
            if event["type"] in ("ADDED", "MODIFIED"):
                text, widths = table(None, [_row(opts, Lines(session.now()), event["object"])], widths)
                session.write(text)
                session.streams.out.flush()


COMMAND = Command(
    name="events",
    summary="List events",
    usage="events [(-o|--output=)json|yaml|name|...] [--for TYPE/NAME] [--watch] [--types=Normal,Warning]",
    examples=(
        ("List recent events", "events"),
        ("List those of all namespaces", "events --all-namespaces"),
        ("List those of a pod and wait for more", "events --for pod/web-pod-13je7 --watch"),
        ("List only warnings", "events --types=Warning"),
    ),
    flags=(
        *options.PRINT,
        options.ALL_NAMESPACES,
        options.CHUNK_SIZE,
        Flag("for", "Only events about this TYPE/NAME."),
        Flag("no-headers", "Don't print headers.", type="bool"),
        Flag("types", "Only events of these types.", type="slice"),
        Flag("watch", "After listing, watch for more.", short="w", type="bool"),
    ),
    complete=complete,
    validate=validate,
    run=run,
)
