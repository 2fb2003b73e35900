"""How many seats a request takes.

What: `seats(info, request, registry, most)`. Why: a list of all pods costs what hundreds of gets cost. Flow: `controller`
asks for each request that is a list.

The rule, simpler than upstream's: a list takes one seat for each `OBJECTS_PER_SEAT` objects that the cache has of the
resource (in all namespaces; at most `limit` of them where the client gave one), at most `MOST_SEATS` and never more than
`PART` of the level's nominal seats. Everything else takes one. A watch holds its seat until its first events are ready.
Source of the numbers: apiserver/pkg/util/flowcontrol/request/list_work_estimator.go.
"""

from __future__ import annotations

import math
from typing import Any

from kubelite.apiserver.request import Request, RequestInfo

OBJECTS_PER_SEAT = 100
MOST_SEATS = 10
PART = 0.15


def seats(info: RequestInfo, request: Request, registry: Any, nominal: int) -> int:
    """Seats for a list."""
    cache = registry.cache.by_kind.get((info.group, info.resource))
    if cache is None or info.name or info.subresource:
        return 1
    objects = len(cache.keys)
    if objects <= OBJECTS_PER_SEAT:
        return 1
    if "limit=" in request.raw_query:
        text = request.param("limit")
        if text.isdigit() and int(text):
            objects = min(objects, int(text))
    return max(1, min(math.ceil(objects / OBJECTS_PER_SEAT), MOST_SEATS, math.ceil(nominal * PART)))
