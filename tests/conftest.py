"""What every test shares: hypothesis without time limits (they belong in benchmarks)."""

from hypothesis import settings

settings.register_profile("haechi", deadline=None)
settings.load_profile("haechi")
