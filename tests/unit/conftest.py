"""What all unit tests share."""

from hypothesis import HealthCheck, settings

# A busy machine must not fail a property: how long an example took is no part of what it asserts.
settings.register_profile("kijun", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kijun")
