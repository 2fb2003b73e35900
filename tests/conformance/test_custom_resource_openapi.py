"""CustomResourcePublishOpenAPI: what is published of custom resources, and what command lines make of it.

Every command runs with this project's command line, and with the newest real kubectl where the host has one.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import yaml

from tests import kubectls
from tests.apienv import ApiEnv
from tests.conformance.harness import eventually, good
from tests.integration.cli.conftest import Cli
from tests.integration.custom_resources.definitions import CRDS, changed, custom, definition, established, version

GROUP = "foo.example.com"
PROGRAMS = ["", *kubectls.some("1.33", "1.32")[:1]]
FOO = yaml.safe_load("""
description: Foo CRD for Testing
type: object
properties:
  spec:
    type: object
    description: Specification of Foo
    properties:
      bars:
        description: List of Bars and their specs.
        type: array
        items:
          type: object
          required: [name]
          properties:
            name: {description: Name of Bar., type: string}
            age: {description: Age of Bar., type: string}
            feeling: {description: Whether Bar is feeling great., type: string, enum: [Great, Down]}
            bazs: {description: List of Bazs., items: {type: string}, type: array}
  status:
    description: Status of Foo
    type: object
    properties:
      bars:
        description: List of Bars and their statuses.
        type: array
        items:
          type: object
          properties:
            name: {description: Name of Bar., type: string}
            available: {description: Whether the Bar is installed., type: boolean}
            quxType: {description: Indicates to external qux type., pattern: in-tree|out-of-tree, type: string}
""")
WALDO = yaml.safe_load("""
description: Waldo CRD for Testing
type: object
properties:
  spec:
    description: Specification of Waldo
    type: object
    properties:
      dummy: {description: Dummy property., type: string}
""")
OPEN = "x-kubernetes-preserve-unknown-fields"


async def publish(
    api: ApiEnv, schema: Any, *names: str, group: str = GROUP, plural: str = "foos", kind: str = "Foo"
) -> str:
    """A definition with this schema in all of the versions; its name."""
    versions = [version(name, schema, storage=index == 0) for index, name in enumerate(names)]
    await established(api, definition(plural, kind, group=group, versions=versions, names={"singular": kind.lower()}))
    return f"{plural}.{group}"


def key(name: str, kind: str = "Foo", group: str = GROUP) -> str:
    return f"{'.'.join(reversed(group.split('.')))}.{name}.{kind}"


async def published(api: ApiEnv, name: str) -> Any:
    """The definition in /openapi/v2 without what the server puts in; None if it is not there."""
    document = good(await api.get("/openapi/v2"))
    found = document["definitions"].get(name)
    if found is not None:
        found.pop("x-kubernetes-group-version-kind")
        for own in ("apiVersion", "kind", "metadata"):
            found.get("properties", {}).pop(own, None)
    return found


async def until_published(api: ApiEnv, name: str, schema: Any) -> None:
    async def same() -> bool:
        return bool(await published(api, name) == schema)

    await eventually(same)


async def command(api: ApiEnv, program: str, line: str, stdin: Any = None) -> tuple[int, str]:
    """Exit code and output of the command with a program; "" is this project's."""
    if not program:
        result = await Cli(api, api.kubeconfig())(line, stdin)
        return result.code, result.out + result.err
    flags = ("--kubeconfig", api.kubeconfig(), f"--cache-dir={api.directory / 'cache'}")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        program, *flags, *line.split(), stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate(json.dumps(stdin).encode() if stdin is not None else b"")
    return process.returncode or 0, out.decode()


async def explained(api: ApiEnv, what: str, pattern: str, expected: int = 0) -> None:
    for program in PROGRAMS:
        code, text = await command(api, program, f"explain {what}")
        assert code == expected and re.search(pattern, text, re.DOTALL), text


async def accepted(api: ApiEnv, obj: Any) -> None:
    """create and apply take the object."""
    for program in PROGRAMS:
        for verb in ("create", "apply"):
            code, text = await command(api, program, f"{verb} -n default -f -", obj)
            assert (code, text.split()[-1]) == (0, "created"), text
            code, text = await command(api, program, "delete -n default foos test-foo")
            assert code == 0 and "deleted" in text, text


async def refused(api: ApiEnv, obj: Any, pattern: str) -> None:
    """create and apply refuse the object with these words."""
    for program in PROGRAMS:
        for verb in ("create", "apply"):
            code, text = await command(api, program, f"{verb} -n default -f -", obj)
            assert code == 1 and re.search(pattern, text), text


def foo(**content: Any) -> dict[str, Any]:
    return custom("test-foo", kind="Foo", group=GROUP, **content)


async def test_customresourcepublishopenapi_works_for_crd_with_validation_schema(api: ApiEnv) -> None:
    """Objects that fit are taken, those with unknown or without required fields are not; explain shows every level.

    [sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD with validation schema
    [Conformance]
    """
    await publish(api, FOO, "v1")
    await until_published(api, key("v1"), FOO)
    await accepted(api, foo(spec={"bars": [{"name": "test-bar"}]}))
    await refused(api, foo(spec={"foo": True}), 'unknown field "(spec.)?foo"')
    missing = r'missing required field "name"|spec.bars\[0\].name: Required value'
    await refused(api, foo(spec={"bars": [{"age": "10"}]}), missing)
    await refused(api, foo(spec={"bars": [{"name": "b", "feeling": "None"}]}), 'Unsupported value: "None"')
    await explained(api, "foos", "DESCRIPTION:.*Foo CRD for Testing.*FIELDS:.*apiVersion.*<string>.*APIVersion defines")
    await explained(api, "foos", "spec.*<Object>.*Specification of Foo")
    times = "creationTimestamp.*<string>.*CreationTimestamp is a timestamp"
    await explained(api, "foos.metadata", f"DESCRIPTION:.*Standard object's metadata.*FIELDS:.*{times}")
    await explained(
        api, "foos.spec", r"Specification of Foo.*FIELDS:.*bars.*<\[\]Object>.*List of Bars and their specs"
    )
    bars = r"bars.*<\[\]Object>.*DESCRIPTION:.*List of Bars and their specs.*FIELDS:.*bazs.*<\[\]string>.*List of Bazs"
    await explained(api, "foos.spec.bars", f"{bars}.*name.*<string>.*Name of Bar")
    await explained(api, "foos.spec.bars2", 'field "bars2" does not exist', 1)


