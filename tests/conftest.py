import pytest
from hypothesis import settings

from tracker import weights

# Other programs share the machines that tests run on: how long an example takes says nothing.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    """No weights are at hand, and none are to be fetched."""

    def refuse(file):
        raise OSError("no network in tests")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "_download", refuse)
        patch.setenv("TRACKER_WEIGHTS", str(tmp_path_factory.mktemp("no-weights")))
        yield
