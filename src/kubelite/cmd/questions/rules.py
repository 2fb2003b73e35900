"""With which configuration and plugins the cluster's scheduler decides: from flags, or from this machine's cluster.

What: `rules(session, config, plugin_dir)` → `Rules`. Why: an answer with other plugins than the running scheduler's would be
wrong sooner or later. Without flags, a question about the cluster that `kubelite up` started on this machine takes what that was
given (`--scheduler-config`, `--scheduler-plugin-dir`). Scores of extenders are asked over HTTP by the real scheduler only: a
configuration with extenders is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag
from kubelite.cli.session import Session

if TYPE_CHECKING:
    from kubelite.scheduler.config.types import Configuration

FLAGS = (
    Flag("config", "The scheduler's configuration, if it has one: a KubeSchedulerConfiguration file."),
    Flag("plugin-dir", "The scheduler's folder of user plugins, if it has one."),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a `Simulation` is made with."""

    configuration: Configuration | None = None
    plugins: Sequence[Any] = ()


def rules(session: Session, config: str, plugin_dir: str, *, live: bool = True, code: int = 1) -> Rules:
    """The rules of the cluster; `live`: that of this machine may be meant. Raises CliError with the exit `code`."""
    if live and not config and not plugin_dir:
        config, plugin_dir = _of_this_machine(session)
    if plugin_dir and not Path(plugin_dir).is_dir():
        raise CliError(f"--plugin-dir: {plugin_dir} is no folder", code)
    return Rules(_configuration(config, code) if config else None, _plugins(session, plugin_dir) if plugin_dir else ())


def _of_this_machine(session: Session) -> tuple[str, str]:
    """What `kubelite up` gave the scheduler, if it is its cluster that is asked about."""
    from kubelite.cmd.cluster.config import Paths, load

    try:
        known = load() if Paths.cluster.exists() else None
        if known is not None and (known.scheduler_config or known.scheduler_plugin_dir):
            from kubelite.client.config import load_kubeconfig

            if load_kubeconfig(str(Paths.admin)).server == session.config.server:
                return known.scheduler_config, known.scheduler_plugin_dir
    except (OSError, ValueError, TypeError):
        pass  # no cluster of this machine, or one that is not ours to read
    return "", ""


def _configuration(file: str, code: int) -> Configuration:
    from kubelite.scheduler.config.load import ConfigurationError, load

    try:
        found = load(Path(file).read_bytes())
    except (OSError, ConfigurationError) as error:
        raise CliError(f"{file}: {error}", code) from error
    if found.extenders:
        raise CliError(f"{file} has extenders, whose answers cannot be known here", code)
    return found


def _plugins(session: Session, folder: str) -> list[Any]:
    from kubelite.scheduler.userplugins import UserPlugins

    told: set[str] = set()

    def report(plugin: str, point: str, reason: str, message: str) -> None:
        text = f"Plugin {plugin} failed at {point}: {message}; it does not count, as in the scheduler."
        if text not in told:
            told.add(text)
            session.warn(text)

    found = UserPlugins(folder, report)
    found.refresh()
    return found.plugins
