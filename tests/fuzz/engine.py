"""Runs generated requests against a server and says what should not have happened.

What: `run(port, seed, numbers, memory)` sends them one after the other and returns a `Report`. Why: one client at a time keeps
cause and effect together: a refused request must not change the store, and the store's revision around it shows that. Flow: base
state → request → verdict → now and then the base state and a health check.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.fuzz.client import Answer, Broken, Client, Hung
from tests.fuzz.definitions import CRDS
from tests.fuzz.documents import Documents
from tests.fuzz.requests import FuzzRequest, make
from tests.fuzz.samples import base_state, seeds
from tests.fuzz.words import NAMESPACES

REVISION = "/apis/node.k8s.io/v1/runtimeclasses?limit=1"
REPAIR_EVERY = 400
CONFIRMATIONS = 3
ALLOCATING = tuple(f"/api/v1/namespaces/{namespace}/services" for namespace in NAMESPACES)
"""A refused service had an address for a moment, as upstream's has: the range was written twice."""
MOST_FINDINGS = 40
MOST_REACTIONS = 60
WRITES = ("POST", "PUT", "PATCH", "DELETE")
ELSEWHERE = (
    "failed calling webhook",
    "conversion webhook for",
    "error trying to reach service",
    "no preferred addresses found",
    "replicas field",  # custom objects without the number that their scale is about
    "failed to allocate a serviceIP: range is full",  # once the generated requests deleted the range
)
"""Failures that the generated objects cause, most in servers that they name; upstream answers with 500 too."""


@dataclass(frozen=True)
class Finding:
    """What was wrong with a request."""

    what: str
    request: FuzzRequest
    detail: str

    def shown(self) -> str:
        """For a report."""
        return f"{self.what}: {self.request.shown()}\n    {self.detail[:600]}"


