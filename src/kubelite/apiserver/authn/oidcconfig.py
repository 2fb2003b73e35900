"""Which JWT issuers are trusted and what their claims mean: the AuthenticationConfiguration file and the --oidc
flags.

What: typed configuration, `load` (file), `of_flags` (flags), `validate`. Why: both say the same thing; one form
serves both.
Flow: YAML → strict decoding → `validate` → `oidc.Issuer`. Unknown fields are refused.
Source: apiserver/pkg/apis/apiserver/types.go and validation/validation.go.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from kubelite.apiserver.config import Config
from kubelite.machinery import fielderrors, yamlcodec
from kubelite.machinery.fielderrors import FieldError, Path

VERSIONS = tuple(f"apiserver.config.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))
MAX_ISSUERS = 64


class _Strict(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A field that does not exist is a mistake of the administrator."""


class Issuer(_Strict):
    """Whose tokens."""

    url: str = ""
    discoveryURL: str = ""
    certificateAuthority: str = ""
    audiences: list[str] = []
    audienceMatchPolicy: str = ""
    egressSelectorType: str = ""


class Rule(_Strict):
    """A claim that must have a value, or an expression that must be true."""

    claim: str = ""
    requiredValue: str = ""
    expression: str = ""
    message: str = ""


class Mapping(_Strict):
    """Where a name or a list of names comes from."""

    claim: str = ""
    prefix: str | None = None
    expression: str = ""


class ExtraMapping(_Strict):
    """One extra of the user."""

    key: str = ""
    valueExpression: str = ""


class Mappings(_Strict):
    """What becomes of the claims."""

    username: Mapping = msgspec.field(default_factory=Mapping)
    groups: Mapping = msgspec.field(default_factory=Mapping)
    uid: Mapping = msgspec.field(default_factory=Mapping)
    extra: list[ExtraMapping] = []


class JwtIssuer(_Strict):
    """One entry of `jwt`."""

    issuer: Issuer = msgspec.field(default_factory=Issuer)
    claimValidationRules: list[Rule] = []
    claimMappings: Mappings = msgspec.field(default_factory=Mappings)
    userValidationRules: list[Rule] = []


class Condition(_Strict):
    """A path that may be asked for anonymously."""

    path: str = ""


class Anonymous(_Strict):
    """Whether, and for which paths, requests without credentials are admitted."""

    enabled: bool = False
    conditions: list[Condition] = []


class AuthenticationConfiguration(_Strict):
    """The file."""

    apiVersion: str = ""
    kind: str = ""
    jwt: list[JwtIssuer] = []
    anonymous: Anonymous | None = None


def load(path: str, service_account_issuers: Sequence[str]) -> AuthenticationConfiguration:
    """The file's content. Raises ValueError that names every mistake, OSError if it cannot be read."""
    try:
        document = yamlcodec.load(pathlib.Path(path).read_bytes())
        found = msgspec.convert(document, AuthenticationConfiguration)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from error
    if found.apiVersion not in VERSIONS or found.kind != "AuthenticationConfiguration":
        raise ValueError(
            f'{path}: expected AuthenticationConfiguration of {VERSIONS[0]}, got "{found.kind}" of "{found.apiVersion}"'
        )
    mistakes = validate(found, service_account_issuers)
    if mistakes:
        raise ValueError(f"{path}: " + "; ".join(str(one) for one in mistakes))
    return found


