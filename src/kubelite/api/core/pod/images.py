"""What an image reference says about its tag.

Why: the default pull policy is Always for the tag `latest` and IfNotPresent for everything else. Flow: a reference such as
`registry:5000/team/web:1.2` or `web@sha256:…` in, the tag out. Upstream: pkg/util/parsers ParseImageName.
"""

from __future__ import annotations

from functools import lru_cache


def image_tag(reference: str) -> str:
    """The tag of `reference`; "latest" where it names neither tag nor digest, "" where only a digest."""
    name, _, digest = reference.partition("@")
    last = name.rpartition("/")[2]
    tag = last.partition(":")[2]
    if tag:
        return tag
    return "" if digest else "latest"


@lru_cache(maxsize=256)
def default_pull_policy(reference: str) -> str:
    """`Always` for the tag "latest", else `IfNotPresent`; an absent or unparsable reference is not "latest"."""
    return "Always" if reference and image_tag(reference) == "latest" else "IfNotPresent"
