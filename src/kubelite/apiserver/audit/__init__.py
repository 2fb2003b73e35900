"""Who did what, and what became of it: the audit log.

`build` makes the auditor of a server, None if auditing is off; `tasks` are what it does in the background; `close` ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from kubelite.apiserver.config import Config

if TYPE_CHECKING:
    from kubelite.apiserver.audit.auditor import Auditor, Backend
    from kubelite.apiserver.audit.logfile import LogFile
    from kubelite.apiserver.audit.webhook import Webhook

__all__ = ["build", "close", "tasks"]

_open: WeakKeyDictionary[Any, tuple[LogFile | None, Webhook | None]] = WeakKeyDictionary()


def build(config: Config, registry: Any) -> Auditor | None:
    """The auditor of the settings. Raises ValueError for a policy or settings that cannot be used."""
    if not config.audit_policy_file:
        if config.audit_log_path or config.audit_webhook_config_file:
            raise ValueError("--audit-log-path and --audit-webhook-config-file need --audit-policy-file")
        return None
    from kubelite.apiserver.audit import policy
    from kubelite.apiserver.audit.auditor import ERRORS, Auditor

    with open(config.audit_policy_file, encoding="utf-8") as file:
        rules = policy.load(file.read())
    backends: list[Backend] = []
    logfile: LogFile | None = None
    if config.audit_log_path:
        logfile = _logfile(config)
        written = logfile.write

        def to_file(line: bytes, value: dict[str, Any]) -> None:
            if not written(line):
                ERRORS.inc("log")

        backends.append(to_file)
    webhook = _webhook(config, backends) if config.audit_webhook_config_file else None
    _open[registry] = (logfile, webhook)
    return Auditor(rules, backends)


def _logfile(config: Config) -> LogFile:
    from kubelite.apiserver.audit.logfile import LogFile

    return LogFile(
        config.audit_log_path,
        max_age=config.audit_log_maxage,
        max_backup=config.audit_log_maxbackup,
        max_size=config.audit_log_maxsize,
        compress=config.audit_log_compress,
    )


def _webhook(config: Config, backends: list[Backend]) -> Webhook:
    import msgspec

    from kubelite.apiserver.audit.auditor import ERRORS
    from kubelite.apiserver.audit.webhook import Webhook
    from kubelite.machinery import times

    hook = Webhook(
        config.audit_webhook_config_file,
        buffer=config.audit_webhook_batch_buffer_size,
        batch=config.audit_webhook_batch_max_size,
        wait=times.parse_duration(config.audit_webhook_batch_max_wait),
        backoff=times.parse_duration(config.audit_webhook_initial_backoff),
        dropped=lambda number: ERRORS.inc("webhook", by=number),
    )
    most = config.audit_webhook_truncate_max_event_size

    def to_server(line: bytes, value: dict[str, Any]) -> None:
        if len(line) > most:
            short = {key: one for key, one in value.items() if key not in ("requestObject", "responseObject")}
            short["annotations"] = {**value.get("annotations", {}), "audit.k8s.io/truncated": "true"}
            line = msgspec.json.encode(short)
        hook.add(line.rstrip(b"\n"))

    backends.append(to_server)
    return hook


def tasks(registry: Any) -> Sequence[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]:
    """(name, coroutine function) of what goes on in the background."""
    webhook = _open.get(registry, (None, None))[1]
    return () if webhook is None else (("audit webhook", webhook.run),)


async def close(registry: Any) -> None:
    """Sends and writes what is left."""
    logfile, webhook = _open.pop(registry, (None, None))
    if webhook is not None:
        await webhook.close()
    if logfile is not None:
        logfile.close()
