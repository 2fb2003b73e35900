"""`get --watch`: the list first, then each event as it comes.

Flow: LIST (Table or objects) → print → WATCH from its resourceVersion → print each. A watch that the server ends is resumed
from the last version; one that is too old starts over. Follows kubectl/pkg/cmd/get/get.go (watch).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kubelite.cli.failures import CliError
from kubelite.cli.printers.table import Look, Rows
from kubelite.cli.session import Object, Session
from kubelite.client.errors import status_error
from kubelite.machinery.errors import StatusError

if TYPE_CHECKING:
    from kubelite.cli.verbs.get import Options


async def run_watch(opts: Options, session: Session) -> int:
    """Runs until it is interrupted."""
    from kubelite.cli.verbs.get import ACCEPT_TABLE, query_of, resolve

    targets = await resolve(opts, session)
    if len(targets) != 1 or len(targets[0][0].names) > 1:
        raise CliError(
            "watch is only supported on individual resources and resource collections - "
            f"{max(len(targets), len(targets[0][0].names) if targets else 0)} resources were found"
        )
    target, namespace = targets[0]
    query = query_of(opts)
    if target.names:
        query["fieldSelector"] = f"metadata.name={target.names[0]}"
    assert opts.look is not None
    view = _View(opts, session, Rows(_look(opts, target.resource.namespaced, target.resource.printed)))
    headers = {"Accept": ACCEPT_TABLE} if opts.printer is None else {}
    path = target.resource.path(namespace)
    if target.names:
        await session.json("GET", target.resource.path(namespace, target.names[0]))  # says NotFound
    listed = await session.json("GET", path, query=query, headers=headers)
    if not opts.watch_only:
        view.initial(listed)
    version = str((listed.get("metadata") or {}).get("resourceVersion") or "")
    while True:
        try:
            version = await _follow(session, path, query, headers, version, view)
        except StatusError as error:
            if error.code != 410:
                raise
            version = str((await session.json("GET", path, query=query))["metadata"]["resourceVersion"])


def _look(opts: Options, namespaced: bool, printed: str) -> Look:
    look = opts.look
    assert look is not None
    return Look(
        wide=look.wide,
        namespace=look.namespace and namespaced,
        labels=look.labels,
        label_columns=look.label_columns,
        headers=look.headers,
        kind=printed if opts.show_kind else "",
    )


class _View:
    def __init__(self, opts: Options, session: Session, rows: Rows) -> None:
        self.opts = opts
        self.session = session
        self.rows = rows

    def initial(self, listed: Object) -> None:
        if self.opts.printer is None:
            if listed.get("rows"):
                self._table(listed, "ADDED")
            return
        kind = str(listed.get("kind") or "").removesuffix("List")
        for item in listed.get("items") or ():
            self._object({"apiVersion": listed.get("apiVersion"), "kind": kind} | item, "ADDED")

    def event(self, kind: str, obj: Object) -> None:
        if self.opts.printer is None:
            self._table(obj, kind)
        else:
            self._object(obj, kind)
        self.session.streams.out.flush()

    def _table(self, table: Object, kind: str) -> None:
        if self.opts.output_watch_events:
            columns = table.get("columnDefinitions")
            if columns:
                table["columnDefinitions"] = [{"name": "Event", "priority": 0}, *columns]
            for row in table.get("rows") or ():
                row["cells"] = [kind, *row["cells"]]
        self.session.write(self.rows.render([table]))
        self.session.streams.out.flush()

    def _object(self, obj: Object, kind: str) -> None:
        assert self.opts.printer is not None
        if self.opts.output_watch_events:
            obj = {"type": kind, "object": obj}
        text = self.opts.printer(obj)
        self.session.write(("---\n" if self.opts.output == "yaml" and self.rows.shown_header else "") + text)
        self.rows.shown_header = True


async def _follow(
    session: Session, path: str, query: dict[str, str], headers: dict[str, str], version: str, view: _View
) -> str:
    """One watch until the server ends it; the version to go on from."""
    asked = query | {"watch": "true", "resourceVersion": version}
    async for line in session.lines(path, asked, headers):
        event = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        kind = msgspec.json.decode(event["type"], type=str)
        if kind == "ERROR":
            raise status_error(500, bytes(event["object"]))
        obj: Object = msgspec.json.decode(event["object"])
        seen = obj if obj.get("kind") != "Table" else (obj["rows"][0].get("object") or {} if obj.get("rows") else obj)
        version = str((seen.get("metadata") or {}).get("resourceVersion") or version)
        if kind != "BOOKMARK":
            view.event(kind, obj)
    return version
