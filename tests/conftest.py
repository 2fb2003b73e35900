"""Settings of all tests.

Property tests have no deadline: how long an example takes says something of the machine's load, not of the code, and what a
deadline interrupts is reported as something else.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("kubelite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kubelite")
