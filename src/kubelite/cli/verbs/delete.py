"""`delete`: by files, names, selectors or all; waits until the objects are gone.

Flow: arguments → items → DELETE each → message each → wait for each. Follows kubectl/pkg/cmd/delete/delete.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.cli import builder, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError, raise_all, sourced
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.options import CASCADE
from kubelite.cli.outcome import dry_run
from kubelite.cli.session import Object, Session
from kubelite.cli.waiting import wait_deleted
from kubelite.machinery.errors import StatusError

IMMEDIATE = (
    "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource "
    "may continue to run on the cluster indefinitely."
)


@dataclass(frozen=True, slots=True)
class Options:
    """What `delete` was asked."""

    where: Pointer
    grace: int
    now: bool
    force: bool
    wait: bool
    cascade: str
    ignore_not_found: bool
    timeout: float
    dry_run: str
    output: str
    raw: str
    interactive: bool


def complete(parsed: Parsed, session: Session) -> Options:
    where = builder.pointer(parsed)
    grace = parsed.number("grace-period")
    force = parsed.on("force")
    wait = parsed.on("wait")
    if parsed.on("now") and grace == -1:
        grace = 1
    if grace == 0 and not force:
        grace = 1
        if "wait" not in parsed.given:
            wait = True
    if force and grace < 0:
        grace = 0
    if force and grace == 0 and "wait" not in parsed.given:
        wait = False
    ignore = parsed.on("ignore-not-found") or (where.all and "ignore-not-found" not in parsed.given)
    return Options(
        where=where,
        grace=grace,
        now=parsed.on("now"),
        force=force,
        wait=wait,
        cascade=parsed.text("cascade"),
        ignore_not_found=ignore,
        timeout=parsed.seconds("timeout"),
        dry_run=dry_run(parsed),
        output=parsed.text("output"),
        raw=parsed.text("raw"),
        interactive=parsed.on("interactive"),
    )


def validate(opts: Options) -> None:
    if opts.output not in ("", "name"):
        raise UsageError("unexpected -o output mode: " + opts.output + ". We only support '-o name'")
    if opts.where.all and opts.where.selector:
        raise CliError("cannot set --all and --selector at the same time")
    if opts.where.all and opts.where.field_selector:
        raise CliError("cannot set --all and --field-selector at the same time")
    if opts.now and opts.grace != 1:
        raise CliError("--now and --grace-period cannot be specified together")
    if opts.force and opts.grace > 0:
        raise CliError("--force and --grace-period greater than 0 cannot be specified together")
    if opts.cascade not in CASCADE:
        raise CliError(f'invalid cascade value ({opts.cascade}). Must be "background", "foreground", or "orphan"')
    if not opts.raw and not opts.where.args and not opts.where.files:
        raise CliError(
            "You must provide one or more resources by argument or filename.\n"
            "Example resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n"
            "   '<resource> <name>'\n   '<resource>'"
        )


async def run(opts: Options, session: Session) -> int:
    if opts.raw:
        session.streams.write_bytes((await session.request("DELETE", opts.raw)).body)
        return 0
    if opts.force and opts.grace == 0:
        session.warn(IMMEDIATE)
    errors: list[Exception] = []
    found = await builder.items(session, opts.where, latest=False, errors=errors)
    if opts.interactive and not _confirmed(session, found):
        session.print("deletion is cancelled")
        return 0
    deleted: list[tuple[Item, str]] = []
    for item in found:
        try:
            answer = await _delete(opts, session, item)
        except StatusError as error:
            if not (error.code == 404 and opts.ignore_not_found):
                errors.append(sourced(error, "deleting", item.source))
            continue
        deleted.append((item, _uid(answer)))
        _tell(opts, session, item)
    if not deleted and not errors and not (opts.where.files or (opts.ignore_not_found and not opts.where.all)):
        session.print("No resources found")
    session.streams.out.flush()
    if opts.wait and opts.dry_run == "none":
        for item, uid in deleted:
            await wait_deleted(session, item, uid=uid, timeout=opts.timeout)
    raise_all(errors)
    return 0


def _confirmed(session: Session, found: list[Item]) -> bool:
    session.print("You are about to delete the following " + f"{len(found)} resource(s):")
    for item in found:
        session.print(item.printed)
    session.write("Do you want to continue? (y/N): ")
    session.streams.out.flush()
    return session.streams.read_stdin()[:1] in (b"y", b"Y")


async def _delete(opts: Options, session: Session, item: Item) -> Object:
    if opts.dry_run == "client":
        return item.object
    body: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": CASCADE[opts.cascade]}
    if opts.grace >= 0:
        body["gracePeriodSeconds"] = opts.grace
    if opts.dry_run == "server":
        body["dryRun"] = ["All"]
    return await session.json("DELETE", item.resource.path(item.namespace, item.name), body=body)


def _uid(answer: Object) -> str:
    if answer.get("kind") == "Status":
        return str((answer.get("details") or {}).get("uid") or "")
    return str((answer.get("metadata") or {}).get("uid") or "")


def _tell(opts: Options, session: Session, item: Item) -> None:
    resource = item.resource
    kind = resource.kind.lower() + (f".{resource.group}" if resource.group else "")
    if opts.output == "name":
        session.print(f"{kind}/{item.name}")
        return
    done = "force deleted" if opts.grace == 0 else "deleted"
    suffix = {"client": " (dry run)", "server": " (server dry run)"}.get(opts.dry_run, "")
    session.print(f'{kind} "{item.name}" {done}{suffix}')


COMMAND = Command(
    name="delete",
    summary="Delete resources by file names, stdin, resources and names, or by resources and label selector",
    usage="delete ([-f FILENAME] | [-k DIRECTORY] | TYPE [(NAME | -l label | --all)])",
    long="Graceful deletion is the default; --force with --grace-period=0 removes an object from the API at once. The command "
    "waits until the objects are gone unless --wait=false is given.",
    examples=(
        ("Delete what a file describes", "delete -f ./pod.json"),
        ("Delete a pod and a service of the same name", "delete pod,service baz foo"),
        ("Delete pods and services with a label", "delete pods,services -l name=myLabel"),
        ("Delete a pod with minimal delay", "delete pod foo --now"),
        ("Force deletion of a pod on a dead node", "delete pod foo --force"),
        ("Delete all pods", "delete pods --all"),
    ),
    flags=(
        *options.FILES,
        options.SELECTOR,
        options.FIELD_SELECTOR,
        options.ALL,
        options.ALL_NAMESPACES,
        options.DRY_RUN,
        Flag("output", "Output mode: name for short output.", short="o"),
        Flag("cascade", "background, orphan or foreground.", default="background", bare="background"),
        Flag("force", "Remove from the API at once, bypassing graceful deletion.", type="bool"),
        Flag("grace-period", "Seconds given to terminate; -1 for the object's own.", type="int", default=-1),
        Flag("ignore-not-found", 'Treat "resource not found" as a successful delete.', type="bool"),
        Flag("interactive", "Ask before deleting.", short="i", type="bool"),
        Flag("now", "Terminate with minimal delay (same as --grace-period=1).", type="bool"),
        Flag("raw", "Raw URI to DELETE on the server."),
        Flag("timeout", "How long to wait for each object; 0 for ever.", type="duration"),
        Flag("wait", "Wait for the objects to be gone.", type="bool", default=True),
    ),
    complete=complete,
    validate=validate,
    run=run,
)
