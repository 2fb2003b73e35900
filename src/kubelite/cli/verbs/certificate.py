"""`certificate approve` and `certificate deny`: decide about certificate signing requests.

Flow: names or files → requests → condition added → PUT of the approval subresource, again after a conflict. Follows
kubectl/pkg/cmd/certificates.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubelite.cli import builder, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, raise_all
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import Outcome, outcome
from kubelite.cli.session import Object, Session
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError

ATTEMPTS = 10
DECISIONS = {"approve": ("Approved", "Denied", "approved"), "deny": ("Denied", "Approved", "denied")}


@dataclass(frozen=True, slots=True)
class Options:
    """Which requests, and what is decided."""

    where: Pointer
    word: str
    force: bool
    outcome: Outcome


def _completer(word: str) -> Any:
    def complete(parsed: Parsed, session: Session) -> Options:
        args = tuple(parsed.args)
        where = builder.pointer(parsed, ("certificatesigningrequests", *args) if args else ())
        return Options(where, word, parsed.on("force"), outcome(parsed))

    return complete


def validate(opts: Options) -> None:
    if not opts.where.args and not opts.where.files:
        raise CliError("one or more CSRs must be specified as <name> or -f <filename>")


def decide(request: Object, word: str, now: str) -> bool:
    """Adds the condition of the decision to a request; False if it is there already. Raises CliError for the opposite one."""
    wanted, other, _ = DECISIONS[word]
    conditions = request.setdefault("status", {}).setdefault("conditions", [])
    for condition in conditions:
        if condition.get("type") == other:
            name = request["metadata"]["name"]
            raise CliError(f'certificate signing request "{name}" is already {other}')
        if condition.get("type") == wanted:
            return False
    done = DECISIONS[word][2]
    conditions.append(
        {
            "type": wanted,
            "status": "True",
            "reason": f"Kubectl{word.capitalize()}",
            "message": f"This CSR was {done} by kubectl certificate {word}.",
            "lastUpdateTime": now,
        }
    )
    return True


async def _one(opts: Options, session: Session, item: Item) -> None:
    path = f"{item.resource.path('', item.name)}/approval"
    for attempt in range(ATTEMPTS):
        request = item.object if not attempt else await session.get(item.resource, "", item.name)
        if decide(request, opts.word, times.now_text(datetime.now(UTC))) or opts.force:
            try:
                request = await session.json("PUT", path, body=request)
            except StatusError as error:
                if error.code == 409 and attempt + 1 < ATTEMPTS:
                    continue
                raise
        opts.outcome.show(session, request, DECISIONS[opts.word][2])
        return


async def run(opts: Options, session: Session) -> int:
    errors: list[Exception] = []
    found = await builder.items(session, opts.where, errors=errors)
    for item in found:
        try:
            await _one(opts, session, item)
        except (StatusError, CliError) as error:
            errors.append(error)
    raise_all(errors)
    if not found:
        session.print("No resources found")
    return 0


def _command(word: str, summary: str) -> Command:
    return Command(
        name=word,
        summary=summary,
        usage=f"certificate {word} (-f FILENAME | NAME)",
        examples=((f"{word.capitalize()} a request", f"certificate {word} csr-sqgzp"),),
        flags=(
            *options.FILES,
            *options.PRINT,
            Flag("force", f"Update the CSR even if it is already {DECISIONS[word][2]}.", type="bool"),
        ),
        complete=_completer(word),
        validate=validate,
        run=run,
    )


APPROVE = _command("approve", "Approve a certificate signing request")
DENY = _command("deny", "Deny a certificate signing request")
COMMAND = Command(
    name="certificate",
    summary="Modify certificate resources",
    usage="certificate",
    subcommands={
        "approve": "kubelite.cli.verbs.certificate:APPROVE",
        "deny": "kubelite.cli.verbs.certificate:DENY",
    },
)
