"""The AuthorizationConfiguration file: which authorizers, in which order.

What: `load` reads and checks it, `of_flags` says the same from the flags. Why: several webhooks, each with conditions
of its own, need more than flags. Flow: YAML → strict decoding → `assembly` makes the modes. Unknown fields are
refused.
Source: apiserver/pkg/apis/apiserver/types.go, validation/validation.go (ValidateAuthorizationConfiguration).
"""

from __future__ import annotations

import pathlib

import msgspec

from kubelite.apiserver.config import Config
from kubelite.machinery import fielderrors, times, yamlcodec
from kubelite.machinery.fielderrors import FieldError, Path

VERSIONS = tuple(f"apiserver.config.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))
TYPES = ("Node", "RBAC", "Webhook", "AlwaysAllow", "AlwaysDeny")
MAX_TIMEOUT, MAX_CONDITIONS = 30.0, 64
DEFAULT_MODE = "Node,RBAC"


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    """A field that does not exist is a mistake of the administrator."""


class Connection(_Strict):
    """Where the webhook is."""

    type: str = ""
    kubeConfigFile: str = ""


class MatchCondition(_Strict):
    """A CEL expression over `request`."""

    expression: str = ""


class WebhookEntry(_Strict):
    """How a webhook is asked."""

    authorizedTTL: str = "5m0s"
    cacheAuthorizedRequests: bool = True
    unauthorizedTTL: str = "30s"
    cacheUnauthorizedRequests: bool = True
    timeout: str = ""
    subjectAccessReviewVersion: str = ""
    matchConditionSubjectAccessReviewVersion: str = ""
    failurePolicy: str = ""
    connectionInfo: Connection = msgspec.field(default_factory=Connection)
    matchConditions: list[MatchCondition] = []


class Authorizer(_Strict):
    """One authorizer."""

    type: str = ""
    name: str = ""
    webhook: WebhookEntry | None = None


class AuthorizationConfiguration(_Strict):
    """The file."""

    apiVersion: str = ""
    kind: str = ""
    authorizers: list[Authorizer] = []


def of(config: Config) -> list[Authorizer]:
    """The authorizers that the settings name. Raises ValueError or OSError."""
    if config.authorization_config:
        if config.authorization_mode != DEFAULT_MODE or config.authorization_webhook_config_file:
            raise ValueError(
                "--authorization-config can not be specified together with authorization modes and webhooks"
            )
        found = load(config.authorization_config)
    else:
        found = of_flags(config)
    if any(one.type == "AlwaysAllow" for one in found) and not config.unsafe_allow_everything:
        raise ValueError(
            "authorization mode AlwaysAllow lets everybody do everything; it is accepted only with --unsafe-allow-everything"
        )
    return found


def of_flags(config: Config) -> list[Authorizer]:
    """What the flags say."""
    names = [one.strip() for one in config.authorization_mode.split(",") if one.strip()]
    if not names:
        raise ValueError("at least one authorization-mode must be passed")
    for name in names:
        if name == "ABAC":
            raise ValueError("authorization mode ABAC is not supported")
        if name not in TYPES:
            raise ValueError(f"authorization-mode {name!r} is not a valid mode, known are {', '.join(TYPES)}")
        if names.count(name) > 1:
            raise ValueError(f"authorization-mode {names} has mode specified more than once")
    file = config.authorization_webhook_config_file
    if file and "Webhook" not in names:
        raise ValueError("cannot specify --authorization-webhook-config-file without mode Webhook")
    if not file and "Webhook" in names:
        raise ValueError("authorization-mode Webhook's authorization config file not passed")
    entry = WebhookEntry(
        authorizedTTL=config.authorization_webhook_cache_authorized_ttl,
        unauthorizedTTL=config.authorization_webhook_cache_unauthorized_ttl,
        timeout="30s",
        subjectAccessReviewVersion=config.authorization_webhook_version,
        failurePolicy="NoOpinion",
        connectionInfo=Connection("KubeConfigFile", file),
    )
    return [
        Authorizer(name, "default", entry) if name == "Webhook" else Authorizer(name, name.lower()) for name in names
    ]


def load(path: str) -> list[Authorizer]:
    """The authorizers of a file. Raises ValueError that names every mistake, OSError if it cannot be read."""
    try:
        found = msgspec.convert(yamlcodec.load(pathlib.Path(path).read_bytes()), AuthorizationConfiguration)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from error
    if found.apiVersion not in VERSIONS or found.kind != "AuthorizationConfiguration":
        raise ValueError(
            f'{path}: expected AuthorizationConfiguration of {VERSIONS[0]}, got "{found.kind}" of "{found.apiVersion}"'
        )
    mistakes = validate(found)
    if mistakes:
        raise ValueError(f"{path}: " + "; ".join(str(one) for one in mistakes))
    return found.authorizers


def validate(found: AuthorizationConfiguration) -> list[FieldError]:
    """Every mistake."""
    root = Path("authorizers")
    if not found.authorizers:
        return [fielderrors.required(root, "at least one authorization mode must be defined")]
    mistakes: list[FieldError] = []
    types, names = set[str](), set[str]()
    for number, one in enumerate(found.authorizers):
        path = root.index(number)
        if one.type not in TYPES:
            mistakes.append(fielderrors.not_supported(path / "type", one.type, TYPES))
            continue
        if one.type in types and one.type != "Webhook":
            mistakes.append(fielderrors.duplicate(path / "type", one.type))
        types.add(one.type)
        if not one.name:
            mistakes.append(fielderrors.required(path / "name"))
        elif one.name in names:
            mistakes.append(fielderrors.duplicate(path / "name", one.name))
        names.add(one.name)
        if one.type == "Webhook":
            mistakes += _webhook(one.webhook, path / "webhook")
        elif one.webhook is not None:
            text = "may only be specified when type=Webhook"
            mistakes.append(fielderrors.invalid(path / "webhook", "non-null", text))
    return mistakes


def _webhook(entry: WebhookEntry | None, path: Path) -> list[FieldError]:
    if entry is None:
        return [fielderrors.required(path, "required when type=Webhook")]
    mistakes: list[FieldError] = []
    for name, text, limit in (
        ("timeout", entry.timeout, MAX_TIMEOUT),
        ("authorizedTTL", entry.authorizedTTL, 0),
        ("unauthorizedTTL", entry.unauthorizedTTL, 0),
    ):
        mistakes += _duration(text, path / name, limit)
    versions = ("v1", "v1beta1")
    if entry.subjectAccessReviewVersion not in versions:
        where = path / "subjectAccessReviewVersion"
        mistakes.append(fielderrors.not_supported(where, entry.subjectAccessReviewVersion, versions))
    if entry.matchConditions and entry.matchConditionSubjectAccessReviewVersion != "v1":
        where = path / "matchConditionSubjectAccessReviewVersion"
        mistakes.append(fielderrors.not_supported(where, entry.matchConditionSubjectAccessReviewVersion, ("v1",)))
    if entry.failurePolicy not in ("NoOpinion", "Deny"):
        mistakes.append(fielderrors.not_supported(path / "failurePolicy", entry.failurePolicy, ("NoOpinion", "Deny")))
    connection = path / "connectionInfo"
    if entry.connectionInfo.type != "KubeConfigFile":
        kinds = ("KubeConfigFile",)
        mistakes.append(fielderrors.not_supported(connection / "type", entry.connectionInfo.type, kinds))
    elif not entry.connectionInfo.kubeConfigFile:
        mistakes.append(fielderrors.required(connection / "kubeConfigFile"))
    elif not pathlib.Path(entry.connectionInfo.kubeConfigFile).is_absolute():
        where = connection / "kubeConfigFile"
        mistakes.append(fielderrors.invalid(where, entry.connectionInfo.kubeConfigFile, "must be an absolute path"))
    if len(entry.matchConditions) > MAX_CONDITIONS:
        where = path / "matchConditions"
        mistakes.append(fielderrors.too_many(where, len(entry.matchConditions), MAX_CONDITIONS))
    for index, condition in enumerate(entry.matchConditions):
        if not condition.expression.strip():
            mistakes.append(fielderrors.required((path / "matchConditions").index(index) / "expression"))
    return mistakes


def _duration(text: str, path: Path, limit: float) -> list[FieldError]:
    if not text:
        return [fielderrors.required(path)]
    try:
        seconds = times.parse_duration(text)
    except ValueError:
        return [fielderrors.invalid(path, text, "must be a duration")]
    if seconds <= 0:
        return [fielderrors.invalid(path, text, "must be > 0s")]
    if limit and seconds > limit:
        return [fielderrors.invalid(path, text, "must be <= 30s")]
    return []
