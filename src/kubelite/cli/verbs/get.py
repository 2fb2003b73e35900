"""`get`: one or many resources as a table, or in another format; with `--watch` what happens to them.

Flow: arguments → `builder.targets` → LIST or GET as Table (or plain for `-o json` and friends) → printer.
Follows kubectl/pkg/cmd/get/get.go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kubelite.cli import builder, options, printers
from kubelite.cli.builder import Pointer, Target
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError, raise_all
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.printers.table import Look, Rows
from kubelite.cli.session import Object, Session
from kubelite.machinery.errors import StatusError

ACCEPT_TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


@dataclass(frozen=True, slots=True)
class Options:
    """What `get` was asked."""

    where: Pointer
    output: str = ""
    printer: printers.Printer | None = None
    look: Look | None = None
    sort_by: str = ""
    watch: bool = False
    watch_only: bool = False
    output_watch_events: bool = False
    ignore_not_found: bool = False
    show_kind: bool = False
    raw: str = ""
    subresource: str = ""
    chunk_size: int = 500
    server_print: bool = True


def complete(parsed: Parsed, session: Session) -> Options:
    output = parsed.text("output")
    plain = output not in ("", "wide")
    headers = not parsed.on("no-headers")
    printer = None
    if plain:
        printer = printers.make(
            output,
            allow_missing=parsed.on("allow-missing-template-keys"),
            show_managed=parsed.on("show-managed-fields"),
            no_headers=not headers,
        )
    look = Look(
        wide=output == "wide",
        namespace=parsed.on("all-namespaces"),
        labels=parsed.on("show-labels"),
        label_columns=parsed.many("label-columns"),
        headers=headers,
    )
    return Options(
        where=builder.pointer(parsed),
        output=output,
        printer=printer,
        look=look,
        sort_by=parsed.text("sort-by"),
        watch=parsed.on("watch") or parsed.on("watch-only"),
        watch_only=parsed.on("watch-only"),
        output_watch_events=parsed.on("output-watch-events"),
        ignore_not_found=parsed.on("ignore-not-found"),
        show_kind=parsed.on("show-kind"),
        raw=parsed.text("raw"),
        subresource=parsed.text("subresource"),
        chunk_size=parsed.number("chunk-size"),
        server_print=parsed.on("server-print"),
    )


def validate(opts: Options) -> None:
    """Raises UsageError or CliError for combinations that make no sense."""
    if opts.raw:
        if opts.where.args or opts.where.files or opts.where.selector:
            raise UsageError("arguments may not be passed when --raw is specified")
        if not opts.raw.startswith("/"):
            raise CliError(f"--raw must be a valid URL path: {opts.raw}")
        return
    if not opts.where.args and not opts.where.files:
        raise UsageError(
            'You must specify the type of resource to get. Use "kubelite api-resources" for a complete list of supported '
            "resources.\n\nerror: Required resource not specified.\n"
            'Use "kubelite explain <resource>" for a detailed description of that resource (e.g. kubelite explain pods).'
        )
    if not opts.server_print:
        raise CliError("--server-print=false is not supported by kubelite")
    if opts.look is not None and opts.look.labels and opts.printer is not None:
        raise CliError(
            "--show-labels option cannot be used with json printer"
            if opts.output == "json"
            else f"--show-labels option cannot be used with {opts.output} printer"
        )
    if opts.output_watch_events and not opts.watch:
        raise UsageError("--output-watch-events option can only be used with --watch or --watch-only")
    if opts.watch and "," in (opts.where.args[0] if opts.where.args else ""):
        raise CliError("you may only specify a single resource type")


async def run(opts: Options, session: Session) -> int:
    if opts.raw:
        session.streams.write_bytes((await session.request("GET", opts.raw)).body)
        return 0
    if opts.watch:
        from kubelite.cli.watching import run_watch

        return await run_watch(opts, session)
    targets = await resolve(opts, session)
    if opts.printer is not None:
        return await _print_objects(opts, session, targets)
    return await _print_tables(opts, session, targets)


async def resolve(opts: Options, session: Session) -> list[tuple[Target, str]]:
    """The targets, each with its namespace ("" for all)."""
    if opts.where.files:
        found = await builder.file_items(session, opts.where.files, opts.where.recursive)
        return [(Target(item.resource, (item.name,)), item.namespace) for item in found]
    out = []
    for target in await builder.targets(session, opts.where):
        namespace = session.namespace if target.resource.namespaced and not opts.where.all_namespaces else ""
        if target.names and opts.where.all_namespaces and target.resource.namespaced:
            raise CliError("a resource cannot be retrieved by name across all namespaces")
        out.append((target, namespace))
    return out


def query_of(opts: Options) -> dict[str, str]:
    """The list parameters of the options."""
    query = {}
    if opts.where.selector:
        query["labelSelector"] = opts.where.selector
    if opts.where.field_selector:
        query["fieldSelector"] = opts.where.field_selector
    return query


async def _fetch(
    opts: Options, session: Session, target: Target, namespace: str, *, table: bool, errors: list[Exception]
) -> list[Object]:
    """The answers about one target: a page or an object each."""
    headers = {"Accept": ACCEPT_TABLE} if table else {}
    query = {"includeObject": "Object"} if table and opts.sort_by else {}
    answers = []
    for name in target.names:
        path = target.resource.path(namespace, name, opts.subresource)
        try:
            answers.append(await session.json("GET", path, query=query, headers=headers))
        except StatusError as error:
            if not (opts.ignore_not_found and error.code == 404):
                errors.append(error)
    if target.names:
        return answers
    query |= query_of(opts)
    if opts.chunk_size > 0:
        query["limit"] = str(opts.chunk_size)
    while True:
        try:
            page = await session.json("GET", target.resource.path(namespace), query=query, headers=headers)
        except StatusError as error:
            errors.append(_of_list(opts, target, error))
            return answers
        answers.append(page)
        following = (page.get("metadata") or {}).get("continue")
        if not following:
            return answers
        query["continue"] = following


def _of_list(opts: Options, target: Target, error: StatusError) -> StatusError:
    """The failure of a list with what was listed."""
    if error.reason not in ("BadRequest", "NotFound"):
        return error
    resource = target.resource
    what = f'"{resource.group}/{resource.version}, Resource={resource.plural}"'
    where = opts.where
    if where.selector or where.field_selector:
        what = f'Unable to find {what} that match label selector "{where.selector}", field selector "{where.field_selector}"'
    else:
        what = f"Unable to list {what}"
    return StatusError(error.code, error.reason, f"{what}: {error.message}", error.details)


async def _print_objects(opts: Options, session: Session, targets: list[tuple[Target, str]]) -> int:
    errors: list[Exception] = []
    items: list[Object] = []
    single = len(targets) == 1 and len(targets[0][0].names) == 1
    for target, namespace in targets:
        for answer in await _fetch(opts, session, target, namespace, table=False, errors=errors):
            if target.names:
                items.append(answer)
                continue
            resource = target.resource
            typed = {"apiVersion": resource.api_version, "kind": resource.kind}
            items += [typed | item for item in answer.get("items") or ()]
    assert opts.printer is not None
    if opts.sort_by:
        from kubelite.cli.sorting import sorted_objects

        items = sorted_objects(items, opts.sort_by)
    if single and items:
        session.write(opts.printer(items[0]))
    elif items or not (errors or (single and opts.ignore_not_found)):
        everything = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}
        session.write(opts.printer(everything))
    raise_all(errors)
    return 0


async def _print_tables(opts: Options, session: Session, targets: list[tuple[Target, str]]) -> int:
    assert opts.look is not None
    errors: list[Exception] = []
    several = len({target.resource for target, _ in targets}) > 1
    groups: list[tuple[Target, list[Object]]] = []
    for target, namespace in targets:
        answers = await _fetch(opts, session, target, namespace, table=True, errors=errors)
        tables = [answer if answer.get("kind") == "Table" else as_table(answer) for answer in answers]
        if groups and groups[-1][0].resource == target.resource:
            groups[-1][1].extend(tables)
        else:
            groups.append((target, tables))
    printed = namespaces = False
    for target, tables in groups:
        # Once a kind with namespaces was listed, kubectl keeps the column: blank for kinds that are in none.
        namespaces = namespaces or (opts.look.namespace and target.resource.namespaced)
        if not any(table.get("rows") for table in tables):
            continue
        if opts.sort_by:
            from kubelite.cli.sorting import sorted_tables

            tables = sorted_tables(tables, opts.sort_by)
        look = replace(_look_for(opts.look, target, several or opts.show_kind), namespace=namespaces)
        session.write(("\n" if printed and look.headers else "") + Rows(look).render(tables))
        printed = True
    if not printed and not errors and not opts.ignore_not_found:
        await _say_nothing_found(opts, session, targets)
    raise_all(errors)
    return 0


async def _say_nothing_found(opts: Options, session: Session, targets: list[tuple[Target, str]]) -> None:
    namespaced = any(target.resource.namespaced for target, _ in targets)
    if namespaced and not opts.where.all_namespaces:
        session.warn(f"No resources found in {session.namespace} namespace.")
    else:
        session.warn("No resources found")


def _look_for(look: Look, target: Target, with_kind: bool) -> Look:
    return Look(
        wide=look.wide,
        namespace=look.namespace and target.resource.namespaced,
        labels=look.labels,
        label_columns=look.label_columns,
        headers=look.headers,
        kind=target.resource.printed if with_kind else "",
    )


def as_table(answer: Object) -> Object:
    """A table of names and ages, for a server that cannot make one."""
    from kubelite.cli.session import Session as _Session
    from kubelite.machinery.times import age_of

    objects = answer["items"] if isinstance(answer.get("items"), list) else [answer]
    rows: list[dict[str, Any]] = []
    for obj in objects:
        metadata = obj.get("metadata") or {}
        created = age_of(metadata.get("creationTimestamp"), _Session.now())
        rows.append({"cells": [metadata.get("name"), created], "object": obj})
    names = [{"name": "Name", "format": "name"}, {"name": "Age"}]
    return {"kind": "Table", "columnDefinitions": names, "rows": rows, "metadata": answer.get("metadata") or {}}


COMMAND = Command(
    name="get",
    summary="Display one or many resources",
    usage="get [(-o|--output=)json|yaml|name|wide|custom-columns=...|jsonpath=...] (TYPE[.VERSION][.GROUP] "
    "[NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) [flags]",
    long="Prints a table of the most important facts about the given resources. Filter by labels with --selector and by "
    "fields with --field-selector. Only the current namespace is shown unless another one or all are asked for.",
    examples=(
        ("List all pods", "get pods"),
        ("List all pods with more columns, such as the node", "get pods -o wide"),
        ("List one deployment as YAML", "get deployment web -o yaml"),
        ("List pods and services of all namespaces", "get pods,services -A"),
        ("List resources by type and name", "get rc/web service/frontend pods/web-pod-13je7"),
        ("Print only the phase of a pod", "get pod web -o jsonpath={.status.phase}"),
        ("Print columns of your own", "get pods -o custom-columns=NAME:.metadata.name,IMAGE:.spec.containers[0].image"),
        ("Watch the pods with a label", "get pods -l app=web --watch"),
        ("Get the status subresource of a pod", "get pod web --subresource=status"),
    ),
    flags=(
        options.ALL_NAMESPACES,
        options.SELECTOR,
        options.FIELD_SELECTOR,
        *options.FILES,
        *options.PRINT,
        options.CHUNK_SIZE,
        Flag("ignore-not-found", "If the object does not exist, the exit code is 0.", type="bool"),
        Flag("label-columns", "Labels to present as columns, comma-separated.", short="L", type="slice"),
        Flag("no-headers", "Don't print headers.", type="bool"),
        Flag("output-watch-events", "Print the watch event objects. Existing objects count as added.", type="bool"),
        Flag("raw", "A URL path to ask the server for; the answer is printed as it is."),
        Flag("server-print", "Let the server choose the columns; false is not supported.", type="bool", default=True),
        Flag("show-kind", "List the resource type before each name.", type="bool"),
        Flag("show-labels", "Show all labels as the last column.", type="bool"),
        Flag("sort-by", "Sort by a JSONPath expression, such as {.metadata.name}."),
        Flag("subresource", "Get the named subresource, such as status or scale."),
        Flag("watch", "After listing, watch for changes.", short="w", type="bool"),
        Flag("watch-only", "Watch for changes without listing first.", type="bool"),
    ),
    complete=complete,
    validate=validate,
    run=run,
)
