"""Conversion by webhook: other versions of objects are asked for over TLS.

What: `Converter.convert(documents, apiVersion)` posts a ConversionReview and checks the answer. Why: the webhook may change
everything but the identity of an object; what comes back is not trusted. Flow: `served` → here → the webhook's server, by
URL or through a service of the cluster. Source: apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go.
"""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from kubelite.api.meta import validate_annotations, validate_labels
from kubelite.machinery.errors import StatusError
from kubelite.machinery.fielderrors import Path

SECONDS = 30.0
MAX_ASKING = 64
"""Reviews under way to one webhook at a time; more wait."""
AGENT = "kubelite-apiserver"

Resolve = Callable[[str, str, int], tuple[str, int] | None]
"""(namespace, service, port) → address and port of something that serves it now."""


class ConversionFailed(Exception):
    """The text says what is wrong with the webhook or with its answer."""


class Converter:
    """The webhook of one definition. `close` when the definition changed."""

    def __init__(self, conversion: Any, resolve: Resolve) -> None:
        self._config = conversion.webhook.clientConfig
        self._versions: Sequence[str] = conversion.webhook.conversionReviewVersions
        self._resolve = resolve
        self._clients: dict[str, Any] = {}
        self._room = asyncio.Semaphore(MAX_ASKING)

    async def convert(
        self, documents: list[dict[str, Any]], api_version: str, *, single: bool = False
    ) -> list[dict[str, Any]]:
        """The objects in another version, with their own identity. Raises StatusError 500."""
        asked = [document for document in documents if document.get("apiVersion") != api_version]
        if not asked:
            return documents
        first = asked[0]
        what = _named(first.get("apiVersion", ""), first.get("kind", ""))
        try:
            async with self._room:
                found = await self._ask(asked, api_version)
        except ConversionFailed as error:
            raise StatusError(500, "", f"conversion webhook for {what} failed: {error}") from None
        if len(found) != len(asked):
            text = f"conversion webhook for {what} returned {len(found)} objects, expected {len(asked)}"
            raise StatusError(500, "", text)
        converted = iter(found)
        out = []
        for index, document in enumerate(documents):
            if document.get("apiVersion") == api_version:
                out.append(document)
                continue
            where = "" if single else f"converted object at index {index}"
            out.append(_checked(document, next(converted), api_version, what, where))
        return out

    async def _ask(self, documents: list[dict[str, Any]], api_version: str) -> list[Any]:
        version = next((one for one in self._versions if one in ("v1", "v1beta1")), "")
        if not version:
            raise ConversionFailed("no supported conversion review versions")
        uid = str(uuid.uuid4())
        review = {
            "kind": "ConversionReview",
            "apiVersion": f"apiextensions.k8s.io/{version}",
            "request": {"uid": uid, "desiredAPIVersion": api_version, "objects": documents},
        }
        answer = await self._post(msgspec.json.encode(review))
        expected = ("apiextensions.k8s.io/v1", "ConversionReview")
        got = (answer.get("apiVersion", ""), answer.get("kind", ""))
        if version == "v1" and got != expected:
            raise ConversionFailed(f"expected webhook response of {_named(*expected)}, got {_named(*got)}")
        response = answer.get("response")
        if not isinstance(response, dict):
            raise ConversionFailed("no response provided")
        if version == "v1" and response.get("uid") != uid:
            raise ConversionFailed(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
        result = response.get("result")
        result = result if isinstance(result, dict) else {}
        if result.get("status") != "Success":
            status = result.get("status") or ""
            raise ConversionFailed(result.get("message") or f"response.result.status was '{status}', not 'Success'")
        found = response.get("convertedObjects")
        return found if isinstance(found, list) else []

    async def _post(self, body: bytes) -> dict[str, Any]:
        from kubelite.client.errors import ConfigError, ConnectionFailed

        url, server, name = self._target()
        client = self._client(server, name)
        parts = urlsplit(url)
        path = parts.path or "/"
        try:
            async with asyncio.timeout(SECONDS):
                answer = await client.request(
                    "POST",
                    path,
                    query={"timeout": f"{SECONDS:.0f}s"},
                    body=body,
                    headers={"Content-Type": "application/json", "Accept": "application/json"},
                    raw=True,
                    seconds=SECONDS,
                )
        except TimeoutError:
            raise ConversionFailed(f'Post "{url}?timeout={SECONDS:.0f}s": context deadline exceeded') from None
        except (ConnectionFailed, ConfigError, OSError, ValueError) as error:
            raise ConversionFailed(f'Post "{url}?timeout={SECONDS:.0f}s": {error}') from None
        if answer.status != 200:
            text = answer.body[:200].decode(errors="replace").strip()
            raise ConversionFailed(f"the server responded with the status code {answer.status}: {text}")
        try:
            found = msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ConversionFailed(f"the answer is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise ConversionFailed("the answer is no object")
        return found

    def _target(self) -> tuple[str, str, str]:
        """(URL as configured, server to connect to, name on its certificate)."""
        config = self._config
        if config.url:
            parts = urlsplit(config.url)
            return config.url, f"https://{parts.netloc}", ""
        service = config.service
        port = service.port or 443
        name = f"{service.name}.{service.namespace}.svc"
        path = service.path if service.path.startswith("/") else f"/{service.path}"
        url = f"https://{name}:{port}{path}"
        found = self._resolve(service.namespace, service.name, port)
        if found is None:
            raise ConversionFailed(f'Post "{url}?timeout={SECONDS:.0f}s": service "{service.name}" not found')
        host = f"[{found[0]}]" if ":" in found[0] else found[0]
        return url, f"https://{host}:{found[1]}", name

    def _client(self, server: str, name: str) -> Any:
        from kubelite.client.client import Client
        from kubelite.client.config import ClientConfig

        client = self._clients.get(server)
        if client is None:
            bundle = base64.b64decode(self._config.caBundle) if self._config.caBundle else b""
            config = ClientConfig(server=server, ca_data=bundle, tls_server_name=name)
            client = self._clients[server] = Client.from_config(config, user_agent=AGENT)
        return client

    async def close(self) -> None:
        """Closes the connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()


def _named(api_version: str, kind: str) -> str:
    """As Go prints a GroupVersionKind."""
    return f"{api_version if '/' in api_version else f'/{api_version}'}, Kind={kind}"


def _checked(before: dict[str, Any], after: Any, api_version: str, what: str, where: str) -> dict[str, Any]:
    """The converted object with the original's metadata, but for labels and annotations. Raises StatusError 500."""
    thing = where or "object"

    def refuse(why: str, noun: str = "") -> StatusError:
        return StatusError(500, "", f"conversion webhook for {what} returned invalid {noun or thing}: {why}")

    if not isinstance(after, dict):
        raise refuse("it is no object")
    if after.get("apiVersion") != api_version:
        text = f"invalid groupVersion (expected {api_version}, received {after.get('apiVersion', '')})"
        raise refuse(text, "" if where else "object at index 0")
    if after.get("kind") != before.get("kind"):
        text = f"invalid kind (expected {before.get('kind', '')}, received {after.get('kind', '')})"
        raise refuse(text, "" if where else "object at index 0")
    old, new = before.get("metadata") or {}, after.get("metadata")
    noun = f"metadata in {where.removeprefix('converted ')}" if where else "metadata"
    if new is None:
        raise refuse("missing metadata in converted object", noun)
    if not isinstance(new, dict):
        raise refuse(f"invalid metadata of type {type(new).__name__} in converted object", noun)
    for field, shown in (("name", "name"), ("namespace", "namespace"), ("uid", "UID")):
        if old.get(field, "") != (new.get(field) or ""):
            raise refuse(f"must have the same {shown}: {old.get(field, '')} != {new.get(field) or ''}")
    kept = dict(old)
    for field in ("labels", "annotations"):
        kept.pop(field, None)
        found = new.get(field)
        if found is None:
            continue
        why = _wrong_map(field, found, old.get(field))
        if why:
            raise refuse(why, noun)
        kept[field] = found
    after["metadata"] = kept
    return after


def _wrong_map(field: str, found: Any, before: Any) -> str:
    """What is wrong with the labels or annotations that a webhook gave an object; "" for nothing."""
    if not isinstance(found, dict):
        return f"invalid metadata.{field} of type {type(found).__name__} in converted object"
    for key, value in found.items():
        if not isinstance(value, str):
            return f"metadata.{field}[{key}] must be a string, but is {type(value).__name__} in converted object"
    if found == before:
        return ""
    path = Path("metadata") / field
    wrong = validate_labels(found, path) if field == "labels" else validate_annotations(found, path)
    return ", ".join(str(error) for error in wrong)
