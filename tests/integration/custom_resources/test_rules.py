"""CustomResourceValidationRules: rules in CEL, when a definition is created and when an object is written."""

from __future__ import annotations

from typing import Any

from tests.apienv import api_server
from tests.integration.custom_resources.definitions import CRDS, custom, definition, established, path, version

INTEGER = {"type": "integer"}


def _crd(rules: list[dict[str, Any]], **properties: Any) -> dict[str, Any]:
    found = properties or {"x": INTEGER, "y": INTEGER}
    spec = {"type": "object", "properties": found, "x-kubernetes-validations": rules}
    return definition(versions=[version(schema={"type": "object", "properties": {"spec": spec}})])


async def _refusal(rules: list[dict[str, Any]], spec: dict[str, Any]) -> str:
    async with api_server() as api:
        await established(api, _crd(rules))
        reply = await api.post(path(), custom("one", spec=spec))
        assert reply.status == 422, reply.body
        return str(reply.json()["message"])


async def test_must_not_fail_validation_for_create_of_a_custom_resource_that_satisfies_the_rules() -> None:
    async with api_server() as api:
        await established(api, _crd([{"rule": "self.x + self.y > 0"}]))
        assert (await api.post(path(), custom("one", spec={"x": 1, "y": 0}))).status == 201


async def test_must_fail_validation_for_create_of_a_custom_resource_that_does_not_satisfy_the_rules() -> None:
    message = await _refusal([{"rule": "self.x + self.y > 0"}], {"x": -1, "y": 0})
    assert message == (
        'CronTab.stable.example.com "one" is invalid: spec: Invalid value: "object": failed rule: self.x + self.y > 0'
    )


async def test_messages_reasons_and_field_paths_are_those_of_the_rule() -> None:
    rules = [
        {"rule": "self.x > 0", "message": "x is small", "reason": "FieldValueForbidden", "fieldPath": ".x"},
        {"rule": "self.y > 0", "messageExpression": "'y is ' + (self.x < self.y ? 'large' : 'small')"},
    ]
    message = await _refusal(rules, {"x": 0, "y": 0})
    assert message.endswith('[spec.x: Forbidden: x is small, spec: Invalid value: "object": y is small]')


async def test_must_fail_create_of_a_custom_resource_definition_with_rules_that_do_not_compile() -> None:
    async with api_server() as api:
        reply = await api.post(CRDS, _crd([{"rule": "self.z > 0"}]))
        assert reply.status == 422
        cause = reply.json()["details"]["causes"][0]
        place = "spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule"
        assert cause["field"] == place
        assert "compilation failed: ERROR: <input>:1:5: undefined field 'z'" in cause["message"]


async def test_must_fail_create_of_a_definition_with_a_message_expression_that_is_no_text() -> None:
    async with api_server() as api:
        reply = await api.post(CRDS, _crd([{"rule": "self.x > 0", "messageExpression": "self.x"}]))
        assert reply.status == 422
        assert "messageExpression must evaluate to a string" in reply.json()["message"]


async def test_must_fail_update_of_a_custom_resource_that_does_not_satisfy_a_transition_rule() -> None:
    async with api_server() as api:
        await established(api, _crd([{"rule": "self.x >= oldSelf.x", "message": "x may only grow"}]))
        assert (await api.post(path(), custom("one", spec={"x": 5}))).status == 201
        assert (await api.patch(path(name="one"), {"spec": {"x": 6}})).status == 200
        reply = await api.patch(path(name="one"), {"spec": {"x": 4}})
        assert reply.status == 422
        assert reply.json()["details"]["causes"][0]["message"] == 'Invalid value: "object": x may only grow'


async def test_an_optional_old_value_is_there_from_the_first_write_on() -> None:
    async with api_server() as api:
        rule = {"rule": "oldSelf.hasValue() || self.x == 0", "optionalOldSelf": True, "message": "start with 0"}
        await established(api, _crd([rule]))
        assert (await api.post(path(), custom("one", spec={"x": 1}))).status == 422
        assert (await api.post(path(), custom("one", spec={"x": 0}))).status == 201
        assert (await api.patch(path(name="one"), {"spec": {"x": 4}})).status == 200


