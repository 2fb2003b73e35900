"""The standard library: operators, conversions, macros, absorbed errors. Every line of the first tables is true."""

from __future__ import annotations

import pytest

from kubelite.machinery.cel import EvaluationError
from tests.unit.machinery.cel.tables import DATA, ENV, error_table, outcome, table


@table(
    r"""
    1 + 2 == 3 && 1u + 2u == 3u && 1.5 + 1.5 == 3.0
    7 / 2 == 3 && -7 / 2 == -3 && 7 / -2 == -3 && -7 / -2 == 3
    7 % 3 == 1 && -7 % 3 == -1 && 7 % -3 == 1
    7u / 2u == 3u && 7u % 4u == 3u
    1.0 / 0.0 == double('inf') && -1.0 / 0.0 == double('-inf')
    double('nan') != double('nan') && !(0.0 / 0.0 == 0.0 / 0.0)
    'a' + 'b' == 'ab' && b'a' + b'b' == b'ab' && [1] + [2] == [1, 2]
    dyn(1) == 1u && dyn(1) == 1.0 && dyn(1u) == 1.0
    dyn(1) != 1.5 && dyn(1) != '1' && dyn(1) != true && dyn(true) != 1
    dyn([1, 2]) == [1.0, 2.0] && dyn({'a': 1}) == {'a': 1u}
    1 < 1.5 && 1u < 2 && 1.5 < 2u && 2 > 1u && 1 <= 1.0 && 1 >= 1u
    -1 < 1u && 9223372036854775807 < 9223372036854775808u
    9223372036854775807 < 9223372036854775808.0
    'a' < 'b' && b'a' < b'b' && false < true && !(true < true)
    'a' <= 'a' && 'b' >= 'a' && 'ä' > 'z'
    null == null && dyn(null) != 0 && !(dyn(null) == false)
    [[{'a': 1}], [{'b': 2}]] == [[{'a': 1}], [{'b': 2}]]
    [] == [] && {} == {} && [1] != [2] && {'a': 1} != {'a': 2} && {'a': 1} != {'b': 1}
    1 in [1, 2] && !(3 in [1, 2]) && dyn(1.0) in [1, 2]
    'a' in {'a': 1} && !('b' in {'a': 1})
    !(dyn(true) in [dyn(1)]) && !(dyn(true) in {1: 2}) && !(dyn(1) in {true: 2})
    [1, 2, 3][1] == 2 && {'a': 1}['a'] == 1 && {'a': 1}.a == 1 && {1: 2}[dyn(1u)] == 2
    true && true && !(true && false) && (false || true) && !(false || false)
    size('äö') == 2 && 'äö'.size() == 2 && size(b'\303\244') == 2 && size([1, 2]) == 2 && size({1: 2}) == 1
    'abc'.contains('b') && 'abc'.startsWith('a') && 'abc'.endsWith('c') && !'abc'.contains('d')
    'abc'.matches('b') && matches('abc', '^a.c$') && !'abc'.matches('^b')
    'ab\n'.matches('(?s)^ab.$') && 'é'.matches('^\\pL$')
    int('-12') == -12 && int(1.9) == 1 && int(-1.9) == -1 && int(3u) == 3
    uint('12') == 12u && uint(1.9) == 1u && uint(3) == 3u
    double('1.5') == 1.5 && double(2) == 2.0 && double(2u) == 2.0
    string(12) == '12' && string(12u) == '12' && string(true) == 'true' && string('a') == 'a'
    string(1.5) == '1.5' && string(1.0) == '1' && string(1000000.0) == '1e+06' && string(123456.0) == '123456'
    string(0.0001) == '0.0001' && string(0.00001) == '1e-05' && string(-0.0) == '-0' && string(1.5e30) == '1.5e+30'
    string(double('inf')) == '+Inf' && string(double('nan')) == 'NaN'
    string(b'\303\244') == 'ä' && bytes('ä') == b'\303\244'
    bool('true') && bool('1') && bool('t') && !bool('false') && !bool('F')
    type(1) == int && type(1u) == uint && type(1.0) == double && type('') == string && type(b'') == bytes
    type(true) == bool && type(null) == null_type && type([]) == list && type({}) == map && type(int) == type
    type(duration('1s')) == google.protobuf.Duration && type(timestamp(0)) == google.protobuf.Timestamp
    [1, 2].all(x, x > 0) && ![1, 2].all(x, x > 1) && [].all(x, false)
    [1, 2].exists(x, x > 1) && ![1, 2].exists(x, x > 2) && ![].exists(x, true)
    [1, 2].exists_one(x, x > 1) && ![2, 3].exists_one(x, x > 1) && [1, 2].existsOne(x, x > 1)
    [1, 2].map(x, x * 2) == [2, 4] && [1, 2, 3].map(x, x > 1, x * 2) == [4, 6]
    [1, 2, 3].filter(x, x != 2) == [1, 3]
    {'a': 1, 'b': 2}.all(k, k < 'c') && {'a': 1}.map(k, k) == ['a'] && {'a': 1, 'b': 2}.filter(k, k == 'b') == ['b']
    [1, 2].all(i, v, v == i + 1) && {'a': 1}.all(k, v, k == 'a' && v == 1)
    [1, 2].exists(i, v, i == 1 && v == 2) && [1, 1].exists_one(i, v, i == 0) && [1, 1].existsOne(i, v, i == 0)
    [3, 4].transformList(i, v, i + v) == [3, 5] && [3, 4].transformList(i, v, i > 0, v) == [4]
    {'a': 1}.transformList(k, v, k) == ['a'] && {'a': 1}.transformMap(k, v, v + 1) == {'a': 2}
    [3, 4].transformMap(i, v, i > 0, v) == {1: 4}
    {'a': 'b'}.transformMapEntry(k, v, {v: k}) == {'b': 'a'} && ['x'].transformMapEntry(i, v, {v: i}) == {'x': 0}
    [[1, 2], [3]].all(x, x.all(y, y > 0)) && [[1], [2]].map(x, x.map(x, x + 1)) == [[2], [3]]
    [1].all(x, [2].all(x, x == 2) && x == 1)
    has({'a': 1}.a) && !has({'a': 1}.b) && has(d.n) && !has(d.x) && has(d.none)
    d.n + 1 == 2 && d.t + '!' == 'text!' && d.list[1] == 2 && d.map.k == 'v' && d.none == null
    d.list.exists(x, x == '3') && d.list.exists(x, x == true) && d.list.size() == 5
    true || 1 / 0 == 1
    1 / 0 == 1 || true
    !(false && 1 / 0 == 1)
    !(1 / 0 == 1 && false)
    (d.missing == 1 && d.n == 1 || true) && (true || d.missing || d.gone)
    [0, 1].exists(x, 1 / x == 1) && ![0, 2].all(x, 1 / x == 1)
    true ? true : 1 / 0 == 1
    (1 == 1 ? 'a' : 'b') == 'a'
    """
)
def test_it_is_true(text: str) -> None:
    assert outcome(text) is True


