"""Which form an Accept header asks for."""

from __future__ import annotations

import pytest

from kubelite.apiserver.handlers.negotiate import Wanted, choose
from kubelite.machinery.errors import StatusError

KUBECTL = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)
PARTIAL = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", Wanted("")),
        ("*/*", Wanted("")),
        ("application/json", Wanted("")),
        ("application/vnd.kubernetes.protobuf, application/json", Wanted("")),
        ("application/vnd.kubernetes.protobuf", Wanted("", protobuf=True)),
        ("application/vnd.kubernetes.protobuf, */*;q=0.1", Wanted("")),
        (f"{PARTIAL}, text/html", Wanted("PartialObjectMetadata", protobuf=True)),
        ("application/yaml", Wanted("", yaml=True)),
        ("application/json;q=0.1, application/yaml", Wanted("", yaml=True)),
        (KUBECTL, Wanted("Table")),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", Wanted("")),
        ("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", Wanted("PartialObjectMetadata")),
    ],
)
def test_the_first_form_that_can_be_given_wins(accept: str, wanted: Wanted) -> None:
    assert choose(accept) == wanted


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1",
        "application/json;q=0",
        "application/json;as=Chart",
    ],
)
def test_nothing_that_fits_is_refused(accept: str) -> None:
    with pytest.raises(StatusError) as refused:
        choose(accept)
    assert refused.value.code == 406
