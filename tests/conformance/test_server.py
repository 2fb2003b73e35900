"""What the server says about itself: its version, and that it cannot show everything as a table."""

from __future__ import annotations

import re

from tests.apienv import ApiEnv
from tests.conformance.harness import good

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
REVIEW = "SelfSubjectAccessReview"


async def test_server_version_should_find_the_server_version(api: ApiEnv) -> None:
    """/version answers with a major and a minor version, both of digits alone.

    [sig-api-machinery] server version should find the server version [Conformance]
    """
    found = good(await api.get("/version"))
    assert re.fullmatch(r"\d+", found["major"]) and re.fullmatch(r"\d+", found["minor"])
    assert found["gitVersion"].startswith(f"v{found['major']}.{found['minor']}.")


async def test_should_return_a_406_for_a_backend_which_does_not_implement_metadata(api: ApiEnv) -> None:
    """An access review cannot be shown as a table; the server says so with 406 and stores nothing.

    [sig-api-machinery] Servers with support for Table transformation should return a 406 for a backend which does not
    implement metadata [Conformance]
    """
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": REVIEW,
        "spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    reply = await api.post(path, review, headers={"accept": TABLE})
    status = reply.json()
    assert (reply.status, status["code"], status["reason"]) == (406, 406, "NotAcceptable")
    assert status["message"].startswith("only the following media types are accepted: application/json, ")
    assert good(await api.post(path, review, headers={"accept": f"{TABLE},application/json"}), 201)["kind"] == REVIEW
    assert good(await api.post(path, review), 201)["status"]["allowed"] is True
