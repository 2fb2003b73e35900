"""Answers of webhooks are read without trust."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.apiserver.admission.webhooks import answers

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    ["uid", "allowed", "patch", "patchType", "status", "warnings", "auditAnnotations", "response", "kind", "apiVersion"]
)
ANSWERS = JSON | st.dictionaries(FIELDS, JSON | st.dictionaries(FIELDS, JSON, max_size=6), max_size=5)


@given(ANSWERS, st.sampled_from(answers.VERSIONS), st.booleans())
def test_any_answer_is_read_or_refused(answer: object, version: str, mutating: bool) -> None:
    try:
        found = answers.read(answer, version, "uid-1", mutating=mutating)
    except answers.BadAnswer as error:
        assert str(error)
    else:
        assert isinstance(found.allowed, bool) and all(isinstance(one, str) for one in found.warnings)
        assert found.patch is None or (mutating and isinstance(found.patch, list))


@given(st.dictionaries(st.sampled_from(["code", "message", "reason", "details", "status"]), JSON, max_size=5))
def test_a_denial_is_never_a_success(result: dict[str, object]) -> None:
    error = answers.refusal("w", result)
    assert 400 <= error.code <= 599 and error.message.startswith('admission webhook "w" denied the request')
    assert error.status()["status"] == "Failure"


def test_the_first_version_that_both_know_is_spoken() -> None:
    assert answers.version_of(["v2", "v1beta1", "v1"]) == "v1beta1"
    assert answers.version_of(["v2"]) == ""


def test_old_reviews_need_no_uid_and_no_type_of_patch() -> None:
    answer = {"response": {"allowed": True, "patch": "W10="}}
    assert answers.read(answer, "v1beta1", "uid-1", mutating=True).patch == []
    with pytest.raises(answers.BadAnswer, match=r"expected response\.uid"):
        answers.read(answer, "v1", "uid-1", mutating=True)
