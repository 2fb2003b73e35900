"""The sockets of `<root_dir>/plugins_registry`: a plugin registers by making one and leaves by removing it.

What: `PluginRegistry`. Why: drivers come and go while the kubelet runs, and the kubelet restarts while drivers run: the directory
is all that either knows of the other. Flow: inotify → sockets that are there → one task for each: GetInfo, the handler of its
type, NotifyRegistrationStatus, repeated with back-off until it is done. A socket that was made anew registers anew. A directory
without changes costs nothing. Sockets of subdirectories are not looked for. Source: pkg/kubelet/pluginmanager.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from kubelite.client.errors import ConnectionFailed
from kubelite.kubelet.http.inotify import ENTRIES, Watch
from kubelite.kubelet.plugins.errors import RpcError
from kubelite.machinery.errors import StatusError
from kubelite.util.backoff import Backoff
from kubelite.util.log import get_logger

if TYPE_CHECKING:
    from kubelite.kubelet.plugins.rpc import Info

log = get_logger(__name__)
FOLDER: Final = "plugins_registry"
QUIET_SECONDS: Final = 3600.0
BLIND_SECONDS: Final = 5.0
"""Seconds between looks at a directory of whose changes the kernel does not tell."""
MAX_PLUGINS: Final = 100
LEAVE_TRIES: Final = 10
Identity: TypeAlias = tuple[int, int]
"""Inode and time of change: a socket that was made anew has another."""


class Handler(Protocol):
    """What is done with the plugins of one type."""

    def validate(self, info: Info) -> None:
        """Raises ValueError for a plugin that cannot be used."""

    async def register(self, info: Info) -> None:
        """Raises ValueError, RpcError, StatusError or ConnectionFailed when it could not be done now; it is tried again."""

    async def deregister(self, info: Info) -> None:
        """Its socket is gone. May raise as `register`; it is tried again, also when the plugin has come back in between."""


@dataclass(slots=True)
class _Plugin:
    identity: Identity
    task: asyncio.Task[None]
    known: Info | None = None
    """What was registered, to be taken back when the socket goes."""


@dataclass(slots=True)
class PluginRegistry:
    """See the module. `handlers` are by the type that plugins say they have."""

    root_dir: str
    handlers: Mapping[str, Handler]
    _plugins: dict[str, _Plugin] = field(default_factory=dict)
    _leaving: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def directory(self) -> str:
        return os.path.join(self.root_dir, FOLDER)

    async def run(self) -> None:
        """Never returns."""
        os.makedirs(os.path.join(self.root_dir, "plugins"), 0o750, exist_ok=True)
        try:
            while True:
                os.makedirs(self.directory, 0o750, exist_ok=True)
                await self._watch()
                # Somebody removed the directory: it is made anew, and not in a circle without a pause.
                await asyncio.sleep(BLIND_SECONDS)
        finally:
            tasks = [*(plugin.task for plugin in self._plugins.values()), *self._leaving]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self) -> None:
        """Until the directory is gone."""
        with Watch(self.directory, ENTRIES) as watch:
            while True:
                try:
                    self.look()
                except FileNotFoundError:
                    return
                await watch.changed(QUIET_SECONDS if watch.works else BLIND_SECONDS)

    def look(self) -> None:
        """Begins with the sockets that are new, ends with those that are gone."""
        there, known = sockets(self.directory), dict[str, "Info | None"]()
        for path, plugin in list(self._plugins.items()):
            if there.get(path) != plugin.identity:
                del self._plugins[path]
                plugin.task.cancel()
                # One that registers again in its place is not taken back in between: its pods need it.
                known[path] = plugin.known
                if plugin.known is not None and path not in there:
                    self._leave(path, plugin.known)
        for path, identity in there.items():
            if path not in self._plugins:
                task = asyncio.create_task(self._register(path), name=f"register plugin {path}")
                self._plugins[path] = _Plugin(identity, task, known.get(path))

    def _leave(self, path: str, info: Info) -> None:
        log.info("Plugin has left", socket=path, plugin=info.name)
        task = asyncio.create_task(self._deregister(path, info), name=f"deregister plugin {path}")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _deregister(self, path: str, info: Info) -> None:
        backoff = Backoff(initial=0.5, cap=10.0)
        for _ in range(LEAVE_TRIES):
            try:
                await self.handlers[info.type].deregister(info)
                return
            except (ValueError, StatusError, ConnectionFailed, OSError) as error:
                log.warning("Plugin that has left could not be taken back", socket=path, error=error)
            await asyncio.sleep(backoff.next())

    async def _register(self, path: str) -> None:
        """Until it is done."""
        backoff = Backoff(initial=0.5, cap=122.0)
        while True:
            try:
                await self._try(path)
                return
            except (RpcError, ValueError, StatusError, ConnectionFailed, OSError) as error:
                log.warning("Plugin could not be registered", socket=path, error=error)
            await asyncio.sleep(backoff.next())

    async def _try(self, path: str) -> None:
        from kubelite.kubelet.plugins import rpc

        try:
            info = await rpc.get_info(path)
        except RpcError as error:
            text = f"RegisterPlugin error -- failed to get plugin info using RPC GetInfo at socket {path}, err: {error}"
            raise ValueError(text) from error
        handler = self.handlers.get(info.type)
        if handler is None:
            await self._refuse(path, f"no handler registered for plugin type: {info.type} at socket {path}")
            return
        try:
            handler.validate(info)
        except ValueError as error:
            await self._refuse(path, f"RegisterPlugin error -- plugin validation failed with err: {error}")
        before, self._plugins[path].known = self._plugins[path].known, info
        # From here on it has to be taken back, whatever of it was done; and what was there under another name is gone.
        if before is not None and (before.type, before.name) != (info.type, info.name):
            self._leave(path, before)
        try:
            await handler.register(info)
        except (RpcError, ValueError, StatusError, ConnectionFailed) as error:
            await self._refuse(path, f"RegisterPlugin error -- plugin registration failed with err: {error}")
        await rpc.notify(path)
        log.info("Plugin is registered", socket=path, plugin=info.name, type=info.type)

    async def _refuse(self, path: str, why: str) -> None:
        """Tells the plugin and raises: what was wrong may be mended later."""
        from kubelite.kubelet.plugins import rpc

        try:
            await rpc.notify(path, why)
        except RpcError as error:
            log.warning("Plugin could not be told", socket=path, error=error)
        raise ValueError(why)


def sockets(directory: str) -> dict[str, Identity]:
    """Path → identity of every socket of the directory that does not hide."""
    found: dict[str, Identity] = {}
    for entry in os.scandir(directory):
        try:
            info = entry.stat()
        except OSError:
            continue  # gone in between
        if stat.S_ISSOCK(info.st_mode) and not entry.name.startswith("."):
            found[entry.path] = (info.st_ino, info.st_ctime_ns)
            if len(found) == MAX_PLUGINS:
                log.warning("Too many plugins: the rest is not looked at", directory=directory)
                break
    return found
