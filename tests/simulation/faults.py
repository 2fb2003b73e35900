"""What goes wrong, and when: all of it drawn from the seed.

What: `Adversary.run` sets the weather of the network and kills, cuts off and delays components for a while each. Why:
faults that last and overlap find more than single ones. `stop` brings everything back: from then on nothing is an
excuse any more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

from tests.simulation.cluster import Cluster
from tests.simulation.kubelet import Machine
from tests.simulation.network import Weather


class Adversary:
    """Breaks things."""

    def __init__(self, cluster: Cluster, weather: Weather, machines: list[Machine], seed: str) -> None:
        self._cluster, self._weather = cluster, weather
        self._machines = {machine.name: machine for machine in machines}
        self._rng = Random(f"{seed}:faults")
        self.counts: Counter[str] = weather.counts

    def set_weather(self) -> None:
        """Each run has its own mixture, some a calm network."""
        rng, weather = self._rng, self._weather
        strength = rng.choice((0.0, 0.003, 0.01, 0.03))
        for name in ("slow", "unsent", "unanswered", "silent", "timeouts", "conflicts", "refusals", "cut", "repeat"):
            setattr(weather, name, strength * rng.choice((0, 0, 1, 2)))

    async def run(self, until: float) -> None:
        """One fault after the other until the virtual second `until`."""
        loop = asyncio.get_running_loop()
        self.set_weather()
        under_way: set[asyncio.Task[None]] = set()
        while loop.time() < until:
            await asyncio.sleep(self._rng.expovariate(1 / 10))
            if self._rng.random() < 0.1:
                self.set_weather()
            name = self._rng.choice(sorted(self._cluster.components))
            task = loop.create_task(self._one(name))
            under_way.add(task)
            task.add_done_callback(under_way.discard)

    async def _one(self, name: str) -> None:
        rng = self._rng
        if name.startswith("apiserver"):
            if rng.random() < 0.5:
                await self._crash(name, rng.uniform(0, 6))
            else:
                await self._late_store(name, rng.uniform(0.05, 2.5), rng.uniform(5, 30))
        elif name.startswith("node"):
            await rng.choice((self._crash, self._cut_off, self._power_cut, self._late))(name, rng.uniform(1, 120))
        else:
            what = rng.choice((self._crash, self._crash, self._cut_off, self._late))
            await what(name, rng.uniform(0, 25))

    async def _crash(self, name: str, seconds: float) -> None:
        if not self._cluster.components[name].alive:
            return
        self.counts[f"crash {name.split('-')[0]}"] += 1
        self._cluster.crash(name)
        await asyncio.sleep(seconds)
        self._cluster.revive(name)

    async def _power_cut(self, name: str, seconds: float) -> None:
        self.counts["power cut"] += 1
        self._cluster.crash(name)
        self._machines[name].reboot()
        await asyncio.sleep(seconds)
        self._cluster.revive(name)

    async def _cut_off(self, name: str, seconds: float) -> None:
        self.counts["cut off"] += 1
        self._weather.lost.add(name)
        await asyncio.sleep(seconds)
        self._weather.lost.discard(name)

    async def _late(self, name: str, seconds: float) -> None:
        self.counts["stale cache"] += 1
        self._weather.lag[name] = self._rng.choice((0.1, 1.0, 5.0, 20.0))
        await asyncio.sleep(seconds)
        self._weather.lag.pop(name, None)

    async def _late_store(self, name: str, lag: float, seconds: float) -> None:
        self.counts["stale API server"] += 1
        store = self._cluster.stores.get(name)
        if store is not None:
            store.lag = lag
            await asyncio.sleep(seconds)
            store.lag = 0.0

    def stop(self) -> None:
        """Everything works again."""
        self._weather.clear()
        for store in self._cluster.stores.values():
            store.lag = 0.0
        for name in sorted(self._cluster.components):
            self._cluster.revive(name)
