"""ID tokens of an OpenID provider, by flags and by an AuthenticationConfiguration file."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.apienv import ApiEnv, api_server
from tests.integration.apiserver_security.outside import Provider, ProviderKey, outside, whoami


@asynccontextmanager
async def provider(tmp_path: Path) -> AsyncIterator[tuple[Provider, str, str]]:
    """A provider, its URL and the file of its CA."""
    found = Provider()
    async with outside(tmp_path, found.answer) as server:
        found.url = server.url
        yield found, server.url, server.ca


def configuration(tmp_path: Path, url: str, ca: str, **more: Any) -> str:
    """The path of an AuthenticationConfiguration with one issuer."""
    entry = {
        "issuer": {"url": url, "audiences": ["kube"], "certificateAuthority": Path(ca).read_text()},
        "claimMappings": {"username": {"claim": "sub", "prefix": ""}},
        **more.pop("entry", {}),
    }
    file = tmp_path / "authn.yaml"
    kind = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration"}
    file.write_text(json.dumps({**kind, "jwt": [entry], **more}))
    return str(file)


def user(reply: Any) -> Any:
    assert reply.status == 201, reply.body
    return reply.json()["status"]["userInfo"]


async def test_an_id_token_names_user_and_groups_with_the_prefixes_of_the_flags(tmp_path: Path) -> None:
    async with provider(tmp_path) as (idp, url, ca):
        flags = {"oidc_groups_claim": "groups", "oidc_groups_prefix": "idp:", "oidc_required_claim": ("hd=acme",)}
        more: Any = {**flags, "oidc_signing_algs": ("RS256", "PS256")}
        async with api_server(oidc_issuer_url=url, oidc_client_id="kube", oidc_ca_file=ca, **more) as api:
            claims = {"iss": url, "sub": "jane", "groups": ["dev"], "hd": "acme"}
            found = user(await whoami(api, idp.rsa.sign("RS256", **claims)))
            assert found["username"] == f"{url}#jane"
            assert found["groups"] == ["idp:dev", "system:authenticated"]
            assert (await whoami(api, idp.rsa.sign("PS256", **claims))).status == 201
            assert (await whoami(api, idp.rsa.sign("RS256", **{**claims, "hd": "other"}))).status == 401
            assert (await whoami(api, idp.rsa.sign("RS256", **claims)[:-8] + "AAAAAAAA")).status == 401


@pytest.mark.parametrize(
    "claims",
    [{"aud": "other"}, {"exp": 1000}, {"exp": None}, {"nbf": time.time() + 4000}, {"sub": ""}, {"sub": 7}],
    ids=["audience", "expired", "no expiry", "not yet", "no name", "odd name"],
)
async def test_an_id_token_that_does_not_fit_is_401(claims: dict[str, Any], tmp_path: Path) -> None:
    async with provider(tmp_path) as (idp, url, ca), api_server(**settings(url, ca)) as api:
        good = {"iss": url, "sub": "jane"}
        assert (await whoami(api, idp.rsa.sign("RS256", **good))).status == 201
        assert (await whoami(api, idp.rsa.sign("RS256", **{**good, **claims}))).status == 401


def settings(url: str, ca: str) -> dict[str, Any]:
    return {"oidc_issuer_url": url, "oidc_client_id": "kube", "oidc_ca_file": ca, "oidc_username_prefix": "-"}


async def test_a_new_key_of_the_provider_is_found_and_a_stranger_s_is_not(tmp_path: Path) -> None:
    async with provider(tmp_path) as (idp, url, ca):
        file = configuration(tmp_path, url, ca)
        async with api_server(authentication_config=file) as api:
            assert user(await whoami(api, idp.rsa.sign("RS256", iss=url, sub="jane")))["username"] == "jane"
            fresh = ProviderKey("fresh", elliptic=True)
            assert (await whoami(api, fresh.sign("ES256", iss=url, sub="jane"))).status == 401
            idp.keys.append(fresh)
            assert user(await whoami(api, fresh.sign("ES256", iss=url, sub="joe")))["username"] == "joe"


async def test_a_provider_that_is_down_costs_401_and_no_hang(tmp_path: Path) -> None:
    async with provider(tmp_path) as (idp, url, ca):
        flags = settings(url, ca)
    async with asyncio.timeout(20), api_server(**flags) as api:
        assert (await whoami(api, idp.rsa.sign("RS256", iss=url, sub="jane"))).status == 401
        assert (await api.get("/api")).status == 200


async def test_expressions_map_claims_and_check_them(tmp_path: Path) -> None:
    entry = {
        "claimValidationRules": [{"expression": "claims.hd == 'acme'", "message": "wrong domain"}],
        "claimMappings": {
            "username": {"expression": "'acme:' + claims.sub"},
            "groups": {"expression": "claims.roles.split(',')"},
            "uid": {"claim": "id"},
            "extra": [{"key": "acme.io/team", "valueExpression": "claims.team"}],
        },
        "userValidationRules": [{"expression": "!user.username.startsWith('acme:system:')", "message": "reserved"}],
    }
    async with provider(tmp_path) as (idp, url, ca):
        file = configuration(tmp_path, url, ca, entry=entry)
        async with api_server(authentication_config=file) as api:
            claims = {"iss": url, "sub": "jane", "hd": "acme", "roles": "dev,ops", "id": "42", "team": ["a", ""]}
            found = user(await whoami(api, idp.rsa.sign("RS256", **claims)))
            assert (found["username"], found["uid"]) == ("acme:jane", "42")
            assert found["groups"] == ["dev", "ops", "system:authenticated"]
            assert found["extra"] == {"acme.io/team": ["a"]}
            assert (await whoami(api, idp.rsa.sign("RS256", **{**claims, "hd": "x"}))).status == 401
            assert (await whoami(api, idp.rsa.sign("RS256", **{**claims, "sub": "system:x"}))).status == 401


async def test_anonymous_requests_are_limited_to_the_paths_of_the_file_and_a_change_takes_effect(
    tmp_path: Path,
) -> None:
    async with provider(tmp_path) as (_, url, ca):
        conditions = [{"path": "/livez"}]
        file = configuration(tmp_path, url, ca, anonymous={"enabled": True, "conditions": conditions})
        async with api_server(authentication_config=file) as api:
            assert (await api.get("/livez", token="")).status == 200
            assert (await api.get("/readyz", token="")).status == 401
            configuration(
                tmp_path, url, ca, anonymous={"enabled": True, "conditions": [*conditions, {"path": "/readyz"}]}
            )
            assert await eventually(api, "/readyz", 200)
            Path(file).write_text("kind: Nonsense")
            api.registry  # noqa: B018 - the broken file changes nothing
            assert (await api.get("/readyz", token="")).status == 200


async def eventually(api: ApiEnv, path: str, status: int) -> bool:
    async with asyncio.timeout(10):
        while (await api.get(path, token="")).status != status:  # noqa: ASYNC110 - files are looked at now and then
            await asyncio.sleep(0.1)
    return True


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"issuer": {"url": "http://x", "audiences": ["a"]}}, "URL scheme must be https"),
        ({"issuer": {"url": "https://x"}}, "at least one jwt[0].issuer.audiences is required"),
        ({"claimMappings": {"username": {"claim": "sub"}}}, "prefix is required when claim is set"),
        ({"claimMappings": {"username": {"expression": "claims."}}}, "compilation failed"),
        ({"claimMappings": {"username": {"expression": "claims.email"}}}, "claims.email_verified must be used"),
        ({"unknown": 1}, "unknown"),
    ],
)
async def test_a_wrong_configuration_is_refused_at_start(change: dict[str, Any], text: str, tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("")
    file = configuration(tmp_path, "https://x", str(tmp_path / "ca"), entry=change)
    with pytest.raises(ValueError, match="(?s)" + text.replace("[", r"\[")):
        async with api_server(authentication_config=file):
            pass
