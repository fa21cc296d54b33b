"""Files that are made to be backed up: dumps of databases, configurations of network devices."""

from __future__ import annotations

import shutil

from kijun_backup.settings import BackupSet


def fill(one: BackupSet) -> None:
    """Make the files of a staged set anew; BackupError where one of them cannot be made."""
    shutil.rmtree(one.staging, ignore_errors=True)
    one.staging.mkdir(mode=0o700, parents=True)
