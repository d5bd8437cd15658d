"""What was understood of a dataset, what stands out in it, and what is done about each: before any model is run."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automat import datasets
from automat.datasets import checks
from automat.datasets.reading import DISORDERED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from automat.core import Dataset, Inputs, Task
    from automat.datasets.reading import Column, Columns, Reading

FAR_OUT = 3.0
"""Target values farther than this many interquartile ranges beyond the quartiles are outliers: Tukey's "far out"
values, in Exploratory Data Analysis (1977), section 2D."""

SAME = 1e-6
"""Targets of equal rows that differ by more than this share of the target's spread disagree."""

_EXAMPLES = 3
_COMMON_ELEMENTS = 10


@dataclass(frozen=True)
class Finding:
    """Something about some rows.

    Attributes:
        what: in a few words.
        rows: how many.
        examples: names of the first few, with what is said of each.
        action: what is done about them.
    """

    what: str
    rows: int
    examples: tuple[str, ...]
    action: str


@dataclass(frozen=True)
class Description:
    """What ``automat data describe`` says.

    Attributes:
        name, source, licence, citation, unit: of the dataset.
        rows: of the source.
        usable: of these, the rows that can be learnt from.
        inputs, task, target: what was understood.
        columns: of the source, with their roles.
        numbers: of a regression's target: min, quartiles, mean, max, and the mean absolute deviation.
        classes: of a classification's target: rows by class.
        elements: share of the rows that hold each element, most common first.
        formulas: how many different reduced formulas.
        atoms: fewest, median and most atoms a cell; None without structures.
        findings: what stands out.
        notes: what was said on reading.
    """

    name: str
    source: str
    licence: str
    citation: str
    rows: int
    usable: int
    inputs: Inputs
    task: Task
    target: str
    unit: str
    columns: tuple[Column, ...]
    numbers: Mapping[str, float]
    classes: Mapping[str, int]
    elements: Mapping[str, float]
    formulas: int | None
    atoms: tuple[int, float, int] | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain lists and objects, for JSON."""
        return asdict(self)


def describe(
    name_or_path: str | Path, *, target: str | None = None, task: Task | None = None, columns: Columns | None = None
) -> Description:
    """Describe a dataset; the arguments are those of :func:`automat.datasets.load`.

    Raises:
        UnknownNameError: neither a name nor a path that exists.
        InputError: what is there cannot be used.
    """
    return of(datasets.read(name_or_path, target=target, task=task, columns=columns))


def of(reading: Reading) -> Description:
    """The description of what was read."""
    data = reading.dataset
    structures = data.structures
    sizes = None if structures is None else np.diff(structures.row_ptr)
    return Description(
        name=data.name,
        source=data.source,
        licence=data.licence,
        citation=data.citation,
        rows=reading.rows,
        usable=len(data),
        inputs=data.inputs,
        task=data.task,
        target=data.target_name,
        unit=data.unit,
        columns=reading.columns,
        numbers=_numbers(data) if data.task == "regression" else {},
        classes=_classes(data),
        elements=_elements(data),
        formulas=None if data.formulas is None else len(set(data.formulas)),
        atoms=None if sizes is None else (int(sizes.min()), float(np.median(sizes)), int(sizes.max())),
        findings=tuple(_findings(reading)),
        notes=data.notes,
    )


def _numbers(data: Dataset) -> dict[str, float]:
    quartiles = np.quantile(data.target, [0, 0.25, 0.5, 0.75, 1]).tolist()
    named = dict(zip(("min", "lower quartile", "median", "upper quartile", "max"), quartiles, strict=True))
    return named | {"mean": float(data.target.mean()), "mean absolute deviation": data.spread}


def _classes(data: Dataset) -> dict[str, int]:
    if data.task == "regression":
        return {}
    counts = np.bincount(data.target.astype(int), minlength=len(data.classes))
    return dict(zip(data.classes, counts.tolist(), strict=True))


def _elements(data: Dataset) -> dict[str, float]:
    if data.compositions is None:
        return {}
    from automat_featurizers.elements import symbols

    # An element stands once in a packed composition.
    counts = Counter(data.compositions.atomic_numbers.tolist())
    return {symbols()[number]: count / len(data) for number, count in counts.most_common()}


def _findings(reading: Reading) -> Iterable[Finding]:
    data = reading.dataset
    if reading.without_target:
        yield Finding(
            "no target", len(reading.without_target), reading.without_target[:_EXAMPLES], "set aside, and counted"
        )
    disordered = [name for name, reason in reading.unreadable.items() if DISORDERED in reason]
    others = [f"{name}: {reason}" for name, reason in reading.unreadable.items() if DISORDERED not in reason]
    if disordered:
        yield Finding(
            "disordered (partial occupancies)", len(disordered), tuple(disordered[:_EXAMPLES]),
            "set aside, and counted: features of crystals need one atom a site",
        )  # fmt: skip
    if others:
        what = "crystal cannot be read" if data.inputs == "structures" else "formula cannot be read"
        yield Finding(what, len(others), tuple(others[:_EXAMPLES]), "set aside, and counted")
    yield from _duplicates(data)
    yield from _empty_cells(data)
    yield from _outliers(data)
    yield from _rare_classes(data)


def _duplicates(data: Dataset) -> Iterable[Finding]:
    if data.table is not None:
        yield from _equal("same row of inputs", data.table.astype(str).agg("\x1f".join, axis=1).tolist(), data,
                          "kept; `automat audit` says which splits part them")  # fmt: skip
        return
    if data.structures is not None:
        alike = "kept; `automat audit` also finds those that are alike, and says which splits part them"
        yield from _equal("same crystal, to the last digit", data.structures.row_hashes(), data, alike)
    if data.formulas is not None:
        several = len(set(data.formulas)) > 1
        action = "kept; --split formula keeps them on one side" if several else "kept; they cannot be split by formula"
        yield from _equal("same reduced formula", data.formulas, data, action)


def _equal(what: str, labels: Sequence[str], data: Dataset, action: str) -> Iterable[Finding]:
    """Rows that share a label with another row; and among them those whose targets disagree."""
    groups: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        groups.setdefault(label, []).append(row)
    several = [rows for rows in groups.values() if len(rows) > 1]
    if not several:
        return
    several.sort(key=len, reverse=True)
    yield Finding(what, sum(map(len, several)), tuple(_named(data, rows) for rows in several[:_EXAMPLES]), action)
    if what.startswith("same reduced formula") and data.structures is not None:
        return  # polymorphs are different materials
    apart = [rows for rows in several if np.ptp(data.target[rows]) > SAME * (data.spread or 1.0)]
    if apart:
        apart.sort(key=lambda rows: float(np.ptp(data.target[rows])), reverse=True)
        largest = float(np.ptp(data.target[apart[0]]))
        said = f", by up to {largest:.4g} {data.unit}".rstrip() if data.task == "regression" else ""
        yield Finding(
            f"of these, with targets that differ{said}", sum(map(len, apart)),
            tuple(_named(data, rows) for rows in apart[:_EXAMPLES]),
            "kept: no model can be right on all of them",
        )  # fmt: skip


def _named(data: Dataset, rows: Sequence[int]) -> str:
    shown = ", ".join(str(data.ids[row]) for row in rows[:_EXAMPLES])
    return shown + (f" and {len(rows) - _EXAMPLES} more" if len(rows) > _EXAMPLES else "")


def _empty_cells(data: Dataset) -> Iterable[Finding]:
    if data.table is None:
        return
    empty = data.table.isna()
    rows = np.flatnonzero(empty.any(axis=1).to_numpy())
    if len(rows):
        columns = empty.sum().sort_values(ascending=False)
        said = tuple(f"{name}: {count} empty" for name, count in columns[columns > 0].head(_EXAMPLES).items())
        yield Finding(
            "empty cells in inputs", len(rows), said, "filled within the training fold, where a model needs it"
        )


def _outliers(data: Dataset) -> Iterable[Finding]:
    if data.task != "regression":
        return
    rows = far_out(data.target)
    if len(rows):
        said = tuple(f"{data.ids[row]}: {data.target[row]:.4g} {data.unit}".rstrip() for row in rows[:_EXAMPLES])
        yield Finding(
            f"target far out (beyond {FAR_OUT:g} interquartile ranges)", len(rows), said,
            "kept: look at them; RMSE and R2 hang on them more than MAE",
        )  # fmt: skip


def far_out(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Positions of Tukey's far out values, the farthest first."""
    lower, median, upper = np.quantile(values, [0.25, 0.5, 0.75])
    reach = FAR_OUT * (upper - lower)
    # Where half of the values are one, the quartiles say nothing of the others.
    outside = (values < lower - reach) | (values > upper + reach) if reach > 0 else np.zeros(len(values), np.bool_)
    rows = np.flatnonzero(outside)
    order: NDArray[np.intp] = rows[np.argsort(-np.abs(values[rows] - median), kind="stable")]
    return order


def _rare_classes(data: Dataset) -> Iterable[Finding]:
    rare = {name: count for name, count in _classes(data).items() if count < checks.MIN_ROWS}
    if rare:
        said = tuple(f"{name}: {count}" for name, count in list(rare.items())[:_EXAMPLES])
        yield Finding(
            f"classes of fewer than {checks.MIN_ROWS} rows", sum(rare.values()), said,
            "kept: some folds may have none of them to test on",
        )  # fmt: skip
