"""A store in a folder, and settings that name it."""

from pathlib import Path

import pytest

from configs.settings import Settings
from tasks.store.folder import FolderStore


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"storage": {"root": str(tmp_path)}})
