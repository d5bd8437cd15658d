"""Which classes are taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from automat_reports.sections._base import Section, View, share

if TYPE_CHECKING:
    from numpy.typing import NDArray


def section(view: View) -> Section | None:
    """For classes with stored predictions."""
    t = view.t
    if view.is_regression or not view.by_entrant:
        return None
    highest = int(view.scored[["y_true", "y_pred"]].max().max())
    given = [str(name) for name in view.context.get("classes") or ()]
    names = given or [str(code) for code in range(highest + 1)]
    lines = []
    counts = {}
    for key, rows in view.by_entrant.items():
        table = np.zeros((len(names), len(names)), dtype=np.int64)
        np.add.at(table, (rows["y_true"].astype(int), rows["y_pred"].astype(int)), 1)
        counts[key] = table.tolist()
        lines.append({"title": view.titles[key], "rows": f"{len(rows):,}", "found": _found(table)})
    return Section(
        "confusion",
        t("Predicted against true classes"),
        shown={"classes": names, "lines": lines},
        data={"classes": names, "counts": counts},
    )


def _found(table: NDArray[np.int64]) -> list[str]:
    """Of each class, the share of its rows that is found."""
    return [share(row[code] / row.sum()) if row.sum() else "-" for code, row in enumerate(table)]