def of_flags(config: Config) -> AuthenticationConfiguration:
    """What the --oidc flags say; without an issuer nothing."""
    found = AuthenticationConfiguration()
    if not config.oidc_issuer_url:
        return found
    if not config.oidc_client_id:
        raise ValueError("--oidc-issuer-url and --oidc-client-id must be specified together")
    prefix = config.oidc_username_prefix
    if not prefix and config.oidc_username_claim != "email":
        prefix = f"{config.oidc_issuer_url}#"
    entry = JwtIssuer(
        Issuer(
            url=config.oidc_issuer_url,
            certificateAuthority=pathlib.Path(config.oidc_ca_file).read_text() if config.oidc_ca_file else "",
            audiences=[config.oidc_client_id],
        ),
        [_required(one) for one in config.oidc_required_claim],
        Mappings(Mapping(claim=config.oidc_username_claim, prefix="" if prefix == "-" else prefix)),
    )
    if config.oidc_groups_claim:
        entry.claimMappings.groups = Mapping(claim=config.oidc_groups_claim, prefix=config.oidc_groups_prefix)
    found.jwt.append(entry)
    mistakes = validate(found, config.service_account_issuer)
    if mistakes:
        raise ValueError("; ".join(str(one) for one in mistakes))
    return found


def _required(text: str) -> Rule:
    claim, equals, value = text.partition("=")
    if not equals or not claim:
        raise ValueError(f"--oidc-required-claim: {text!r} is not of the form name=value")
    return Rule(claim=claim, requiredValue=value)


def validate(found: AuthenticationConfiguration, service_account_issuers: Sequence[str]) -> list[FieldError]:
    """Every mistake, with upstream's words."""
    mistakes: list[FieldError] = []
    root = Path("jwt")
    if len(found.jwt) > MAX_ISSUERS:
        mistakes.append(fielderrors.too_many(root, len(found.jwt), MAX_ISSUERS))
    seen: set[str] = set()
    for number, entry in enumerate(found.jwt):
        path = root.index(number)
        mistakes += _issuer(entry.issuer, path / "issuer", service_account_issuers)
        for url in filter(None, (entry.issuer.url, entry.issuer.discoveryURL)):
            if url in seen:
                mistakes.append(fielderrors.duplicate(path / "issuer" / "url", url))
            seen.add(url)
        mistakes += _rules(entry.claimValidationRules, path / "claimValidationRules")
        mistakes += _mappings(entry.claimMappings, path / "claimMappings")
        for index, rule in enumerate(entry.userValidationRules):
            if not rule.expression:
                where = (path / "userValidationRules").index(index) / "expression"
                mistakes.append(fielderrors.required(where, "expression is required"))
    anonymous = found.anonymous
    if anonymous is not None and not anonymous.enabled and anonymous.conditions:
        text = "enabled should be set to true when conditions are defined"
        mistakes.append(fielderrors.invalid(Path("anonymous") / "conditions", len(anonymous.conditions), text))
    return mistakes


def _issuer(issuer: Issuer, path: Path, own: Sequence[str]) -> list[FieldError]:
    mistakes = _url(issuer.url, path / "url", own)
    if issuer.discoveryURL:
        where = path / "discoveryURL"
        if issuer.discoveryURL.rstrip("/") == issuer.url.rstrip("/"):
            mistakes.append(fielderrors.invalid(where, issuer.discoveryURL, "discoveryURL must be different from URL"))
        mistakes += _url(issuer.discoveryURL, where, ())
    if not issuer.audiences:
        mistakes.append(fielderrors.required(path / "audiences", f"at least one {path / 'audiences'} is required"))
    for index, audience in enumerate(issuer.audiences):
        if not audience:
            mistakes.append(fielderrors.required((path / "audiences").index(index), "audience can't be empty"))
        elif audience in issuer.audiences[:index]:
            mistakes.append(fielderrors.duplicate((path / "audiences").index(index), audience))
    policy = issuer.audienceMatchPolicy
    if len(issuer.audiences) > 1 and policy != "MatchAny":
        text = "audienceMatchPolicy must be MatchAny for multiple audiences"
        mistakes.append(fielderrors.invalid(path / "audienceMatchPolicy", policy, text))
    elif policy not in ("", "MatchAny"):
        text = "audienceMatchPolicy must be empty or MatchAny for single audience"
        mistakes.append(fielderrors.invalid(path / "audienceMatchPolicy", policy, text))
    if issuer.egressSelectorType:
        text = "egress selectors are not supported"
        mistakes.append(fielderrors.invalid(path / "egressSelectorType", issuer.egressSelectorType, text))
    if issuer.certificateAuthority and "BEGIN CERTIFICATE" not in issuer.certificateAuthority:
        text = "data does not contain any valid RSA or ECDSA certificates"
        mistakes.append(fielderrors.invalid(path / "certificateAuthority", "<omitted>", text))
    return mistakes


