"""`create token`: a token for a service account."""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.cli import options, printers
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.generators.base import one_name
from kubelite.cli.outcome import outcome
from kubelite.cli.session import Object, Session
from kubelite.machinery.errors import StatusError


@dataclass(frozen=True, slots=True)
class Options:
    """Whose token, for whom and how long."""

    name: str
    audiences: tuple[str, ...]
    seconds: int
    bound: tuple[str, str, str]
    printer: printers.Printer | None


def _complete(parsed: Parsed, session: Session) -> Options:
    return Options(
        name=one_name(parsed),
        audiences=parsed.many("audience"),
        seconds=int(parsed.seconds("duration")),
        bound=(parsed.text("bound-object-kind"), parsed.text("bound-object-name"), parsed.text("bound-object-uid")),
        printer=outcome(parsed).printer,
    )


def _validate(opts: Options) -> None:
    kind, name, uid = opts.bound
    if opts.seconds < 0:
        raise CliError("--duration must be greater than or equal to 0")
    if kind and kind not in ("Pod", "Secret", "Node"):
        raise CliError(f'supported --bound-object-kind values are Node, Pod, Secret, got "{kind}"'.replace('"', ""))
    if kind and not name:
        raise CliError("--bound-object-name is required if --bound-object-kind is provided")
    if not kind and name:
        raise CliError("--bound-object-name can only be set if --bound-object-kind is provided")
    if not kind and uid:
        raise CliError("--bound-object-uid can only be set if --bound-object-kind is provided")


async def _run(opts: Options, session: Session) -> int:
    kind, name, uid = opts.bound
    spec: Object = {"audiences": list(opts.audiences) or None, "expirationSeconds": opts.seconds or None}
    spec["boundObjectRef"] = {"kind": kind, "apiVersion": "v1", "name": name, "uid": uid} if kind else None
    body = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": spec}
    path = f"/api/v1/namespaces/{session.namespace}/serviceaccounts/{opts.name}/token"
    try:
        answer = await session.json("POST", path, body=body)
    except StatusError as error:
        if error.code == 404 and not error.details:
            raise CliError("the server could not find the requested resource") from error
        raise CliError(f"failed to create token: {error.message}") from error
    if opts.printer is not None:
        session.write(opts.printer(answer))
    else:
        session.print(answer["status"]["token"])
    return 0


COMMAND = Command(
    name="token",
    summary="Request a service account token",
    usage="create token SERVICE_ACCOUNT_NAME",
    examples=(
        ("Request a token for a service account", "create token myapp"),
        ("Request a token that lasts ten minutes", "create token myapp --duration 10m"),
        ("Request a token for an audience", "create token myapp --audience https://example.com"),
    ),
    flags=(
        *options.PRINT,
        Flag("audience", "Audience of the token; may be repeated.", type="array"),
        Flag("duration", "Wanted lifetime of the token.", type="duration"),
        Flag("bound-object-kind", "Kind of an object to bind the token to: Pod, Secret or Node."),
        Flag("bound-object-name", "Name of the object to bind the token to."),
        Flag("bound-object-uid", "UID of the object to bind the token to."),
    ),
    complete=_complete,
    validate=_validate,
    run=_run,
)
