"""StorageVersion: names, statuses, rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kubelite.api.apiserverinternal.storage_version import check_name, row, validate_status
from kubelite.api.types.apiserverinternal_v1alpha1 import StorageVersion

NOW = datetime(2030, 1, 2, tzinfo=UTC)


def server(encoding: str = "v1", **more: Any) -> dict[str, Any]:
    return {"apiServerID": "a", "encodingVersion": encoding, "decodableVersions": ["v1", "v2"], **more}


def made(status: dict[str, Any]) -> StorageVersion:
    return msgspec.convert({"metadata": {"name": "core.pods"}, "status": status}, StorageVersion)


def problems(status: dict[str, Any]) -> list[str]:
    return [str(error) for error in validate_status(made(status), StorageVersion())]


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"storageVersions": [server()], "commonEncodingVersion": "v1"},
        {"storageVersions": [server(), server("v2", apiServerID="b", servedVersions=["v2"])]},
        {"conditions": [{"type": "Mine", "status": "Maybe", "reason": "r", "message": "m"}]},
    ],
)
def test_a_status_that_fits(status: dict[str, Any]) -> None:
    assert problems(status) == []


COMMON = "status.commonEncodingVersion: Invalid value: "
FIRST = "status.storageVersions[0]."


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ({"storageVersions": [server()]}, COMMON + "null: the common encoding version is v1"),
        (
            {"storageVersions": [server()], "commonEncodingVersion": "v2"},
            COMMON + '"v2": the actual common encoding version is v1',
        ),
        (
            {"commonEncodingVersion": "v1"},
            COMMON
            + '"v1": should be nil if servers do not agree on the same encoding version, or if there is no server '
            "reporting the supported versions yet",
        ),
        (
            {"storageVersions": [server("v3")], "commonEncodingVersion": "v3"},
            FIRST + 'decodableVersions: Invalid value: ["v1","v2"]: decodableVersions must include encodingVersion v3',
        ),
        (
            {"storageVersions": [server(servedVersions=["v3"])], "commonEncodingVersion": "v1"},
            FIRST + 'servedVersions[0]: Invalid value: "v3": individual served version : v3 must be included in '
            "decodableVersions : [v1 v2]",
        ),
        (
            {"storageVersions": [server(decodableVersions=["v1", "/v2"])], "commonEncodingVersion": "v1"},
            FIRST + 'decodableVersions[1]: Invalid value: "/v2": group part: must be non-empty',
        ),
        (
            {"storageVersions": [server(decodableVersions=["v1", "a/"])], "commonEncodingVersion": "v1"},
            FIRST + 'decodableVersions[1]: Invalid value: "a/": version part: must be non-empty',
        ),
        (
            {"storageVersions": [server(decodableVersions=["v1", "a/b/c"])], "commonEncodingVersion": "v1"},
            FIRST
            + 'decodableVersions[1]: Invalid value: "a/b/c": an apiVersion is a DNS-1035 label, which must consist '
            "of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an "
            "alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
            "'[a-z]([-a-z0-9]*[a-z0-9])?') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyVersion')",
        ),
        (
            {"conditions": [{"type": "T", "status": "True", "message": "m"}]},
            "status[0].reason: Required value: reason cannot be empty",
        ),
        (
            {"conditions": [{"type": "T", "status": "True", "reason": "r"}]},
            "status[0].message: Required value: message cannot be empty",
        ),
        (
            {"conditions": [{"type": "T", "status": "True", "reason": "r", "message": "m"}] * 2},
            'status[1].type: Invalid value: "T": the type of the condition is not unique, it also appears in conditions[0]',
        ),
    ],
)
def test_a_status_that_does_not_fit_is_refused_in_upstreams_words(status: dict[str, Any], problem: str) -> None:
    assert problems(status) == [problem]


def test_the_name_of_a_server_is_that_of_an_object() -> None:
    (found,) = problems({"storageVersions": [server(apiServerID="A_")], "commonEncodingVersion": "v1"})
    assert found.startswith(FIRST + 'apiServerID: Invalid value: "A_": a lowercase RFC 1123 subdomain')


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("pods", "name must be in the form of <group>.<resource>"),
        ("apps.2pods", "the resource segment a DNS-1035 label"),
        ("Apps.pods", "the group segment a lowercase RFC 1123 subdomain"),
    ],
)
def test_a_name_is_a_group_and_a_resource(name: str, problem: str) -> None:
    (found,) = check_name(name, False)
    assert found.startswith(problem)
    assert check_name("networking.k8s.io.ingresses", False) == []


def test_a_row_names_three_servers() -> None:
    assert row(made({}), NOW)[:3] == ["core.pods", "<unset>", "<none>"]
    servers = [server(apiServerID=name) for name in "abcde"]
    found = row(made({"storageVersions": servers, "commonEncodingVersion": "v1"}), NOW)
    assert found[:3] == ["core.pods", "v1", "a=v1,b=v1,c=v1 + 2 more..."]
