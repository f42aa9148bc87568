"""Results that were saved as JSON, read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from causalbandit.errors import BadValue
from causalbandit.evaluation import FRAME_COLUMNS
from causalbandit.files import Source
from causalbandit.formats.result_file import KINDS, read_result
from causalbandit.regret_curves import RegretCurves

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SavedResult:
    """What a result's ``to_dict()``, or ``--json`` on the command line, has written.

    Attributes
    ----------
    kind : str
        What it is: "decision", "confirmation", "effects", ...
    content : mapping
        The fields as written; a number that was not finite is None.
    """

    kind: str
    content: Mapping[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """The main table of the result, one row per intervention, effect, value or contradiction."""
        import pandas as pd

        tables = [KINDS[self.kind] or "", "contrasts"]  # effects of several arms by aipw stand under contrasts
        return pd.DataFrame(next((self.content[name] for name in tables if name in self.content), []))

    def __getitem__(self, name: str) -> Any:
        return self.content[name]


def load_result(path_or_file: Source) -> RegretCurves | SavedResult:
    """The result in a JSON file: `RegretCurves` for a comparison, a `SavedResult` for every other kind.

    Parameters
    ----------
    path_or_file : str, path or open file
        What ``json.dump(result.to_dict(), file)`` or ``--json FILE`` has written.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file holds something else, or is written by a newer version of the package.

    Examples
    --------
    >>> import io
    >>> text = '{"format": "causalbandit decision", "version": 1, "best": {"ad": 1}, "interventions": []}'
    >>> load_result(io.StringIO(text))["best"]
    {'ad': 1}
    """
    kind, content = read_result(path_or_file)
    return _curves(content) if kind == "regret" else SavedResult(kind, content)


def _curves(content: Mapping[str, Any]) -> RegretCurves:
    import pandas as pd

    try:
        strategies, problems = tuple(content["strategies"]), tuple(content["problems"])
        unit = content["unit"]
        frame = pd.DataFrame(content["rows"])
        kinds = FRAME_COLUMNS | ({"budget": "float64"} if unit == "money" else {})
        frame = frame.astype({name: kind for name, kind in kinds.items() if name in frame})
        return RegretCurves(frame, strategies, problems, unit)
    except (KeyError, TypeError, ValueError) as error:
        raise BadValue(f"The comparison in the file lacks a field or has one of another shape: {error}.") from error
