"""Logging: a constant message and key=value pairs, one line an event.

What: `get_logger(name)` returns a `Logger`; `configure(verbosity)` sets level and format once per process.
Why: constant messages can be counted and searched; values stay machine-readable. Out: lines on standard error, as
`2030-01-01T00:00:00.000Z INFO kubelet.node: Registered node name=worker-1`.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    if text and all(c.isprintable() and c not in ' "=' for c in text):
        return text
    return json.dumps(text, ensure_ascii=False)


class Logger:
    """Thin shell over `logging` that takes the values as keywords."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def _log(self, level: int, message: str, values: dict[str, Any], error: BaseException | None = None) -> None:
        if not self._logger.isEnabledFor(level):
            return
        pairs = "".join(f" {key}={_value(value)}" for key, value in values.items())
        self._logger.log(level, "%s%s", message, pairs, exc_info=error)

    def debug(self, message: str, **values: Any) -> None:
        self._log(logging.DEBUG, message, values)

    def info(self, message: str, **values: Any) -> None:
        self._log(logging.INFO, message, values)

    def warning(self, message: str, **values: Any) -> None:
        self._log(logging.WARNING, message, values)

    def error(self, message: str, **values: Any) -> None:
        self._log(logging.ERROR, message, values)

    def exception(self, message: str, error: BaseException, **values: Any) -> None:
        """An error with its traceback: for faults of the program, not for what users did."""
        self._log(logging.ERROR, message, values, error)


class _Format(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")


def get_logger(name: str) -> Logger:
    return Logger(logging.getLogger(name.removeprefix("kubelite.")))


def configure(verbosity: int = 0) -> None:
    """Sends logs to standard error; verbosity 0 shows INFO and above, 1 and more also DEBUG."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Format())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbosity > 0 else logging.INFO)
    for noisy in ("asyncio", "grpc", "urllib3", "docker", "pyroute2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
