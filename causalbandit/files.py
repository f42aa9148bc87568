"""Files: those that are read have a limited size, those that are written are replaced at once and never cut off."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import IO, NoReturn

from causalbandit.errors import BadValue, InvalidType, did_you_mean

Source = str | os.PathLike[str] | IO[str] | IO[bytes]
"""A path, or a file open for reading."""


def read_input(path_or_file: Source, max_bytes: int) -> tuple[str, bytes]:
    """Name and content of a file.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file, with the name most like it in the same folder, or if it is a folder.
    ValueError
        If the file has more than ``max_bytes`` bytes; it is not read then.
    """
    if isinstance(path_or_file, (str, os.PathLike)):
        path = Path(path_or_file)
        name = str(path)
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > max_bytes:
                    _refuse_size(name, f"{size:,}", max_bytes)
                data = file.read(max_bytes + 1)
        except FileNotFoundError:
            raise FileNotFoundError(missing_file(path)) from None
        except IsADirectoryError:
            raise IsADirectoryError(f"{name!r} is a folder; expected a file.") from None
    elif hasattr(path_or_file, "read"):
        content = path_or_file.read(max_bytes + 1)
        data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        name = str(getattr(path_or_file, "name", "the file"))
    else:
        raise InvalidType("path_or_file", f"was a {type(path_or_file).__name__}; expected a path or an open file.")
    if len(data) > max_bytes:
        _refuse_size(name, f"more than {max_bytes:,}", max_bytes)
    return name, data


def missing_file(path: str | os.PathLike[str]) -> str:
    """What to say of a file that is not there: its folder is missing, too, or the name most like it."""
    path = Path(path)
    if not path.parent.is_dir():
        return f"There is no file {str(path)!r}: its folder {str(path.parent)!r} does not exist."
    siblings = sorted(other.name for other in path.parent.iterdir())
    return f"There is no file {str(path)!r}.{did_you_mean(path.name, siblings)}"


def _refuse_size(name: str, size: str, max_bytes: int) -> NoReturn:
    expected = f"expected at most {max_bytes:,}. If it really is as large, pass a larger max_bytes in Python"
    raise BadValue(f"{name}: the file has {size} bytes; {expected}.")


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
    place = place.resolve()  # a link stays one: what it points to is replaced
    # A hidden name beside the file, cut so that it fits the 255 bytes that file systems allow in any script.
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
