"""For all tests: property tests repeat, and a busy machine fails none of them."""

from hypothesis import settings

settings.register_profile("automat", deadline=None, derandomize=True)
settings.load_profile("automat")
