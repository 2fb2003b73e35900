"""`create secret generic|tls|docker-registry`."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from kubelite.cli.command import Command
from kubelite.cli.failures import CliError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.generators import payload
from kubelite.cli.generators.base import generator, metadata, one_name
from kubelite.cli.session import Object


def _secret(name: str, type_: str, data: dict[str, bytes]) -> Object:
    obj: Object = {"kind": "Secret", "apiVersion": "v1", "metadata": metadata(name)}
    if data:
        obj["data"] = {key: base64.b64encode(data[key]).decode() for key in sorted(data)}
    return obj | ({"type": type_} if type_ else {})


def generic(parsed: Parsed) -> Object:
    return _secret(one_name(parsed), parsed.text("type"), payload.collect(parsed, "Secret"))


def _file(parsed: Parsed, flag: str) -> bytes:
    try:
        return Path(parsed.text(flag)).read_bytes()
    except OSError as error:
        raise CliError(f"open {parsed.text(flag)}: {(error.strerror or '').lower()}") from error


def tls(parsed: Parsed) -> Object:
    name = one_name(parsed)
    if not parsed.text("cert") or not parsed.text("key"):
        raise CliError("key and cert must be specified")
    certificate, key = _file(parsed, "cert"), _file(parsed, "key")
    for data in (certificate, key):
        if b"-----BEGIN" not in data:
            raise CliError(
                "tls: failed to find any PEM data in certificate input"
                if data is certificate
                else "tls: failed to find any PEM data in key input"
            )
    return _secret(name, "kubernetes.io/tls", {"tls.crt": certificate, "tls.key": key})


def docker_registry(parsed: Parsed) -> Object:
    name = one_name(parsed)
    if parsed.many("from-file"):
        data = payload.collect(parsed, "Secret")
        if ".dockerconfigjson" not in data and len(data) == 1:
            data = {".dockerconfigjson": next(iter(data.values()))}
        return _secret(name, "kubernetes.io/dockerconfigjson", data)
    user, password = parsed.text("docker-username"), parsed.text("docker-password")
    if not user or not password:
        missing = "docker-username" if not user else "docker-password"
        raise CliError(
            f"either --from-file or the combination of --docker-username, --docker-password and --docker-server "
            f"is required: {missing} is missing"
        )
    entry = {"username": user, "password": password}
    if parsed.text("docker-email"):
        entry["email"] = parsed.text("docker-email")
    entry["auth"] = base64.b64encode(f"{user}:{password}".encode()).decode()
    config = {"auths": {parsed.text("docker-server"): entry}}
    data = {".dockerconfigjson": json.dumps(config, separators=(",", ":")).encode()}
    return _secret(name, "kubernetes.io/dockerconfigjson", data)


GENERIC = generator(
    "generic",
    "Create a secret from a local file, directory, or literal value",
    "create secret generic NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1]",
    generic,
    flags=(*payload.FLAGS, Flag("type", "The type of secret to create.")),
    refused=("--append-hash",),
    examples=(("Create a secret with a key", "create secret generic my-secret --from-literal=key1=supersecret"),),
)
TLS = generator(
    "tls",
    "Create a TLS secret",
    "create secret tls NAME --cert=path/to/cert/file --key=path/to/key/file",
    tls,
    flags=(
        Flag("cert", "Path to a PEM encoded public key certificate."),
        Flag("key", "Path to the private key of the certificate."),
    ),
    refused=("--append-hash",),
    examples=(("Create a TLS secret", "create secret tls tls-secret --cert=path/to/tls.crt --key=path/to/tls.key"),),
)
DOCKER_REGISTRY = generator(
    "docker-registry",
    "Create a secret for use with a Docker registry",
    "create secret docker-registry NAME --docker-username=user --docker-password=password [--docker-server=string]",
    docker_registry,
    flags=(
        payload.FROM_FILE,
        Flag("docker-email", "Email for the registry."),
        Flag("docker-password", "Password for the registry."),
        Flag("docker-server", "Server location of the registry.", default="https://index.docker.io/v1/"),
        Flag("docker-username", "User name for the registry."),
    ),
    refused=("--append-hash",),
    examples=(
        (
            "Create a registry secret",
            "create secret docker-registry my-secret --docker-server=registry:5000 --docker-username=u --docker-password=p",
        ),
    ),
)
_HERE = "kubelite.cli.generators.secret"
COMMAND = Command(
    name="secret",
    summary="Create a secret using a specified subcommand",
    usage="create secret (docker-registry | generic | tls)",
    subcommands={
        "docker-registry": f"{_HERE}:DOCKER_REGISTRY",
        "generic": f"{_HERE}:GENERIC",
        "tls": f"{_HERE}:TLS",
    },
)
