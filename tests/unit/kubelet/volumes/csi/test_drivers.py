"""Which drivers can be used."""

from __future__ import annotations

import pytest

from kubelite.kubelet.plugins.rpc import Info
from kubelite.kubelet.volumes.csi.drivers import Drivers, highest_version


@pytest.mark.parametrize(
    ("versions", "best"),
    [
        (("1.0.0",), (1, 0, 0)),
        (("v1.2.0", "1.10.0", "1.9.0"), (1, 10, 0)),
        (("2.0.0", "1.0.0"), (1, 0, 0)),
        (("0.3.0", "1.0"), (1, 0)),
    ],
)
def test_the_highest_version_that_is_spoken_counts(versions, best):
    assert highest_version(versions) == best


@pytest.mark.parametrize(
    ("versions", "why"),
    [
        (("0.3.0",), "highest supported version reported by driver is 0.3.0, must be v1.x"),
        (("2.0.0",), r"could not find a highest supported version from versions \(\[2.0.0\]\)"),
        (("new",), 'reported by this driver: could not parse "new" as version'),
    ],
)
def test_a_driver_without_a_version_that_is_spoken_is_refused(versions, why):
    with pytest.raises(ValueError, match=why):
        highest_version(versions)


def test_a_plugin_without_versions_is_refused_in_the_words_of_upstream():
    drivers = Drivers(None)
    text = 'ValidatePlugin for CSI driver "d" failed. Plugin returned an empty list for supported versions'
    with pytest.raises(ValueError, match=f"^kubernetes.io/csi: {text}$"):
        drivers.validate(Info("CSIPlugin", "d", "/s", ()))
    with pytest.raises(ValueError, match=r'None of the versions specified \["0.1.0"\] are supported. err='):
        drivers.validate(Info("CSIPlugin", "d", "/s", ("0.1.0",)))
