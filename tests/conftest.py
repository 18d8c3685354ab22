"""What every test has in common."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says more about the machine than about the code: speed is measured in benchmarks.
settings.register_profile("machine", deadline=None)
settings.load_profile("machine")