async def test_customresourcepublishopenapi_works_for_crd_without_validation_schema(api: ApiEnv) -> None:
    """A definition that leaves everything open is published as an object of which nothing is known.

    [sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD without validation schema
    [Conformance]
    """
    await publish(api, {"type": "object", OPEN: True}, "v1")
    await until_published(api, key("v1"), {"type": "object"})
    await accepted(api, foo(a={"b": [{"c": "d"}]}))
    await explained(api, "foos", "DESCRIPTION:.*<empty>")


async def test_works_for_crd_preserving_unknown_fields_at_the_schema_root(api: ApiEnv) -> None:
    """Known fields and an open root: anything is accepted, and explain shows the kind.

    [sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD preserving unknown fields at
    the schema root [Conformance]
    """
    await publish(api, {**WALDO, OPEN: True}, "v1")
    await accepted(api, foo(a={"b": [{"c": "d"}]}))
    await explained(api, "foos", "KIND:.*Foo")


async def test_works_for_crd_preserving_unknown_fields_in_an_embedded_object(api: ApiEnv) -> None:
    """An open object below a closed root: anything is accepted in it, nulls too; the root stays described.

    [sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD preserving unknown fields in
    an embedded object [Conformance]
    """
    nested = {"type": "object", "description": "Specification of Waldo", OPEN: True}
    schema = {"type": "object", "description": "preserve-unknown-properties in nested field for Testing"}
    schema["properties"] = {"spec": {**nested, "properties": {"dummy": {"type": "string"}}}}
    await publish(api, schema, "v1")
    await accepted(api, foo(spec={"a": None, "b": [{"c": "d"}]}))
    await refused(api, foo(a=1), 'unknown field "a"')
    await explained(api, "foos", "DESCRIPTION:.*preserve-unknown-properties in nested field for Testing")


async def test_customresourcepublishopenapi_works_for_multiple_crds_of_different_groups(api: ApiEnv) -> None:
    """Definitions of two groups are both published.

    [sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of different groups
    [Conformance]
    """
    await publish(api, FOO, "v1")
    await publish(api, WALDO, "v1beta1", group="waldo.example.com", plural="waldos", kind="Waldo")
    await until_published(api, key("v1beta1", "Waldo", "waldo.example.com"), WALDO)
    await until_published(api, key("v1"), FOO)


async def test_works_for_multiple_crds_of_same_group_but_different_versions(api: ApiEnv) -> None:
    """Two versions of one definition, and two definitions with different versions, are published side by side.

    [sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of same group but
    different versions [Conformance]
    """
    await publish(api, FOO, "v2", "v3")
    await publish(api, WALDO, "v5", plural="waldos", kind="Waldo")
    for name, schema in ((key("v2"), FOO), (key("v3"), FOO), (key("v5", "Waldo"), WALDO)):
        await until_published(api, name, schema)


async def test_works_for_multiple_crds_of_same_group_and_version_but_different_kinds(api: ApiEnv) -> None:
    """Two kinds of one group and version are both published.

    [sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of same group and
    version but different kinds [Conformance]
    """
    await publish(api, FOO, "v6")
    await publish(api, WALDO, "v6", plural="waldos", kind="Waldo")
    await until_published(api, key("v6", "Waldo"), WALDO)
    await until_published(api, key("v6"), FOO)


async def test_updates_the_published_spec_when_one_version_gets_renamed(api: ApiEnv) -> None:
    """A renamed version is published under its new name, the old name goes and the other version stays.

    [sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] updates the published spec when one version
    gets renamed [Conformance]
    """
    name = await publish(api, FOO, "v2", "v3")
    await until_published(api, key("v3"), FOO)
    place = "/spec/versions/1/name"
    rename = [{"op": "test", "path": place, "value": "v3"}, {"op": "replace", "path": place, "value": "v4"}]
    await changed(api, name, rename, "json")
    for version_name, schema in (("v4", FOO), ("v3", None), ("v2", FOO)):
        await until_published(api, key(version_name), schema)


async def test_removes_definition_from_spec_when_one_version_gets_changed_to_not_be_served(api: ApiEnv) -> None:
    """A version that is served no more is published no more; the other one stays.

    [sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] removes definition from spec when one
    version gets changed to not be served [Conformance]
    """
    name = await publish(api, FOO, "v5", "v6alpha1")
    await until_published(api, key("v6alpha1"), FOO)
    found = good(await api.get(f"{CRDS}/{name}"))
    found["spec"]["versions"][1]["served"] = False
    good(await api.put(f"{CRDS}/{name}", found), 200)
    await until_published(api, key("v6alpha1"), None)
    await until_published(api, key("v5"), FOO)
