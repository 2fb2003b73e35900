"""Which form of an object a client wants: plain, as a table, or only its metadata.

What: `choose(accept)`. Why: kubectl asks for tables and controllers for metadata through the Accept header,
with JSON to fall back on. Flow: the first media type that can be given wins; the answer is remembered per header.
Source: apiserver/pkg/endpoints/handlers/negotiation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from kubelite.machinery import errors

JSON, YAML = "application/json", "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
OFFERED = (JSON, YAML)
_PLAIN = ("application/json", "*/*", "application/*", "")
AS_KINDS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")


class Wanted(NamedTuple):
    """`form`: "" plain, "Table" or "PartialObjectMetadata"; `yaml`: the answer is YAML; `version` of meta.k8s.io.

    `protobuf`: nothing but protobuf is acceptable (whoever names JSON beside it gets JSON).
    """

    form: str
    yaml: bool = False
    version: str = "v1"
    protobuf: bool = False


PLAIN = Wanted("")


@lru_cache(maxsize=512)
def choose(accept: str, tables: bool = True, stream: bool = False) -> Wanted:
    """What to give; reviews and bindings have no tables, and streams no YAML. Raises StatusError 406 if nothing fits."""
    if not accept:
        return PLAIN
    binary: Wanted | None = None
    for clause in _by_quality(accept):
        media, _, rest = clause.partition(";")
        media = media.strip().lower()
        if media not in (*_PLAIN, YAML, "text/yaml", "application/x-yaml", PROTOBUF) or (stream and "yaml" in media):
            continue
        parameters = dict(p.strip().partition("=")[::2] for p in rest.split(";") if "=" in p)
        form = parameters.get("as", "")
        if form:
            if (
                (form == "Table" and not tables)
                or form not in AS_KINDS
                or parameters.get("g", "meta.k8s.io") != "meta.k8s.io"
            ):
                continue
            if parameters.get("v", "v1") not in ("v1", "v1beta1"):
                continue
            form = form.removesuffix("List") if form.startswith("Partial") else form
        wanted = Wanted(form, "yaml" in media, parameters.get("v", "v1"), media == PROTOBUF)
        if not wanted.protobuf:
            return wanted
        binary = binary or wanted
    if binary is not None and binary.form != "Table":
        return binary
    if stream:
        raise errors.not_acceptable((f"{JSON};stream=watch", f"{PROTOBUF};stream=watch"))
    raise errors.not_acceptable((JSON, YAML, PROTOBUF))


def _by_quality(accept: str) -> list[str]:
    """The clauses, best first; equal ones stay in order."""
    clauses = []
    for clause in accept.split(","):
        quality = 1.0
        for part in clause.split(";")[1:]:
            name, _, value = part.strip().partition("=")
            if name == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        if quality > 0:
            clauses.append((quality, clause))
    clauses.sort(key=lambda pair: -pair[0])
    return [clause for _, clause in clauses]
