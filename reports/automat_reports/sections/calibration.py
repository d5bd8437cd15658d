"""Whether error bars and probabilities are honest: what they state against what is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from automat_leaderboards.uncertainty import (
    COVERAGE,
    calibration_curve,
    classification_uncertainty,
    regression_uncertainty,
    reliability,
)

from automat_reports.sections._base import Section, View, figure, rounded, share

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_EVERY = 4
"""Of the 99 levels of a curve, one in so many is drawn."""


def section(view: View) -> Section | None:
    """Where an entrant states how sure it is."""
    judge = _regression if view.is_regression else _classification
    judged = {key: found for key, rows in view.by_entrant.items() if (found := judge(rows))}
    if not judged:
        return None
    t = view.t
    heads = (
        [t("coverage"), t("interval width"), t("miscalibration area"), "NLL", "CRPS"]
        if view.is_regression
        else [t("log loss"), t("Brier score"), t("calibration error")]
    )
    return Section(
        "calibration",
        t("Calibration"),
        shown={
            "is_regression": view.is_regression,
            "unit": view.board.unit if view.is_regression else "",
            "wanted": f"{COVERAGE:.0%}",
            "heads": heads,
            "lines": [
                {"key": key, "title": view.titles[key], "cells": found["cells"]} for key, found in judged.items()
            ],
        },
        data={
            "entrants": {
                key: {"stated": rounded(found["stated"]), "observed": rounded(found["observed"])}
                for key, found in judged.items()
            },
            "regression": view.is_regression,
        },
    )


def _regression(rows: pd.DataFrame) -> dict[str, Any] | None:
    if "y_std" not in rows or not rows["y_std"].notna().any():
        return None
    true, made, spread = (rows[name].to_numpy(np.float64) for name in ("y_true", "y_pred", "y_std"))
    nothing = np.full(len(rows), np.nan)
    low, high = (rows[name].to_numpy(np.float64) if name in rows else nothing for name in ("lower", "upper"))
    figures = regression_uncertainty(true, made, spread, low, high)
    stated, observed = calibration_curve(true, made, spread)
    names = ("interval_width", "miscalibration_area", "nll", "crps")
    return {
        "stated": stated[::_EVERY],
        "observed": observed[::_EVERY],
        "cells": [share(figures["coverage"]), *(figure(figures[name]) for name in names)],
    }


def _classification(rows: pd.DataFrame) -> dict[str, Any] | None:
    chances = _chances(rows)
    if chances is None:
        return None
    codes = rows["y_true"].to_numpy(np.intp)
    figures = classification_uncertainty(codes, chances)
    stated, observed, _ = reliability(codes, chances)
    names = ("log_loss", "brier", "calibration_error")
    return {"stated": stated, "observed": observed, "cells": [figure(figures[name]) for name in names]}


def _chances(rows: pd.DataFrame) -> NDArray[np.float64] | None:
    """Probabilities of all classes, shape (n, k); None where they were not kept."""
    names = sorted((name for name in rows if str(name).startswith("probability_")), key=lambda name: int(name[12:]))
    if not names:
        return None
    found = rows[names].dropna(axis=1, how="all").to_numpy(np.float64)
    enough = found.shape[1] > int(rows["y_true"].max()) and not np.isnan(found).any()
    return found if enough else None
