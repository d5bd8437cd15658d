"""What came of checking a folder of runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Disagreement:
    """Something that does not hold: the file, below the folder of runs, and what is wrong with it."""

    file: str
    what: str


@dataclass(frozen=True)
class Verification:
    """What came of checking a folder of runs.

    Attributes:
        records: readable records.
        failed: of these, cells that ended without a result; they have nothing to recompute.
        metrics: test metrics that were recomputed, and agree or are named below.
        other_metrics: metrics on training and validation rows, whose predictions are not kept: not recomputed.
        without_digest: records with a result that state no digest of their predictions.
        without_folds: records with a result that name no folds; which rows they should test on is not known.
        against_data: datasets that were loaded, and whose rows and targets were compared.
        not_against_data: datasets that cannot be loaded by name here, or not with the same content.
        disagreements: everything that does not hold.
    """

    records: int
    failed: int
    metrics: int
    other_metrics: int
    without_digest: int
    without_folds: int
    against_data: tuple[str, ...]
    not_against_data: tuple[str, ...]
    disagreements: tuple[Disagreement, ...]

    @property
    def agrees(self) -> bool:
        """Whether everything holds."""
        return not self.disagreements

    @property
    def summary(self) -> str:
        """What was checked, and what could not be, in a few sentences."""
        count = len(self.disagreements)
        verdict = "Everything agrees" if self.agrees else f"{count} disagreement{'s' if count > 1 else ''}"
        failed = f", {self.failed} of them failed cells" if self.failed else ""
        kept = "whose predictions are not kept"
        parts = [
            f"{verdict}: {self.records} records{failed}, {self.metrics} test metrics recomputed.",
            f"Not recomputed: {self.other_metrics} metrics on training and validation rows, {kept}.",
        ]
        if self.against_data:
            parts.append(f"Rows and targets compared with the data of {', '.join(self.against_data)}.")
        if self.not_against_data:
            parts.append(
                f"Not compared with the data, which cannot be loaded by name here with the same content: "
                f"{', '.join(self.not_against_data)}."
            )
        if self.without_digest:
            parts.append(f"{self.without_digest} records state no digest of their predictions.")
        if self.without_folds:
            parts.append(f"{self.without_folds} records name no folds that their test rows could be compared with.")
        return " ".join(parts)
