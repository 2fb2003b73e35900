"""Go templates: what they print, and what is said of those that are wrong. The texts were compared with kubectl 1.33's."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.machinery.gotemplate import TemplateError, compile_template

DATA: dict[str, Any] = {
    "kind": "ConfigMap",
    "data": {"a": "1", "b": "two", "c": "aGVsbG8="},
    "items": [{"name": "x", "port": 80}, {"name": "y"}],
    "empty": None,
    "count": 3,
    "ratio": 1.5,
    "on": True,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{.kind}}", "ConfigMap"),
        ("{{.}}", "map[count:3 data:map[a:1 b:two c:aGVsbG8=] empty:<nil> items:[map[name:x port:80] map[name:y]] kind:ConfigMap"
         " on:true ratio:1.5]"),
        ("{{.nope}} {{.nope.deeper}} {{.empty}}", "<no value> <no value> <no value>"),
        ("{{range $k, $v := .data}}{{$k}}={{$v}};{{end}}", "a=1;b=two;c=aGVsbG8=;"),
        ("{{range .nope}}x{{else}}none{{end}}", "none"),
        ("{{range $i, $one := .items}}{{if $i}},{{end}}{{$one.name}}{{end}}", "x,y"),
        ("{{range .items}}{{if eq .name \"x\"}}{{continue}}{{end}}{{.name}}{{end}}", "y"),
        ("{{range .items}}{{.name}}{{break}}{{end}}", "x"),
        ("{{range 3}}{{.}}{{end}}", "012"),
        ("{{if .nope}}a{{else if .kind}}b{{else}}c{{end}}", "b"),
        ("{{with .data}}{{.a}}{{$.kind}}{{end}}", "1ConfigMap"),
        ("{{with .nope}}a{{else with .kind}}{{.}}{{end}}", "ConfigMap"),
        ("{{with $y := .kind}}{{$y}}{{end}}", "ConfigMap"),
        ('{{$x := "q"}}{{$x}}{{$x = "r"}}{{$x}}', "qr"),
        ('{{define "t"}}[{{.}}]{{end}}{{template "t" .kind}}{{template "t"}}', "[ConfigMap][<no value>]"),
        ('{{block "u" .data}}<{{.a}}>{{end}}', "<1>"),
        ('{{- "x" -}}   y {{- /* c */ -}} z', "xyz"),
        ("{{len .data}} {{index .data \"b\"}} {{(index .items 1).name}}", "3 two y"),
        ('{{eq .kind "a" "ConfigMap"}} {{ne .count 3}} {{lt 1 2}} {{ge 2 2}}', "true false true true"),
        ('{{and .kind .data.a}} {{or .nope "z"}} {{not .nope}} {{and .nope .empty.x}}', "1 z true <no value>"),
        ('{{printf "%s-%q-%5s|%-5s|%03d|%.2f|%%" .kind .kind "ab" "cd" 7 1.5}}', 'ConfigMap-"ConfigMap"-   ab|cd   |007|1.50|%'),
        ('{{printf "%d" "x"}} {{printf "%s"}}', "%!d(string=x) %!s(MISSING)"),
        ("{{.data.c | base64decode}}", "hello"),
        ('{{exists . "data" "a"}} {{exists . "data" "q"}} {{exists . "items" 7}}', "true false false"),
        ('{{print 1 2 "a" 3}} {{println "x" 3}}', "1 2a3 x 3\n"),
        ("{{html \"<a&'>\"}} {{js \"<it's>\"}} {{urlquery \"a b&c\"}}", "&lt;a&amp;&#39;&gt; \\u003Cit\\'s\\u003E a+b%26c"),
        ('{{slice "abcdef" 1 3}} {{"q" | printf "%s%s" "a"}}', "bc aq"),
        ("{{1.5}} {{1000000.0}} {{0x10}} {{'a'}} {{`raw`}} {{true}} {{123456789.5}} {{0.00001}} {{100000.0}}",
         "1.5 1e+06 16 97 raw true 1.234567895e+08 1e-05 100000"),
        ('a{{"\\u00e9\\t"}}b', "aé\tb"),
    ],
)  # fmt: skip
def test_prints_what_go_prints(template: str, text: str) -> None:
    assert compile_template(template).execute(DATA) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.a", "template: output:1: unclosed action"),
        ("a\n{{.kind}", "template: output:2: bad character U+007D '}'"),
        ("{{foo}}", 'template: output:1: function "foo" not defined'),
        ('{{"abc}}', "template: output:1: unterminated quoted string"),
        ("{{end}}", "template: output:1: unexpected {{end}}"),
        ("{{if .x}}", "template: output:1: unexpected EOF"),
        ("{{if}}x{{end}}", "template: output:1: missing value for if"),
        ("{{break}}", "template: output:1: {{break}} outside {{range}}"),
        ("{{$x}}", 'template: output:1: undefined variable "$x"'),
        ("{{.kind.}}", "template: output:1: unexpected <.> in operand"),
        ("{{/* c", "template: output:1: unclosed comment"),
        ("{{1 | 2}}", "template: output:1: non executable command in pipeline stage 2"),
    ],
)
def test_a_template_that_cannot_be_read_is_refused(template: str, text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(template)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("template", "at", "text"),
    [
        ("{{.kind.x}}", "2:7: executing \"output\" at <.kind.x>", "can't evaluate field x in type interface {}"),
        ("{{.empty.x}}", "2:8: executing \"output\" at <.empty.x>", "nil pointer evaluating interface {}.x"),
        ("{{index .items 7}}", '2:2: executing "output" at <index .items 7>', "error calling index: index out of range: 7"),
        ("{{eq .kind 3}}", '2:2: executing "output" at <eq .kind 3>', "error calling eq: incompatible types for comparison"),
        ("{{not}}", '2:2: executing "output" at <not>', "wrong number of args for not: want 1 got 0"),
        ("{{printf}}", '2:2: executing "output" at <printf>', "wrong number of args for printf: want at least 1 got 0"),
        ("{{range .kind}}{{end}}", '2:8: executing "output" at <.kind>', "range can't iterate over ConfigMap"),
        ("{{.kind 3}}", '2:2: executing "output" at <.kind>', "kind is not a method but has arguments"),
        ('{{"abc" 1}}', '2:2: executing "output" at <"abc">', 'can\'t give argument to non-function "abc"'),
        ("{{nil}}", '2:2: executing "output" at <nil>', "nil is not a command"),
        ('{{template "nope"}}', '2:11: executing "output" at <{{template "nope"}}>', 'template "nope" not defined'),
    ],
)  # fmt: skip
def test_a_template_that_does_not_fit_says_where(template: str, at: str, text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template("before\n" + template).execute(DATA)
    assert str(caught.value) == f"template: output:{at}: {text}"
    assert caught.value.written == "before\n"


def test_a_missing_key_can_be_an_error() -> None:
    with pytest.raises(TemplateError, match='map has no entry for key "x"'):
        compile_template("{{.x.y}}", allow_missing=False).execute(DATA)


def test_a_template_that_calls_itself_ends() -> None:
    with pytest.raises(TemplateError, match="exceeded maximum template depth"):
        compile_template('{{define "t"}}{{template "t"}}{{end}}{{template "t"}}').execute(DATA)
