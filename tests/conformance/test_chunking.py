"""Lists in chunks: `limit` and `continue`."""

from __future__ import annotations

from typing import Any

from kubelite.client.client import Client
from kubelite.machinery import codec
from tests.apienv import ApiEnv
from tests.conformance.harness import good, namespace

TOTAL, PAGE = 400, 40
TEMPLATE = {"metadata": {"labels": {"foo": "bar"}}, "spec": {"containers": [{"name": "test", "image": "test"}]}}


async def templates(api: ApiEnv) -> str:
    """Makes the pod templates, each in its own write, over one connection; their path."""
    path = f"{await namespace(api)}/podtemplates"
    kind = api.registry.scheme.by_resource("", "v1", "podtemplates")
    assert kind is not None
    client = Client.from_config(api.client_config(), user_agent="conformance")
    try:
        for number in range(TOTAL):
            body = {"metadata": {"name": f"template-{number:04}"}, "template": TEMPLATE}
            await client.create(kind, codec.convert(body, kind.type), "conformance")
    finally:
        await client.close()
    return path


def check_page(page: Any, seen: list[str], version: str) -> None:
    """The page is in order after those seen, says what is left, and is of this version; `seen` grows."""
    names = [one["metadata"]["name"] for one in page["items"]]
    assert names == [f"template-{number:04}" for number in range(len(seen), len(seen) + len(names))]
    seen += names
    metadata = page["metadata"]
    assert metadata["resourceVersion"] == version
    if metadata.get("continue"):
        assert (len(names), metadata["remainingItemCount"]) == (PAGE, TOTAL - len(seen))
    else:
        assert "remainingItemCount" not in metadata and len(seen) == TOTAL


async def rest_of(api: ApiEnv, path: str, seen: list[str], page: Any) -> None:
    """Reads all pages after this one."""
    version = page["metadata"]["resourceVersion"]
    while page["metadata"].get("continue"):
        page = good(await api.get(path, query={"limit": PAGE, "continue": page["metadata"]["continue"]}))
        check_page(page, seen, version)
    assert len(seen) == TOTAL


async def test_should_return_chunks_of_results_for_list_calls(api: ApiEnv) -> None:
    """400 objects come in pages of 40 of one version that count down what is left; without a limit they come at once.

    [sig-api-machinery] Servers with support for API chunking should return chunks of results for list calls
    [Conformance]
    """
    path = await templates(api)
    seen: list[str] = []
    page = good(await api.get(path, query={"limit": PAGE}))
    check_page(page, seen, page["metadata"]["resourceVersion"])
    await rest_of(api, path, seen, page)
    whole = good(await api.get(path))
    assert [one["metadata"]["name"] for one in whole["items"]] == seen
    assert "continue" not in whole["metadata"]


async def test_should_support_continue_listing_from_the_last_key(api: ApiEnv) -> None:
    """After the version of the first page is compacted, 410 brings a token for the rest as it is now.

    [sig-api-machinery] Servers with support for API chunking should support continue listing from the last key if the
    original version has been compacted away, though the list is inconsistent [Slow] [Conformance]
    """
    path = await templates(api)
    seen: list[str] = []
    first = good(await api.get(path, query={"limit": PAGE}))
    old = first["metadata"]["resourceVersion"]
    check_page(first, seen, old)
    good(await api.patch(f"{path}/template-0399", {"metadata": {"labels": {"later": "yes"}}}))
    await api.store.compact(await api.store.revision())
    expired = await api.get(path, query={"limit": PAGE, "continue": first["metadata"]["continue"]})
    status = expired.json()
    assert (expired.status, status["reason"], status["code"]) == (410, "Expired", 410)
    assert status["message"].startswith(
        "The provided continue parameter is too old to display a consistent list result."
    )
    page = good(await api.get(path, query={"limit": PAGE, "continue": status["metadata"]["continue"]}))
    version = page["metadata"]["resourceVersion"]
    assert int(version) > int(old)
    check_page(page, seen, version)
    await rest_of(api, path, seen, page)
