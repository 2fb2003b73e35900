"""Who has to look at an object again, because somebody later in the order of admission changed it.

What: `Again`, kept by the request while it is mutated. Why: a webhook that adds a container must not escape one that was asked
before it. Flow: `Chain.mutate` runs the plugins; if one of them reports a change, it runs them once more; in that round webhooks
and policies with reinvocationPolicy IfNeeded are asked again if the object changed since their turn. Sources:
apiserver/pkg/admission/{reinvocation.go,plugin/webhook/mutating/reinvocationcontext.go}.
"""

from __future__ import annotations

from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import codec


class Turn:
    """What one plugin remembers between the rounds: its own hooks, by key."""

    __slots__ = ("_asked", "_due", "_output")

    def __init__(self) -> None:
        self._asked: set[str] = set()
        self._due: set[str] = set()
        self._output = b""

    def require(self) -> None:
        """Everybody who was asked and wants to be asked again is due."""
        self._due |= self._asked
        self._asked.clear()

    def asked(self, key: str) -> None:
        """This one was asked, and wants to see later changes."""
        self._asked.add(key)

    def is_due(self, key: str) -> bool:
        return key in self._due

    @property
    def idle(self) -> bool:
        """Nobody is due."""
        return not self._due

    def left(self, request: AdmissionRequest) -> None:
        """The plugin is done; remembers how it leaves the object."""
        if request.object is not None:
            self._output = codec.encode(request.object)

    def is_changed(self, request: AdmissionRequest) -> bool:
        """Whether the object is another than the one that was left."""
        return request.object is not None and codec.encode(request.object) != self._output


class Again:
    """`wanted`: a second round is needed; `second`: this is it."""

    __slots__ = ("second", "turns", "wanted")

    def __init__(self) -> None:
        self.wanted = False
        self.second = False
        self.turns: dict[str, Turn] = {}


def turn_of(request: AdmissionRequest, plugin: str) -> tuple[Again, Turn]:
    """What the request remembers for a plugin, at the beginning of its turn."""
    again: Again = request.again
    if again is None:
        again = request.again = Again()
    turn = again.turns.get(plugin)
    if turn is None:
        turn = again.turns[plugin] = Turn()
    elif again.second and turn.is_changed(request):
        turn.require()
    return again, turn