@error_table(
    r"""
    9223372036854775807 + 1 => integer overflow
    -9223372036854775808 - 1 => integer overflow
    9223372036854775807 * 2 => integer overflow
    -(-9223372036854775808) => integer overflow
    -9223372036854775808 / -1 => integer overflow
    0u - 1u => unsigned integer overflow
    18446744073709551615u + 1u => unsigned integer overflow
    1 / 0 => division by zero
    1 % 0 => modulus by zero
    1u / 0u => division by zero
    int(9223372036854775808.0) => integer overflow
    int(double('nan')) => integer overflow
    int(18446744073709551615u) => integer overflow
    uint(-1) => unsigned integer overflow
    uint(-1.0) => unsigned integer overflow
    [1][1] => index out of bounds: 1
    [1][-1] => index out of bounds: -1
    {'a': 1}['b'] => no such key: b
    {'a': 1}.b => no such key: b
    d.x => no such key: x
    d.n.x => no such overload
    d.none.x => no such overload
    d.n + 'a' => no such overload
    d.t && true => no such overload
    !d.t => no such overload
    d.n.startsWith('a') => no such overload
    d.n.all(x, true) => no such overload
    d.t ? 1 : 2 => no such overload
    has(d.n.x) => no such overload
    [1, 0].all(x, 1 / x > 0) => division by zero
    [0].exists_one(x, 1 / x > 0) => division by zero
    string(b'\377') => invalid UTF-8 in bytes, cannot convert to string
    bool('yes') => type conversion error from 'yes' to 'bool'
    'a'.matches(s + '(') => error parsing regexp: missing ): abc(
    {'a': 1, 'a': 2} => Failed with repeated key: a
    """
)
def test_it_fails(text: str, error: str) -> None:
    assert outcome(text) == f"EvaluationError: {error}"


