"""X-ray powder diffraction patterns."""

from __future__ import annotations

import functools
import json
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from automat_featurizers.base import Block, Featurizer
from automat_featurizers.structure._cells import check_choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

_LAST = 118

_RADIATION = "CuKa"


@functools.cache
def _scattering_parameters() -> NDArray[np.float64]:
    """Z, 0, a_1, b_1, ..., a_4, b_4 by Z, NaN where pymatgen has none, shape (119, 10).

    The fits of De Graef & McHenry, Structure of Materials (2012), as the installed pymatgen holds them.
    """
    import pymatgen.analysis.diffraction
    from pymatgen.core import Element

    folder = Path(next(iter(pymatgen.analysis.diffraction.__path__)))
    fits = json.loads((folder / "atomic_scattering_params.json").read_text(encoding="utf-8"))
    table = np.full((_LAST + 1, 10), np.nan)
    for number in range(1, _LAST + 1):
        fit = fits.get(Element.from_Z(number).symbol)
        if fit is not None:
            table[number] = [number, 0.0, *np.ravel(fit)]
    return table


class XRDPowderPattern(Featurizer):
    """X-ray powder pattern, smoothed: a density over the angle two theta, per degree.

    Every line of the pattern is a Gaussian, whose width is ``bw_method`` times the standard deviation of the
    lines' angles (weighted by intensity). Atoms scatter as pymatgen's tables say; there is no correction for
    temperature unless ``debye_waller_factors`` are given.

    matminer counts a line as often as its intensity, where the strongest has 100, cut to a whole number. Two
    roundings make that number, and with it matminer's pattern, change when a crystal is turned or shifted:

    - the strongest line is divided by itself over 100, which is 100 or, for about one crystal in 16,
      99.99999999999999 and then counts 99 instead of 100 (the pattern changes by up to some 1e-3 of itself);
    - another line whose intensity is a whole number, or two lines about 1e-5 degrees apart (a lattice that
      is almost of higher symmetry), may fall on either side.

    Here an intensity within 1e-9 below a whole number is that number, so the strongest line always counts
    100. ``intensities="exact"`` weighs each reflection with its intensity itself: nothing is cut, merged or
    left out, and the pattern is a continuous function of the crystal, the same for any cell of it.

    The pattern is not defined (NaN) when one line alone lies in the range, as such a line has no spread; and
    for elements without scattering parameters (beyond Cf).

    Columns: ``xrd_0``, ``xrd_1``, ... at evenly spaced angles over ``two_theta_range``.

    Args:
        two_theta_range: first and last angle, degrees.
        bw_method: the Gaussians' width as a share of the spread of the lines.
        pattern_length: number of columns; None: one a degree.
        wavelength: angstrom, or the name of a radiation that pymatgen knows.
        symprec: where not 0, the crystal is first refined by spglib with this tolerance, angstrom.
        debye_waller_factors: element symbol to B in exp(-B s^2), square angstrom.
        intensities: ``"whole"`` as in matminer, or ``"exact"``.

    Source: Ong et al. 2013, doi:10.1016/j.commatsci.2012.10.028 (pymatgen, which matminer calls).
    """

    name = "xrd_powder_pattern"
    takes = "structure"
    citation = "Ong et al. (2013), Comput. Mater. Sci. 68, 314-319, doi:10.1016/j.commatsci.2012.10.028"
    cost_ms = 0.15
    libraries = ("pymatgen",)

    def __init__(
        self,
        two_theta_range: tuple[float, float] = (0, 127),
        bw_method: float = 0.05,
        pattern_length: int | None = None,
        wavelength: str | float = _RADIATION,
        symprec: float = 0,
        debye_waller_factors: Mapping[str, float] | None = None,
        intensities: Literal["whole", "exact"] = "whole",
    ) -> None:
        self.two_theta_range = two_theta_range
        self.bw_method = bw_method
        self.pattern_length = pattern_length
        self.wavelength = wavelength
        self.symprec = symprec
        self.debye_waller_factors = debye_waller_factors
        self.intensities = intensities

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Column labels, shape (columns,).

        Raises:
            ValueError: an option that there is not, or a range of angles that is none.
        """
        del input_features
        check_choice("intensities", self.intensities, ("whole", "exact"))
        low, high = self.two_theta_range
        if not 0 <= low < high <= 180:  # noqa: PLR2004 - degrees of a half turn
            raise ValueError(f"two_theta_range must be two angles from 0 to 180, but is {self.two_theta_range}")
        if self.wavelength != _RADIATION:  # the usual one needs no look into pymatgen
            self._wavelength()
        return np.array([f"xrd_{point}" for point in range(self._length())], dtype=object)

    def matminer(self) -> Any:
        """Matminer's featurizer; None for exact intensities, which it does not have."""
        if self.intensities == "exact":
            return None
        from matminer.featurizers.structure import XRDPowderPattern as Matminer

        return Matminer(
            two_theta_range=self.two_theta_range,
            bw_method=self.bw_method,
            pattern_length=self.pattern_length,
            wavelength=self.wavelength,
            symprec=self.symprec,
            debye_waller_factors=self.debye_waller_factors,
        )

    def _compute(self, packed: PackedStructures) -> Block:
        from automat_featurizers.kernels import diffraction

        refined, reasons = (packed, {}) if self.symprec == 0 else _refined(packed, self.symprec)
        wavelength = self._wavelength()
        low, high = (2.0 * math.sin(math.radians(angle / 2)) / wavelength for angle in self.two_theta_range)
        values, states = diffraction.powder_patterns(
            refined.row_ptr,
            np.ascontiguousarray(refined.lattices, np.float64),
            np.ascontiguousarray(refined.fractional, np.float64),
            refined.atomic_numbers,
            self._scattering(),
            np.array([wavelength, low, high, self.bw_method], np.float64),
            np.linspace(*self.two_theta_range, self._length()),
            self.intensities == "exact",
        )
        why = {
            diffraction.NO_VOLUME: "the cell has no volume, or a coordinate is not finite",
            diffraction.NO_COEFFICIENTS: "an element has no X-ray scattering parameters",
            diffraction.TOO_LARGE: "the cell is too large: it has more than 8 million reflections",
            diffraction.NO_LINE: "no line lies in the range of angles",
            diffraction.ONE_LINE: "one line alone lies in the range of angles, so their spread is zero",
        }
        found = {int(row): why[int(states[row])] for row in np.flatnonzero(states)}
        values[list(reasons)] = np.nan
        return Block(values, found | reasons)

    def _length(self) -> int:
        if self.pattern_length:
            return self.pattern_length
        length = self.two_theta_range[1] - self.two_theta_range[0] + 1
        if length != int(length):
            raise ValueError(f"pattern_length is needed, as {self.two_theta_range} is no whole number of degrees")
        return int(length)

    def _wavelength(self) -> float:
        if not isinstance(self.wavelength, str):
            if not 0 < self.wavelength < math.inf:
                raise ValueError(f"wavelength must be a positive length, but is {self.wavelength}")
            return float(self.wavelength)
        from pymatgen.analysis.diffraction.xrd import WAVELENGTHS

        check_choice("wavelength", self.wavelength, tuple(WAVELENGTHS))
        return float(WAVELENGTHS[self.wavelength])

    def _scattering(self) -> NDArray[np.float64]:
        from pymatgen.core import Element

        table = _scattering_parameters().copy()
        for symbol, factor in (self.debye_waller_factors or {}).items():
            table[Element(symbol).Z, 1] = factor
        return table


def _refined(packed: PackedStructures, symprec: float) -> tuple[PackedStructures, dict[int, str]]:
    """Conventional cells that spglib refined, and why some stay as they were."""
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    structures, reasons = [], {}
    for row, structure in enumerate(packed):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                structures.append(SpacegroupAnalyzer(structure, symprec=symprec).get_refined_structure())
        except Exception as error:  # noqa: BLE001 - whatever spglib makes of one crystal must not stop the others
            structures.append(structure)
            reasons[row] = f"no symmetry to refine by: {type(error).__name__}: {error}"
    return type(packed).pack(structures), reasons