@dataclass
class Report:
    """The result of a run."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    slowest: float = 0.0
    slowest_request: str = ""
    memory_start: int = 0
    memory_end: int = 0
    seconds: float = 0.0


class Run:
    """One run over one connection."""

    def __init__(
        self, port: int, seed: int, written: Callable[[], str] = str, busy: Callable[[], float] | None = None
    ) -> None:
        self.client = Client(port, busy=busy)
        self.written = written
        """What was written last, for reports."""
        self.seed = seed
        self.documents = Documents()
        self.report = Report()

    async def fetch(self, path: str) -> bytes:
        """The body of a GET."""
        return (await self.client.send("GET", path, {}, b"")).body

    async def begin(self) -> None:
        """Loads the documents and makes the base state and an object of every kind."""
        self.documents = await Documents.load(self.fetch)
        await self.repair(first=True)

    async def repair(self, *, first: bool = False) -> None:
        """Brings the base state back; asks whether the server is well."""
        for method, path, body in [*base_state(), *seeds()]:
            if method == "PUT?terminating":
                method = "PUT"
                found = await self.client.send("GET", path.removesuffix("/finalize"), {}, b"")
                if b'"Terminating"' not in found.body:
                    continue
            data = b"" if body is None else json.dumps(body).encode()
            answer = await self.client.send(method, path, {"content-type": "application/json"} if data else {}, data)
            if first and path == CRDS and answer.status not in (201, 409):
                raise RuntimeError(f"the base state is not taken: {path} {answer.body[:500]!r}")
        if (await self.client.send("GET", "/livez", {}, b"")).status != 200:
            raise Broken("/livez fails")
        await self._still()

    async def _still(self) -> None:
        """Nobody else writes: the server's own reactions must come to an end."""
        for _ in range(MOST_REACTIONS):
            before = await self.revision()
            await asyncio.sleep(0.05)
            if await self.revision() == before:
                return
        raise Broken(f"the store changes although nobody writes: {self.written()}")

    async def revision(self) -> str:
        """The store's revision."""
        answer = await self.client.send("GET", REVISION, {}, b"")
        return str(json.loads(answer.body)["metadata"]["resourceVersion"])

    async def one(self, request: FuzzRequest) -> None:
        """Sends a request and judges its answer."""
        writes = request.method in WRITES
        before = await self.revision() if writes else ""
        answer = await self._timed(request)
        if answer is None:
            return
        self.report.statuses[answer.status] += 1
        # The answer to HEAD has no text that says who failed.
        proxied = request.method == "HEAD" and "/proxy" in request.target
        if answer.status >= 500 and not permitted(answer) and not proxied:
            self._found(f"answered {answer.status}", request, answer.body.decode("utf-8", "replace"))
        if (
            answer.status >= 400
            and "application/json" in answer.headers.get("content-type", "")
            and request.method != "HEAD"
        ):
            self._check_status(request, answer)
        if (
            writes
            and not request.target.startswith(ALLOCATING)
            and (answer.status >= 400 or _dry(request))
            and await self.revision() != before
            and await self._changes(request)
        ):
            self._found("changed the store", request, f"{answer.status} {answer.body[:300]!r} {self.written()}")

    async def _timed(self, request: FuzzRequest) -> Answer | None:
        started = time.perf_counter()
        try:
            return await self.client.send(request.method, request.target, request.headers, request.body)
        except Hung:
            self._found("hangs", request, "")
        except Broken as error:
            self._found("no answer", request, str(error))
        finally:
            took = time.perf_counter() - started
            if took > self.report.slowest:
                self.report.slowest, self.report.slowest_request = took, request.shown()
        return None

    async def _changes(self, request: FuzzRequest) -> bool:
        """Whether the request changes the store each time; others, such as the naming of definitions, write too."""
        for _ in range(CONFIRMATIONS):
            await self._still()
            before = await self.revision()
            answer = await self.client.send(request.method, request.target, request.headers, request.body)
            if (answer.status < 400 and not _dry(request)) or await self.revision() == before:
                return False
        return True

    def _check_status(self, request: FuzzRequest, answer: Answer) -> None:
        try:
            document = json.loads(answer.body)
            fine = (
                document["kind"] == "Status"
                and document["code"] == answer.status
                and isinstance(document["message"], str)
            )
        except (ValueError, KeyError, TypeError):
            fine = False
        if not fine:
            self._found("no Status", request, f"{answer.status} {answer.body[:300]!r}")

    def _found(self, what: str, request: FuzzRequest, detail: str) -> None:
        self.report.findings.append(Finding(what, request, detail))


def permitted(answer: Answer) -> bool:
    """Whether a 5xx says that somebody else failed, or that the server knows what it does not do."""
    if answer.status in (501, 503, 504):
        return True
    return any(text.encode() in answer.body for text in ELSEWHERE)


def _dry(request: FuzzRequest) -> bool:
    return "dryRun=All" in request.target


async def run(
    port: int,
    seed: int,
    numbers: Iterable[int],
    memory: Callable[[], int],
    progress: Callable[[Report], None] | None = None,
    written: Callable[[], str] = str,
    busy: Callable[[], float] | None = None,
) -> Report:
    """All requests; ends early when there is more wrong than anybody reads."""
    work = Run(port, seed, written, busy)
    report = work.report
    started = time.perf_counter()
    await work.begin()
    marks = []
    try:
        for number in numbers:
            await work.one(make(work.documents, seed, number))
            report.requests += 1
            if report.requests % REPAIR_EVERY == 0:
                await work.repair()
                marks.append(memory())
                if progress is not None:
                    progress(report)
            if len(report.findings) >= MOST_FINDINGS:
                break
    except (Hung, Broken) as error:
        report.findings.append(
            Finding(f"the server is unwell after it ({error!r})", make(work.documents, seed, number), "")
        )
    work.client.close()
    report.seconds = time.perf_counter() - started
    # The first fifth fills caches and histories.
    report.memory_start, report.memory_end = (marks[len(marks) // 5], marks[-1]) if marks else (memory(), memory())
    return report
