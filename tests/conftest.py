import os

from hypothesis import settings

# The machines that run this are shared and noisy: a slow example is not a failure. `deep` is for
# a night's search: HYPOTHESIS_PROFILE=deep make test.
settings.register_profile("fast", deadline=None, max_examples=60)
settings.register_profile("deep", deadline=None, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
