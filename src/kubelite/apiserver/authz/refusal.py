"""The 403 answer: who may not do what where, in upstream's words.

What: `refuse` builds the error, `message` its core. Why: kubectl, scripts and people read this text; the chain, the
reviews and the escalation checks must agree on it. Source:
apiserver/pkg/endpoints/handlers/responsewriters/errors.go.
"""

from __future__ import annotations

from kubelite.apiserver.request import Attributes, UserInfo
from kubelite.machinery import errors


def message(user: UserInfo, attributes: Attributes) -> str:
    """`User "x" cannot list resource "pods" in API group "" in the namespace "default"`."""
    a = attributes
    if not a.is_resource:
        return f'User "{user.name}" cannot {a.verb} path "{a.path}"'
    resource = f"{a.resource}/{a.subresource}" if a.subresource else a.resource
    where = f'in the namespace "{a.namespace}"' if a.namespace else "at the cluster scope"
    return f'User "{user.name}" cannot {a.verb} resource "{resource}" in API group "{a.group}" {where}'


def refuse(user: UserInfo, attributes: Attributes, reason: str = "") -> errors.StatusError:
    """The 403 for a request; `reason` is what the authorizer said."""
    text = message(user, attributes)
    if reason:
        text = f"{text}: {reason}"
    if not attributes.is_resource:
        return errors.forbidden("", "", "", text)
    return errors.forbidden(attributes.group, attributes.resource, attributes.name, text)