@pytest.mark.parametrize("text", [r"(a)\1", "(?=a)", "(?<!a)b", "(", "a{2000}"])
def test_a_pattern_that_would_not_run_in_linear_time_is_refused(text: str) -> None:
    data = {**DATA, "s": text}
    with pytest.raises(EvaluationError, match="error parsing regexp"):
        ENV.compile("'a'.matches(s)").evaluate(data)
    assert "invalid matches argument" in outcome(f"'a'.matches(r'{text}')")


@table(
    """
    duration('1h') + duration('30m') == duration('90m') && duration('1h') - duration('90m') == duration('-30m')
    duration('1h1m1.5s').getHours() == 1 && duration('90m').getMinutes() == 90 && duration('1h').getSeconds() == 3600
    duration('1.234s').getMilliseconds() == 1234 && duration('-90s').getMinutes() == -1
    string(duration('1h1.5s')) == '3601.5s' && string(duration('-1ms')) == '-0.001s' && string(duration('0')) == '0s'
    duration('1us') < duration('1ms') && duration('100ns') + duration('900ns') == duration('1us')
    timestamp('2023-02-03T23:31:20.5Z') + duration('500ms') == timestamp('2023-02-03T23:31:21Z')
    timestamp('2023-01-01T00:00:00+01:00') == timestamp('2022-12-31T23:00:00Z')
    timestamp('2023-01-02T00:00:00Z') - timestamp('2023-01-01T00:00:00Z') == duration('24h')
    timestamp('2023-01-01T00:00:00Z') - duration('1s') < timestamp('2023-01-01T00:00:00Z')
    timestamp(1) == timestamp('1970-01-01T00:00:01Z') && int(timestamp('1970-01-01T00:01:00Z')) == 60
    string(timestamp('2023-02-03T23:31:20.120Z')) == '2023-02-03T23:31:20.12Z'
    string(timestamp('0001-01-01T00:00:00Z')) == '0001-01-01T00:00:00Z'
    timestamp('2023-02-05T03:04:05.678Z').getFullYear() == 2023 && timestamp('2023-02-05T03:04:05Z').getMonth() == 1
    timestamp('2023-02-05T03:04:05Z').getDate() == 5 && timestamp('2023-02-05T03:04:05Z').getDayOfMonth() == 4
    timestamp('2023-02-05T03:04:05Z').getDayOfWeek() == 0 && timestamp('2023-02-05T03:04:05Z').getDayOfYear() == 35
    timestamp('2023-02-05T03:04:05.678Z').getHours() == 3 && timestamp('2023-02-05T03:04:05.678Z').getMinutes() == 4
    timestamp('2023-02-05T03:04:05.678Z').getSeconds() == 5
    timestamp('2023-02-05T03:04:05.678Z').getMilliseconds() == 678
    timestamp('2023-07-01T23:00:00Z').getHours('Europe/Berlin') == 1
    timestamp('2023-07-01T23:00:00Z').getDate('Europe/Berlin') == 2
    timestamp('2023-07-01T23:00:00Z').getHours('-02:30') == 20
    timestamp('2023-07-01T23:00:00Z').getMinutes('-02:30') == 30
    timestamp('2023-07-01T23:00:00Z').getHours('+02:00') == 1
    timestamp('2023-07-01T23:00:00Z').getHours('05:00') == 4
    """
)
def test_times(text: str) -> None:
    assert outcome(text) is True


@error_table(
    """
    duration(s) => EvaluationError: time: invalid duration "abc"
    timestamp(s) => EvaluationError: cannot parse "abc" as a timestamp
    duration('x') => CompileError: ERROR: <input>:1:10: invalid duration argument
    timestamp('2023-13-01T00:00:00Z') => CompileError: ERROR: <input>:1:11: invalid timestamp argument
    timestamp('9999-12-31T23:59:59Z') + duration('1s') => EvaluationError: timestamp overflow
    timestamp('0001-01-01T00:00:00Z') - duration('1s') => EvaluationError: timestamp overflow
    timestamp(0).getHours('Mars/Base') => EvaluationError: unknown time zone Mars/Base
    timestamp(0).getHours('../../etc/passwd') => EvaluationError: unknown time zone ../../etc/passwd
    timestamp(9223372036854775807) => EvaluationError: timestamp overflow
    duration('200000h') + duration('2400000h') => EvaluationError: integer overflow
    """
)
def test_bad_times(text: str, error: str) -> None:
    assert outcome(text) == error
