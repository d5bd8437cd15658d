"""Features of ions and of the character of bonds."""

from __future__ import annotations

from typing import Any

from automat_featurizers._matminer import MatminerFeaturizer
from automat_featurizers.composition.element_property import WARD_2016


class IonProperty(MatminerFeaturizer):
    """Whether a charge-neutral ionic compound is possible, and the largest and mean ionic character.

    matminer's ``IonProperty`` with ``fast=True``, which bounds the search over oxidation states.
    Source: Ward et al. 2016, doi:10.1038/npjcompumats.2016.28.
    """

    name = "ionic_character"
    takes = "composition"
    citation = WARD_2016
    cost_ms = 0.3

    def matminer(self) -> Any:
        """The featurizer of matminer."""
        from matminer.featurizers.composition import IonProperty as Matminer

        return Matminer(fast=True, impute_nan=True)
