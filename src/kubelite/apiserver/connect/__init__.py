"""What is asked of the server itself or passed on to a node: reviews, tokens, logs, exec, attach, port-forward.

`resource_handlers` gives the handlers of a server; they are looked up before the generic verbs.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from kubelite.apiserver.config import Config
from kubelite.apiserver.request import Request, ResourceHandlers, Response


def resource_handlers(config: Config, registry: Any) -> ResourceHandlers:
    """By (group, resource, subresource). Only for kinds that the server serves are they ever asked."""
    from kubelite.apiserver import authn, authz
    from kubelite.apiserver.connect.access import Reviews
    from kubelite.apiserver.connect.components import Components
    from kubelite.apiserver.connect.kubelet import Kubelets
    from kubelite.apiserver.connect.pods import PodStreams
    from kubelite.apiserver.connect.proxy import Proxy
    from kubelite.apiserver.connect.tokens import Tokens

    authorizer = authz.build(config, registry)
    kubelets = Kubelets(config, registry)
    return {
        **Reviews(authorizer).handlers(),
        **Tokens(authn.build(config, registry), registry).handlers(),
        **PodStreams(kubelets, registry, authorizer).handlers(),
        **Proxy(kubelets, registry).handlers(),
        **Components(config, registry).handlers(),
        ("", "bindings", ""): _binding(registry),
    }


def _binding(registry: Any) -> Any:
    """POST bindings names its pod in the body; otherwise it is the same as pods/binding."""

    def handle(request: Request) -> Response | Awaitable[Response]:
        from kubelite.apiserver.handlers import subresources

        return subresources.binding(registry, request, registry.scheme.by_resource("", "v1", "bindings"))

    return handle
