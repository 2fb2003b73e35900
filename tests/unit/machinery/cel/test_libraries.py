"""The libraries Kubernetes adds. Every line of the tables without an error is true."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.machinery.cel import Environment, EvaluationError, libraries, mutation, types
from kubelite.machinery.cel.functions_authorizer import Answer, Authorizer, Check, Decisions, ResourceCheck, Undecided
from tests.unit.machinery.cel.tables import error_table, outcome, table


@table(
    r"""
    'hello'.charAt(1) == 'e' && 'hello'.charAt(5) == ''
    'hello'.indexOf('l') == 2 && 'hello'.indexOf('l', 3) == 3 && 'hello'.indexOf('x') == -1 && 'a'.indexOf('', 1) == 1
    'hello'.lastIndexOf('l') == 3 && 'hello'.lastIndexOf('l', 2) == 2 && 'hello'.lastIndexOf('x') == -1
    ['a', 'b'].join() == 'ab' && ['a', 'b'].join('-') == 'a-b' && [].join('x') == ''
    'TÄXt'.lowerAscii() == 'tÄxt' && 'täxt'.upperAscii() == 'TäXT'
    'hello'.replace('l', 'L') == 'heLLo' && 'hello'.replace('l', 'L', 1) == 'heLlo' && 'ab'.replace('', '-') == '-a-b-'
    'hello'.replace('l', 'L', 0) == 'hello' && 'hello'.replace('l', 'L', -1) == 'heLLo'
    'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'a,b'.split(',', 0) == []
    'abc'.split('') == ['a', 'b', 'c'] && 'abc'.split('', 2) == ['a', 'bc'] && 'a,b'.split(',', -1) == ['a', 'b']
    'tacocat'.substring(4) == 'cat' && 'tacocat'.substring(0, 4) == 'taco' && 'ä€b'.substring(1, 2) == '€'
    '  trim\n'.trim() == 'trim' && 'abc'.reverse() == 'cba'
    strings.quote('a"b\n') == r'"a\"b\n"'
    '%s %d %%'.format([dyn('a'), 3]) == 'a 3 %' && '%.2f'.format([1.005]) == '1.00' && '%f'.format([1]) == '1.000000'
    '%s'.format([[1, 2]]) == '[1, 2]' && '%s'.format([{'b': 1, 'a': 2}]) == '{a: 2, b: 1}'
    '%s'.format([null]) == 'null'
    '%x %X %o %b'.format([255, 255, 8, 5]) == 'ff FF 10 101' && '%x'.format(['hi']) == '6869'
    '%b'.format([true]) == '1'
    '%e'.format([1052.032911275]) == '1.052033e+03' && '%s'.format([1.5]) == '1.5' && '%s'.format([true]) == 'true'
    '%s'.format([duration('1h')]) == '3600s' && '%s'.format([timestamp(0)]) == '1970-01-01T00:00:00Z'
    '%s'.format([int]) == 'int'
    'abc 123 4'.find('[0-9]+') == '123' && 'abc'.find('[0-9]') == ''
    'a1b22'.findAll('[0-9]+') == ['1', '22'] && 'a1b2'.findAll('[0-9]', 1) == ['1'] && 'a'.findAll('b') == []
    """
)
def test_strings(text: str) -> None:
    assert outcome(text) is True


@error_table(
    """
    'a'.charAt(2) => index out of range: 2
    'a'.substring(2) => index out of range: 2
    'abc'.substring(2, 1) => invalid substring range. start: 2, end: 1
    'abc'.substring(0, 9) => index out of range: 9
    'a'.indexOf('a', -1) => index out of range: -1
    '%d'.format(['a']) => error during formatting: decimal clause can only be used on integers, was given string
    '%s'.format([]) => index 0 out of range
    '%y'.format([1]) => could not parse formatting clause: unrecognized formatting clause "y"
    '%'.format([1]) => error during formatting: unexpected end of string
    [1, 2].join('a') => found no matching overload
    """
)
def test_strings_fail(text: str, error: str) -> None:
    assert error in outcome(text)


@table(
    """
    [1, 2, 2].isSorted() && ![2, 1].isSorted() && ['a', 'b'].isSorted() && [].isSorted()
    [1, 2].sum() == 3 && [1.5, 1.5].sum() == 3.0 && [1u, 2u].sum() == 3u
    [duration('1h'), duration('1m')].sum() == duration('61m')
    [].sum() == 0 && [3, 1, 2].min() == 1 && ['b', 'a'].max() == 'b'
    [timestamp(1), timestamp(2)].max() == timestamp(2)
    [1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2 && [1].indexOf(3) == -1
    [1, 2, 3].slice(1, 2) == [2] && [1, 2].slice(0, 0) == [] && [[1], [2, 3]].flatten() == [1, 2, 3]
    [[[1]], [[2]]].flatten(2) == [1, 2] && [3, 1, 2].sort() == [1, 2, 3] && [1, 2, 1].distinct() == [1, 2]
    [{'a': 2}, {'a': 1}].sortBy(x, x.a) == [{'a': 1}, {'a': 2}] && lists.range(3) == [0, 1, 2]
    [1, 2].reverse() == [2, 1]
    [dyn(1), 1.0, {'a': [1]}].distinct().size() == 2
    [1, 2].first().value() == 1 && [1, 2].last().value() == 2 && !l.filter(x, false).first().hasValue()
    sets.contains([1, 2], [2]) && sets.contains([1], []) && !sets.contains([1], [2])
    sets.equivalent([1, 2], [2, 1, 1]) && !sets.equivalent([1], [1, 2]) && sets.intersects([1, 2], [2, 3])
    !sets.intersects([1], [2]) && !sets.intersects([], [1])
    optional.of(1).hasValue() && !optional.none().hasValue() && optional.of(1).value() == 1
    !optional.ofNonZeroValue('').hasValue() && optional.ofNonZeroValue(1).hasValue()
    optional.none().orValue(1) == 1 && optional.of(2).orValue(1) == 2 && optional.of(2).orValue(1 / 0) == 2
    optional.none().or(optional.of(1)).value() == 1 && optional.of(1).or(optional.of(2)) == optional.of(1)
    {'a': 1}.?a.value() == 1 && !{'a': 1}.?b.hasValue() && {'a': {'b': 1}}.?a.b.orValue(0) == 1
    {'a': {'b': 1}}.?x.b.orValue(0) == 0
    [1][?0].value() == 1 && ![1][?1].hasValue() && {'a': 1}[?'a'].value() == 1 && optional.of([1])[0].value() == 1
    d.?map.?k.orValue('') == 'v' && d.?gone.?k.orValue('x') == 'x' && has(d.?map.k) && !has(d.?gone.k)
    optional.of(1).optMap(x, x + 1).value() == 2 && !optional.none().optMap(x, x).hasValue()
    optional.of(1).optFlatMap(x, optional.none()) == optional.none()
    optional.of([1]).optFlatMap(x, x.first()).value() == 1
    [?optional.of(1), ?optional.none(), 2] == [1, 2] && {?'a': optional.none(), 'b': 1} == {'b': 1}
    optional.none() == optional.none() && optional.of(1) != optional.of(2) && optional.of(1) != optional.none()
    [optional.of(1), optional.none()].unwrapOpt() == [1] && optional.unwrap([optional.of(2)]) == [2]
    """
)
def test_lists_sets_and_optionals(text: str) -> None:
    assert outcome(text) is True


@error_table(
    """
    [].min() => min called on empty list
    l.filter(x, false).max() => max called on empty list
    [9223372036854775807, 1].sum() => integer overflow
    optional.none().value() => optional.none() dereference
    [1].slice(0, 2) => cannot slice(0, 2), list is length 1
    lists.range(100000000) => lists.range size 100000000 exceeds the limit of 1000000
    d.list.sort() => no such overload
    d.list.sum() => no such overload
    """
)
def test_lists_fail(text: str, error: str) -> None:
    assert outcome(text) == f"EvaluationError: {error}"


@table(
    """
    isQuantity('1.5Gi') && isQuantity('-3') && !isQuantity('x') && !isQuantity('')
    quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('1').isLessThan(quantity('1k'))
    quantity('1k') == quantity('1000')
    quantity('1').compareTo(quantity('2')) == -1 && quantity('2').compareTo(quantity('2')) == 0
    quantity('3').compareTo(quantity('2')) == 1
    quantity('50k').add(20) == quantity('50020') && quantity('50k').sub(quantity('20k')) == quantity('30k')
    quantity('50k').sub(50000).sign() == 0 && quantity('-1').sign() == -1 && quantity('1').sign() == 1
    quantity('50k').isInteger() && !quantity('50m').isInteger() && quantity('50k').asInteger() == 50000
    quantity('50m').asApproximateFloat() == 0.05 && type(quantity('1')) == kubernetes.Quantity
    isSemver('1.2.3') && !isSemver('1.2') && isSemver('1.2', true) && isSemver('v1', true) && !isSemver('v1.0.0')
    semver('1.2.3-a+b').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3
    semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-alpha').isLessThan(semver('1.0.0'))
    semver('1.0.0-alpha.1').isLessThan(semver('1.0.0-alpha.beta')) && semver('1.0.0-2').isLessThan(semver('1.0.0-10'))
    semver('v01.1', true) == semver('1.1.0') && semver('1.0.0').compareTo(semver('1.0.0')) == 0
    isURL('https://a.b/c') && isURL('/path') && !isURL('a.b/c') && !isURL('') && !isURL('https://a:b:c/')
    url('https://u:p@example.com:80/p a?k=1&k=2#f').getScheme() == 'https'
    url('https://u:p@example.com:80/').getHost() == 'example.com:80' && url('https://[::1]:80/').getHostname() == '::1'
    url('https://example.com:80/').getHostname() == 'example.com' && url('https://example.com:80/').getPort() == '80'
    url('https://example.com/with space').getEscapedPath() == '/with%20space' && url('/a').getHost() == ''
    url('https://a/?k1=a&k2=b&k2=c').getQuery() == {'k1': ['a'], 'k2': ['b', 'c']}
    url('https://a/') == url('https://a/') && url('https://a/') != url('https://b/')
    isIP('127.0.0.1') && isIP('::1') && !isIP('1.2.3') && !isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0')
    !isIP('01.2.3.4')
    ip('127.0.0.1').family() == 4 && ip('::1').family() == 6 && ip('::1').isLoopback() && ip('0.0.0.0').isUnspecified()
    ip('224.0.0.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast()
    ip('169.254.1.1').isLinkLocalUnicast()
    ip('8.8.8.8').isGlobalUnicast() && ip('10.0.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast()
    ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD') && string(ip('2001:DB8::1')) == '2001:db8::1'
    ip('2001:db8::1') == ip('2001:DB8:0::1') && type(ip('::1')) == net.IP
    isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0/33') && !isCIDR('10.0.0.0') && !isCIDR('10.0.0.0/08') && isCIDR('::/0')
    cidr('10.0.0.0/8').containsIP('10.1.1.1') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))
    !cidr('10.0.0.0/8').containsIP('::1')
    cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.0.0.0/16').containsCIDR(cidr('10.0.0.0/8'))
    cidr('10.1.2.3/24').ip() == ip('10.1.2.3') && cidr('10.1.2.3/24').masked() == cidr('10.1.2.0/24')
    cidr('10.1.2.3/24').prefixLength() == 24 && string(cidr('10.1.2.3/24')) == '10.1.2.3/24'
    !format.dns1123Label().validate('my-name').hasValue() && format.dns1123Label().validate('My').hasValue()
    !format.dns1123LabelPrefix().validate('my-').hasValue() && format.dns1123Label().validate('my-').hasValue()
    format.named('uuid').hasValue() && !format.named('other').hasValue()
    format.dns1035Label().validate('1a').hasValue()
    !format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue() && format.uuid().validate('1').hasValue()
    !format.date().validate('2021-01-01').hasValue() && format.date().validate('2021-13-01').hasValue()
    !format.datetime().validate('2021-01-01T00:00:00Z').hasValue() && format.datetime().validate('x').hasValue()
    !format.byte().validate('aGVsbG8=').hasValue() && format.byte().validate('*').hasValue()
    format.uri().validate('x').hasValue()
    !format.qualifiedName().validate('a.b/c').hasValue() && format.labelValue().validate('a b').hasValue()
    format.uri().validate(s) != optional.none() && format.dns1123Subdomain() == format.named('dns1123Subdomain').value()
    """
)
def test_kubernetes_libraries(text: str) -> None:
    assert outcome(text) is True


@error_table(
    """
    quantity(s) => unable to parse quantity's suffix
    quantity('0.5').asInteger() => cannot convert value to integer
    semver(s) => Invalid character(s) found
    url(s) => URL parse error during conversion from string: parse "abc": invalid URI for request
    ip(s) => IP Address "abc" parse error during conversion from string: ParseAddr("abc"): unable to parse IP
    ip('::ffff:1.2.3.4') => IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed
    cidr(s) => network address parse error during conversion from string: netip.ParsePrefix("abc")
    """
)
def test_kubernetes_libraries_fail(text: str, error: str) -> None:
    assert error in outcome(text) or "quantities must match" in outcome(text)


YES = Answer(True, "ok")


def asked(text: str, answer: Answer = YES) -> tuple[Any, list[Check]]:
    """The value of an expression and what it asks the authorizer."""
    checks: list[Check] = []

    def decide(check: Check) -> Answer:
        checks.append(check)
        return answer

    environment = Environment({"authorizer": types.opaque(Authorizer.type_name)})
    return outcome(text, environment, {"authorizer": Authorizer(decide)}), checks


def test_the_authorizer_is_asked_for_resources_and_paths() -> None:
    whole = "authorizer.group('apps').resource('deployments').subresource('scale').namespace('n').name('d')"
    text = f"{whole}.fieldSelector('a=b').labelSelector('c=d').check('get').allowed()"
    check = Check("get", "", "apps", "deployments", "scale", "n", "d", "a=b", "c=d")
    assert asked(text) == (True, [check])
    assert asked("authorizer.path('/healthz').check('get').reason()") == ("ok", [Check("get", "/healthz")])
    text = "authorizer.serviceAccount('n', 'sa').group('').resource('pods').check('list').allowed()"
    assert asked(text) == (True, [Check("list", resource="pods", service_account=("n", "sa"))])


def test_an_error_of_the_authorizer_is_no_error_of_the_expression() -> None:
    failed = Answer(False, error="down")
    assert asked("authorizer.path('/x').check('get').errored()", failed)[0] is True
    assert asked("authorizer.path('/x').check('get').error()", failed)[0] == "down"
    assert asked("authorizer.path('/x').check('get').allowed()", failed)[0] is False


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("authorizer.path(' ').check('get').allowed()", "path must not be empty"),
        ("authorizer.group('').resource('').check('get').allowed()", "resource must not be empty"),
        ("authorizer.serviceAccount('n', 'A*').path('/').check('get').allowed()", "Invalid service account name"),
        ("authorizer.serviceAccount('a.b', 'a').path('/').check('get').allowed()", "Invalid service account namespace"),
    ],
)
def test_the_authorizer_refuses_what_cannot_be(text: str, error: str) -> None:
    assert asked(text) == (f"EvaluationError: {error}", [])


def test_an_evaluation_may_ask_for_two_decisions() -> None:
    one = "authorizer.path('/x').check('get').allowed()"
    assert asked(f"{one} && {one}")[0] is True
    assert asked(f"{one} && {one} && {one}")[0] == "CostExceeded: operation cancelled: actual cost limit exceeded"


def test_a_decision_that_takes_time_is_found_outside() -> None:
    environment = Environment({"check": types.opaque(ResourceCheck.type_name)})
    program = environment.compile("check.check('get').allowed() || false")
    decisions = Decisions()
    variables = {"check": ResourceCheck(decisions, Check(resource="pods"))}
    with pytest.raises(Undecided) as caught:
        program.evaluate(variables)
    decisions.known[caught.value.check] = Answer(True)
    assert caught.value.check == Check("get", resource="pods")
    assert program.evaluate(variables) is True


MUTATION = Environment({"object": types.DYN}, libraries.MUTATION, mutation.structs())


def mutated(text: str) -> Any:
    return mutation.to_json(MUTATION.compile(text).evaluate({"object": {"spec": {"replicas": 2}}}))


def test_apply_configurations_and_patches_become_json() -> None:
    text = (
        "Object{spec: Object.spec{replicas: object.spec.replicas + 1, at: timestamp(0), l: [Object.spec.l{n: b'x'}]}}"
    )
    assert mutated(text) == {"spec": {"replicas": 3, "at": "1970-01-01T00:00:00Z", "l": [{"n": "eA=="}]}}
    text = "[JSONPatch{op: 'add', path: '/a/' + jsonpatch.escapeKey('x/y~z'), value: {'k': 1u}}]"
    assert mutated(text) == [{"op": "add", "path": "/a/x~1y~0z", "value": {"k": 1}}]
    assert mutated("Object{?spec: optional.none()}") == {}


def test_a_message_in_the_wrong_place_is_refused() -> None:
    with pytest.raises(EvaluationError, match=r'unexpected type name "Object\.status", expected "Object\.spec"'):
        mutated("Object{spec: Object.status{}}")
    assert "expected type of field 'op' is 'string' but provided type is 'int'" in outcome("JSONPatch{op: 1}", MUTATION)
    assert "undefined field 'x'" in outcome("JSONPatch{x: 1}", MUTATION)
    assert "undeclared reference to 'Other' (in container '')" in outcome("Other{x: 1}", MUTATION)


def test_bindings_are_only_where_devices_are_selected() -> None:
    assert outcome("cel.bind(x, 1, x + 1)", Environment({}, libraries.DEVICES)) == 2
    assert "undeclared reference to" in outcome("cel.bind(x, 1, 2)", Environment({}))
    assert "undeclared reference to" in outcome("jsonpatch.escapeKey('')", Environment({}))
