"""The files of a store on disk, by the form of their names. Links are left alone: they lead to what others own."""

from __future__ import annotations

import os
import re
from pathlib import Path

PLAN, OBJECT = re.compile(r"[0-9a-f]{32}\.pretzel"), re.compile(r"[0-9a-f]{32}\.arrow")
ASIDE = re.compile(r"\..*\.[0-9a-f]{16}", re.DOTALL)  # as `plan_file.write_aside` calls them


def plans_and_objects(store: Path) -> list[Path]:
    """All plans and large arrays, whether a name needs them or not."""
    rooms = (store / "plans", PLAN), (store / "objects", OBJECT)
    return [file for room, form in rooms for shard in _directories(room) for file in _files(shard, form)]


def left_aside(store: Path) -> list[Path]:
    """What is being written or, under the lock of the writer, what writers that died have left."""
    return _files(store / "aside", ASIDE)


def _directories(folder: Path) -> list[Path]:
    return [Path(each) for each in _entries(folder) if each.is_dir(follow_symlinks=False)]


def _files(folder: Path, form: re.Pattern[str]) -> list[Path]:
    entries = _entries(folder)
    return [Path(each) for each in entries if each.is_file(follow_symlinks=False) and form.fullmatch(each.name)]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    if folder.is_symlink() or not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return list(entries)