async def test_old_values_cannot_be_compared_where_they_cannot_be_found() -> None:
    async with api_server() as api:
        items = {
            "type": "object",
            "properties": {"a": INTEGER},
            "x-kubernetes-validations": [{"rule": "self.a > oldSelf.a"}],
        }
        reply = await api.post(CRDS, _crd([], x={"type": "array", "maxItems": 3, "items": items}))
        assert reply.status == 422
        assert "oldSelf cannot be used on the uncorrelatable portion of the schema within" in reply.json()["message"]


async def test_a_rule_that_fails_on_what_did_not_change_is_tolerated() -> None:
    async with api_server() as api:
        await established(api, _crd([], x={"type": "object", "properties": {"a": INTEGER}}, y=INTEGER))
        await api.post(path(), custom("one", spec={"x": {"a": 1}, "y": 1}))
        place = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/x/x-kubernetes-validations"
        patch = [{"op": "add", "path": place, "value": [{"rule": "self.a > 5"}]}]
        assert (await api.patch(f"{CRDS}/crontabs.stable.example.com", patch, "json")).status == 200
        while (await api.post(path(), custom("two", spec={"x": {"a": 1}}))).status == 201:
            await api.delete(path(name="two"))
        assert (await api.patch(path(name="one"), {"spec": {"y": 2}})).status == 200
        assert (await api.patch(path(name="one"), {"spec": {"x": {"a": 2}}})).status == 422


async def test_rules_are_not_evaluated_on_an_object_of_the_wrong_shape() -> None:
    message = await _refusal([{"rule": "self.x > 0"}], {"x": "a"})
    assert "some validation rules were not checked because the object was invalid" in message


LIBRARIES = {
    "quantity": ("quantity(self).isGreaterThan(quantity('1Gi'))", "1500Mi", "1G"),
    "url": ("isURL(self) && url(self).getHostname() == 'example.com'", "https://example.com:80/a", "https://b.com"),
    "ip": ("isIP(self) && ip(self).family() == 4 && !ip(self).isLoopback()", "10.0.0.1", "127.0.0.1"),
    "cidr": ("isCIDR(self) && cidr(self).containsIP('10.1.2.3')", "10.0.0.0/8", "192.168.0.0/16"),
    "regex": ("self.find('[0-9]+') == '12' && self.findAll('[a-z]+').size() == 2", "ab12cd", "12"),
    "lists": ("[self.size(), 3].isSorted() && [1, self.size()].sum() == 3 && [2, 1].indexOf(1) == 1", "ab", "abcd"),
    "format": ("!format.dns1123Label().validate(self).hasValue()", "a-name", "No Name"),
    "semver": ("isSemver(self) && semver(self).isGreaterThan(semver('1.2.3'))", "1.10.0", "1.2.3"),
    "strings": ("'%s-%s'.format([self.lowerAscii(), string(self.size())]) == 'abc-3'", "ABC", "ABCD"),
    "sets": ("sets.contains(['a', 'b'], self.split(','))", "b,a", "a,c"),
    "optionals": ("optional.of(self).optMap(x, x.startsWith('a')).orValue(false)", "ab", "b"),
}


async def test_rules_have_the_libraries_of_kubernetes() -> None:
    def text(rule: str) -> dict[str, Any]:
        return {"type": "string", "maxLength": 64, "x-kubernetes-validations": [{"rule": rule}]}

    async with api_server() as api:
        fields = {name: text(rule) for name, (rule, _, _) in LIBRARIES.items()}
        spec = {"type": "object", "properties": fields}
        schema = {"type": "object", "properties": {"spec": spec}}
        await established(api, definition(versions=[version(schema=schema)]))
        for name, (rule, right, wrong) in LIBRARIES.items():
            good = await api.post(path(), custom(f"good-{name}", spec={name: right}))
            assert good.status == 201, f"{name}: {good.body.decode()}"
            bad = await api.post(path(), custom(f"bad-{name}", spec={name: wrong}))
            assert (bad.status, f"spec.{name}" in bad.body.decode(), rule[:10] in bad.body.decode()) == (
                422,
                True,
                True,
            )
