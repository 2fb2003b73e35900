"""From verified claims to a user: rules on claims, the mappings, rules on the user.

What: `Mapper.user`. Why: each provider names things its own way. Flow: claims → `claimValidationRules` → user name,
groups, uid, extras by claim or by expression → `userValidationRules`. Pure apart from compiling expressions once.
Source: apiserver/plugin/pkg/authenticator/token/oidc/oidc.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kubelite.apiserver.authn.expressions import Expression, ExpressionFailed, claim_variables, user_variables
from kubelite.apiserver.authn.jwt import InvalidToken
from kubelite.apiserver.authn.oidcconfig import JwtIssuer, Rule
from kubelite.apiserver.authn.oidcconfig import Mapping as ClaimMapping
from kubelite.apiserver.authn.x509 import AUTHENTICATED
from kubelite.apiserver.request import UserInfo

EMAIL = re.compile(r"\bclaims\s*(\.\s*email\b|\[\s*[\"']email[\"']\s*\])")


class Mapper:
    """The mappings of one issuer. Raises ValueError for expressions that do not compile."""

    def __init__(self, entry: JwtIssuer) -> None:
        mappings = entry.claimMappings
        self._username = _Value(mappings.username, "claimMappings.username", ("string",))
        self._groups = _Value(mappings.groups, "claimMappings.groups", ("string", "list"))
        self._uid = _Value(mappings.uid, "claimMappings.uid", ("string",))
        self._extra = [
            (one.key, _claims(one.valueExpression, f"claimMappings.extra[{one.key}]", ("string", "list")))
            for one in mappings.extra
        ]
        rules = entry.claimValidationRules
        self._fixed = [rule for rule in rules if rule.claim]
        self._claim_rules = [
            (rule, _claims(rule.expression, "claimValidationRules", ("bool",))) for rule in rules if rule.expression
        ]
        self._user_rules = [
            (rule, _compiled(rule.expression, "userValidationRules", user_variables(), ("bool",)))
            for rule in entry.userValidationRules
        ]
        self._check_email(entry)

    def _check_email(self, entry: JwtIssuer) -> None:
        """An address that nobody verified must not become a user name unnoticed."""
        expression = entry.claimMappings.username.expression
        others = [one.valueExpression for one in entry.claimMappings.extra]
        others += [rule.expression for rule in entry.claimValidationRules]
        if EMAIL.search(expression) and "email_verified" not in " ".join([expression, *others]):
            raise ValueError(
                "claimMappings.username.expression: claims.email_verified must be used in"
                " claimMappings.username.expression or claimMappings.extra[*].valueExpression or"
                " claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression"
            )

    def user(self, claims: Mapping[str, Any]) -> UserInfo:
        """The user that the claims make. Raises InvalidToken."""
        try:
            return self._user(claims)
        except ExpressionFailed as error:
            raise InvalidToken(f"oidc: {error}") from error

    def _user(self, claims: Mapping[str, Any]) -> UserInfo:
        for rule in self._fixed:
            if rule.claim not in claims:
                raise InvalidToken(f'oidc: required claim "{rule.claim}" not present in ID token')
            if claims[rule.claim] != rule.requiredValue:
                shown = f'oidc: required claim "{rule.claim}" value does not match. Got = {claims[rule.claim]!r}'
                raise InvalidToken(f"{shown}, want = {rule.requiredValue!r}")
        _satisfy(self._claim_rules, {"claims": claims})
        user = UserInfo(
            self._name(claims), self._text(self._uid, claims), self._group_list(claims), self._extras(claims)
        )
        shown_user = {
            "username": user.name,
            "uid": user.uid,
            "groups": list(user.groups),
            "extra": {key: list(values) for key, values in user.extra.items()},
        }
        _satisfy(self._user_rules, {"user": shown_user})
        return UserInfo(user.name, user.uid, (*dict.fromkeys([*user.groups, AUTHENTICATED]),), user.extra)

    def _name(self, claims: Mapping[str, Any]) -> str:
        if self._username.claim == "email" and claims.get("email_verified", True) is not True:
            raise InvalidToken("oidc: email not verified")
        name = self._text(self._username, claims)
        if not name:
            raise InvalidToken("oidc: the user name is empty")
        return name

    def _text(self, source: _Value, claims: Mapping[str, Any]) -> str:
        found = source.of(claims)
        if found is None and not source.wanted:
            return ""
        if not isinstance(found, str):
            raise InvalidToken(f"oidc: parse {source.what}: {source.shown} is no string")
        return source.prefix + found

    def _group_list(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        found = self._groups.of(claims)
        return tuple(self._groups.prefix + group for group in _texts(found, "groups") if group)

    def _extras(self, claims: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        extras = ((key, tuple(_texts(value.value({"claims": claims}), key))) for key, value in self._extra)
        return {key: kept for key, values in extras if (kept := tuple(one for one in values if one))}


class _Value:
    """A claim or an expression."""

    def __init__(self, mapping: ClaimMapping, what: str, kinds: tuple[str, ...]) -> None:
        self.claim, self.prefix, self.what = mapping.claim, mapping.prefix or "", what
        self._expression = _claims(mapping.expression, what, kinds) if mapping.expression else None
        self.wanted = bool(mapping.claim or mapping.expression)
        self.shown = f"claim {mapping.claim!r}" if mapping.claim else "the expression's value"

    def of(self, claims: Mapping[str, Any]) -> Any:
        if self._expression is not None:
            return self._expression.value({"claims": claims})
        return claims.get(self.claim) if self.claim else None


def _texts(found: Any, what: str) -> list[str]:
    if found is None:
        return []
    if isinstance(found, str):
        return [found]
    if isinstance(found, list | tuple) and all(isinstance(one, str) for one in found):
        return list(found)
    raise InvalidToken(f"oidc: parse {what}: neither a string nor a list of strings")


def _satisfy(rules: list[tuple[Rule, Expression]], variables: Mapping[str, Any]) -> None:
    for rule, expression in rules:
        if expression.value(variables) is not True:
            message = rule.message or f"validation expression '{rule.expression}' failed"
            raise InvalidToken(f"oidc: error evaluating {message}" if not rule.message else f"oidc: {message}")


def _claims(text: str, what: str, kinds: tuple[str, ...]) -> Expression:
    return _compiled(text, what, claim_variables(), kinds)


def _compiled(text: str, what: str, variables: Mapping[str, Any], kinds: tuple[str, ...]) -> Expression:
    try:
        return Expression(text, variables, kinds)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error
