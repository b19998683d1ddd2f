import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asterisk.annex import ANNEX_FILES, SHORT_MENU
from tests.asterisk.centre import FILES, MENU, Centre


@pytest.fixture(scope="session")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """The centre most tests share: each takes operators of its own and leaves nothing behind."""
    running = Centre(tmp_path_factory.mktemp("c"), FILES)
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def annex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A second centre with files of its own, for what would disturb the first."""
    folder = tmp_path_factory.mktemp("a")
    dialplans = folder / "dialplans"
    dialplans.mkdir()
    (dialplans / "short.yaml").write_text(SHORT_MENU, encoding="utf-8")
    running = Centre(folder, ANNEX_FILES, dialplans)
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def stopped(tmp_path: Path) -> Centre:
    """A centre with files of its own that is not started."""
    dialplans = tmp_path / "dialplans"
    dialplans.mkdir()
    shutil.copy(MENU, dialplans / "1414-main.yaml")
    return Centre(tmp_path, FILES, dialplans)
