from __future__ import annotations

import pytest

from kubelite.kubelet.imageref import normalize

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("team/app", "docker.io/team/app:latest"),
        ("registry.test/app:1", "registry.test/app:1"),
        ("localhost:5000/a/b", "localhost:5000/a/b:latest"),
        ("localhost/a", "localhost/a:latest"),
        (f"quay.test/x/y@{DIGEST}", f"quay.test/x/y@{DIGEST}"),
        (f"app:1@{DIGEST}", f"docker.io/library/app:1@{DIGEST}"),
        ("a" * 64, "a" * 64),
        ("Not Valid", ""),
        ("UPPER/case", "UPPER/case:latest"),
        ("team/UPPER", ""),
        ("", ""),
        ("a//b", ""),
        ("a:b:c", ""),
    ],
)
def test_names_are_completed_as_users_expect(image, reference):
    assert normalize(image) == reference
