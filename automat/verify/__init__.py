"""Do the stored results hold? Every metric recomputed, every row compared with its fold and with the data.

Nothing is written, set aside or repaired. What is found out: a record whose figures do not follow from its
predictions, predictions that are not those the record was written with, test rows that are not the fold's,
targets that are not the data's, folds that were changed, and files that are missing or cannot be read.
Whoever rewrites predictions, figures and digest together is found out only by running the cell again.
"""

from __future__ import annotations

from pathlib import Path

from automat.core import InputError
from automat.verify.check import Check
from automat.verify.result import Disagreement, Verification

__all__ = ["Disagreement", "Verification", "verify"]


def verify(runs: str | Path) -> Verification:
    """Check every record below a folder.

    Raises:
        InputError: there is no such folder, or no records in it.
    """
    root = Path(runs)
    if not root.is_dir():
        raise InputError(f"no runs at {str(root)!r}; `automat run` makes them")
    check = Check(root)
    for folder in sorted({path.parent for name in ("records", "predictions") for path in root.glob(f"*/{name}")}):
        check.folder(folder)
    if not (check.files or check.found):
        raise InputError(f"no records at {str(root)!r}; `automat run` makes them")
    return check.result()
