"""How the server reaches somebody's webhook: a URL, or a service of the cluster.

What: defaults and checks of `clientConfig`, and of the list of review versions. Why: admission webhooks and conversion webhooks
are configured alike. Flow: the kinds' `set_defaults` and `validate` call it. Upstream: apiserver/pkg/util/webhook/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

_FORM = "; desired format: https://host[/path]"
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


def default_port(config: Any | None) -> None:
    """A service listens on 443 unless told otherwise."""
    if config is not None and config.service is not None and config.service.port is None:
        config.service.port = 443


def validate(config: Any | None, path: Path) -> FieldErrors:
    """Exactly one of URL and service, and that one right."""
    url, service = (config.url, config.service) if config is not None else ("", None)
    if bool(url) == (service is not None):
        return [fe.required(path, "exactly one of url or service is required")]
    return validate_url(url, path / "url") if url else validate_service(service, path / "service")


def validate_url(url: str, path: Path) -> FieldErrors:
    """HTTPS, a host, and nothing but a path after it."""
    if _UNPRINTABLE.search(url):
        why = f'parse "{url}": net/url: invalid control character in URL'
        return [fe.required(path, f"url must be a valid URL: {why}{_FORM}")]
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        _ = parts.port
    except ValueError as error:
        return [fe.required(path, f'url must be a valid URL: parse "{url}": {error}{_FORM}')]
    errors: FieldErrors = []
    if parts.scheme != "https":
        errors.append(fe.invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not host:
        errors.append(fe.invalid(path, host, f"host must be provided{_FORM}"))
    if "@" in parts.netloc:
        user = parts.netloc.rpartition("@")[0]
        errors.append(fe.invalid(path, user, "user information is not permitted in the URL"))
    if parts.fragment:
        errors.append(fe.invalid(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        errors.append(fe.invalid(path, parts.query, "query parameters are not permitted in the URL"))
    return errors


def validate_service(service: Any, path: Path) -> FieldErrors:
    """Name, namespace and port; a path of names, if there is one."""
    errors: FieldErrors = []
    if not service.name:
        errors.append(fe.required(path / "name", "service name is required"))
    if not service.namespace:
        errors.append(fe.required(path / "namespace", "service namespace is required"))
    wrong = names.port_number(service.port or 0)
    if wrong:
        errors.append(fe.invalid(path / "port", service.port or 0, "port is not valid: " + ", ".join(wrong)))
    return errors + _service_path(service.path, path / "path")


def _service_path(text: str, path: Path) -> FieldErrors:
    if text in ("", "/"):
        return []
    if text == "//":
        return [fe.invalid(path, text, "segment[0] may not be empty")]
    errors: FieldErrors = []
    if not text.startswith("/"):
        errors.append(fe.invalid(path, text, "must start with a '/'"))
    for index, step in enumerate(text[1:].removesuffix("/").split("/")):
        if not step:
            errors.append(fe.invalid(path, text, f"segment[{index}] may not be empty"))
            continue
        errors += [fe.invalid(path, text, f"segment[{index}]: {why}") for why in names.dns1123_subdomain(step)]
    return errors


def validate_review_versions(versions: Sequence[str], known: Sequence[str], path: Path) -> FieldErrors:
    """Version names, each once, at least one of which this server speaks."""
    if not versions:
        return [fe.required(path, f"must specify one of {', '.join(known)}")]
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, version in enumerate(versions):
        if version in seen:
            errors.append(fe.invalid(path.index(index), version, "duplicate version"))
            continue
        seen.add(version)
        errors += [fe.invalid(path.index(index), version, why) for why in names.dns1035_label(version)]
    if not seen.intersection(known):
        errors.append(fe.invalid(path, list(versions), f"must include at least one of {', '.join(known)}"))
    return errors
