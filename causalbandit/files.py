"""Output files: checked before the work starts and replaced at once when it is done; none is ever half-written."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path


def check_output(path: str | os.PathLike[str]) -> Path:
    """``path`` as a Path, or an OSError that says why a file cannot be written there. Nothing is created.

    Raises
    ------
    FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError
        When the folder is missing or no folder, when ``path`` is itself a folder, or when writing is not allowed.
    """
    place = Path(path)
    folder = place.parent
    if place.is_dir():
        raise IsADirectoryError(f"{str(place)!r} is a folder; expected the name of a file to write.")
    if not folder.exists():
        raise FileNotFoundError(f"The folder {str(folder)!r} of {str(place)!r} does not exist; create it first.")
    if not folder.is_dir():
        raise NotADirectoryError(f"{str(folder)!r} is not a folder, so {str(place)!r} cannot be written in it.")
    if _is_device(place):
        return place
    if not os.access(folder, os.W_OK | os.X_OK) or (place.exists() and not os.access(place, os.W_OK)):
        raise PermissionError(f"No permission to write {str(place)!r}; choose another place or change its permissions.")
    return place


def write_output(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Make ``path`` hold ``content`` (text as UTF-8): all of it or, after an error, what it held before.

    The content goes to a temporary file in the same folder, is flushed to the disk and takes the name in one step.
    """
    place = check_output(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    if _is_device(place):
        place.write_bytes(data)
        return
    place = place.resolve()
    handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name[:60]}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o666 & ~_umask())
        os.replace(temporary, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _is_device(place: Path) -> bool:
    return place.exists() and not place.is_file() and not place.is_dir()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
