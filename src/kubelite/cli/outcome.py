"""What a verb says about an object it changed: `deployment.apps/web created`, or the object itself with `-o`.

What: `Outcome` holds --dry-run, --output and the field manager, `show` prints. Why: every changing verb has the same three flags.
Flow: `Parsed` → `outcome(parsed)` → requests with `query` → `show(session, object, "created")`.
Follows kubectl/pkg/cmd/util/helpers.go (GetDryRunStrategy) and cli-runtime/pkg/printers/name.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.cli import printers
from kubelite.cli.failures import CliError
from kubelite.cli.flags import Parsed
from kubelite.cli.printers.name import qualified
from kubelite.cli.session import Object, Session

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SUFFIX = {"client": " (dry run)", "server": " (server dry run)"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How to change and how to tell. `dry_run`: none, client or server."""

    dry_run: str = "none"
    output: str = ""
    printer: printers.Printer | None = None
    manager: str = ""
    validation: str = ""

    @property
    def client_only(self) -> bool:
        return self.dry_run == "client"

    @property
    def dry_run_only(self) -> bool:
        """Whether nothing is written, by the client or by the server."""
        return self.dry_run != "none"

    @property
    def query(self) -> dict[str, str]:
        """The parameters of a writing request."""
        query = {"fieldManager": self.manager} if self.manager else {}
        if self.dry_run == "server":
            query["dryRun"] = "All"
        if self.validation:
            query["fieldValidation"] = self.validation
        return query

    def show(self, session: Session, obj: Object, done: str) -> None:
        """Print `obj` the way --output asks, `TYPE/NAME done` by default."""
        if self.printer is not None:
            session.write(self.printer(obj))
        else:
            session.print(f"{qualified(obj)} {done}{_SUFFIX.get(self.dry_run, '')}")


def dry_run(parsed: Parsed) -> str:
    """none, client or server. Raises CliError for anything else."""
    value = parsed.values.get("dry-run", "none")
    if value == "unchanged":
        raise CliError(
            '--dry-run flag without a value was specified. A value must be set: "none", "server", or "client".'
        )
    if value in ("none", "client", "server"):
        return str(value)
    raise CliError(f'Invalid dry-run value ({value}). Must be "none", "server", or "client".')


_VALIDATION = {"strict": "Strict", "warn": "Warn", "ignore": "Ignore", "true": "Strict", "false": "Ignore"}


def outcome(parsed: Parsed, *, typed: bool = False) -> Outcome:
    """The outcome of the flags --dry-run, --output, --field-manager and --validate, as far as a verb has them."""
    values = parsed.values
    output = str(values.get("output", ""))
    printer = None
    if output:
        printer = printers.make(
            output,
            allow_missing=bool(values.get("allow-missing-template-keys", True)),
            show_managed=bool(values.get("show-managed-fields", False)),
            typed=typed,
        )
    validation = ""
    if "validate" in values:
        validation = _VALIDATION.get(str(values["validate"]).lower(), "")
        if not validation:
            raise CliError(
                f"invalid - validate option {values['validate']!r}; must be one of: strict (or true), warn, "
                "ignore (or false)"
            )
    return Outcome(dry_run(parsed), output, printer, str(values.get("field-manager", "")), validation)


def with_last_applied(obj: Object) -> Object:
    """A copy of `obj` whose annotation holds the object as it is without it."""
    from kubelite.cli.printers.json import compact

    metadata = dict(obj.get("metadata") or {})
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != LAST_APPLIED}
    bare = obj | {"metadata": metadata | {"annotations": annotations}}
    return obj | {"metadata": metadata | {"annotations": annotations | {LAST_APPLIED: compact(bare) + "\n"}}}
