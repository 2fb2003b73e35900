"""`kustomize`: prints the objects of a kustomization directory."""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.cli.command import Command
from kubelite.cli.failures import CliError
from kubelite.cli.flags import Parsed
from kubelite.cli.session import Session


@dataclass(frozen=True, slots=True)
class Options:
    """The directories given."""

    args: tuple[str, ...]


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(tuple(parsed.args))


def validate(opts: Options) -> None:
    if len(opts.args) > 1:
        raise CliError("specify one path to kustomization.yaml")


async def run(opts: Options, session: Session) -> int:
    from kubelite.cli.kustomize import build
    from kubelite.cli.printers import yaml

    objects, warnings = build(opts.args[0] if opts.args else ".")
    for warning in warnings:
        session.warn(warning)
    session.write("---\n".join(yaml.render(obj) for obj in objects))
    return 0


COMMAND = Command(
    name="kustomize",
    summary="Build a kustomization target from a directory",
    usage="kustomize DIR",
    examples=(("Build the current directory", "kustomize"), ("Build a variant", "kustomize overlays/production")),
    refused=(
        "--as-current-user",
        "--enable-alpha-plugins",
        "--enable-helm",
        "--env",
        "-e",
        "--helm-api-versions",
        "--helm-command",
        "--helm-debug",
        "--helm-kube-version",
        "--load-restrictor",
        "--mount",
        "--network",
        "--network-name",
        "--output",
        "-o",
    ),
    complete=complete,
    validate=validate,
    run=run,
)