def _url(url: str, path: Path, own: Sequence[str]) -> list[FieldError]:
    if not url:
        return [fielderrors.required(path, "URL is required")]
    if url in own:
        text = f"URL must not overlap with disallowed issuers: [{' '.join(own)}]"
        return [fielderrors.invalid(path, url, text)]
    parts = urlsplit(url)
    wrong = [
        (parts.scheme != "https", "URL scheme must be https"),
        (bool(parts.username or parts.password), "URL must not contain a username or password"),
        (bool(parts.query), "URL must not contain a query"),
        (bool(parts.fragment), "URL must not contain a fragment"),
    ]
    return [fielderrors.invalid(path, url, text) for bad, text in wrong if bad]


def _rules(rules: Sequence[Rule], path: Path) -> list[FieldError]:
    mistakes = []
    for index, rule in enumerate(rules):
        where = path.index(index)
        if rule.claim and rule.expression:
            mistakes.append(fielderrors.invalid(where, rule.claim, "claim and expression can't both be set"))
        elif not rule.claim and not rule.expression:
            mistakes.append(fielderrors.required(where, "claim or expression is required"))
        elif rule.claim and rule.message:
            text = "message can't be set when claim is set"
            mistakes.append(fielderrors.invalid(where / "message", rule.message, text))
        elif rule.expression and rule.requiredValue:
            text = "requiredValue can't be set when expression is set"
            mistakes.append(fielderrors.invalid(where / "requiredValue", rule.requiredValue, text))
    return mistakes


def _mappings(mappings: Mappings, path: Path) -> list[FieldError]:
    mistakes: list[FieldError] = []
    for name, mapping in (("username", mappings.username), ("groups", mappings.groups), ("uid", mappings.uid)):
        where = path / name
        if mapping.claim and mapping.expression:
            mistakes.append(fielderrors.invalid(where, "", "claim and expression can't both be set"))
        elif name == "username" and not mapping.claim and not mapping.expression:
            mistakes.append(fielderrors.required(where, "claim or expression is required"))
        elif name != "uid" and mapping.claim and mapping.prefix is None:
            text = "prefix is required when claim is set. It can be set to an empty string to disable prefixing"
            mistakes.append(fielderrors.required(where / "prefix", text))
        elif mapping.prefix and not mapping.claim:
            text = "prefix can't be set when expression is set"
            mistakes.append(fielderrors.invalid(where / "prefix", mapping.prefix, text))
    for index, extra in enumerate(mappings.extra):
        where = (path / "extra").index(index)
        mistakes += _extra(extra, where, [one.key for one in mappings.extra[:index]])
    return mistakes


def _extra(extra: ExtraMapping, path: Path, before: Sequence[str]) -> list[FieldError]:
    mistakes = []
    domain, slash, rest = extra.key.partition("/")
    if not extra.key:
        mistakes.append(fielderrors.required(path / "key", "key is required"))
    elif not slash or not domain or not rest:
        text = 'must be a domain-prefixed path (such as "acme.io/foo")'
        mistakes.append(fielderrors.invalid(path / "key", extra.key, text))
    elif extra.key != extra.key.lower():
        mistakes.append(fielderrors.invalid(path / "key", extra.key, "key must be lowercase"))
    elif any(domain == one or domain.endswith(f".{one}") for one in ("k8s.io", "kubernetes.io")):
        text = "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use"
        mistakes.append(fielderrors.invalid(path / "key", extra.key, text))
    elif extra.key in before:
        mistakes.append(fielderrors.duplicate(path / "key", extra.key))
    if not extra.valueExpression:
        mistakes.append(fielderrors.required(path / "valueExpression", "valueExpression is required"))
    return mistakes
