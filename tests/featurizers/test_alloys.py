"""Features of alloys: matminer's numbers, values by hand, elements that the models do not know."""

from __future__ import annotations

from typing import Any

import automat_featurizers as af
import numpy as np
import pytest
from automat_featurizers.parity import compare
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition

ALLOYS = [
    "FeCr", "CoCrFeNi", "AlCoCrFeNi", "Cu3Au", "NiTi", "Zr41.2Ti13.8Cu12.5Ni10Be22.5", "TiZrHfNbTa", "Mg2Ni", "LaNi5",
    "U6Fe", "HN", "TiN", "Fe", "PuGa", "Sm2Co17",
]  # fmt: skip
metals = st.sampled_from(["Al", "Ti", "Fe", "Ni", "Cu", "Zr", "Nb", "La", "Pd", "Au", "Pu"])
alloys = st.dictionaries(metals, st.floats(0.05, 5.0), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def materials(real: af.PackedStructures) -> list[Composition]:
    return [*map(Composition, ALLOYS), *real.compositions]


def test_yangs_numbers_are_matminers(materials: list[Composition]) -> None:
    ours = af.YangSolidSolution()
    found = compare([ours], materials)
    assert found.largest <= ours.parity
    assert not found.raised
    assert not found.reasons


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ss_types": "all"},
        {"struct_types": "ss", "ss_types": ["bcc", "min"]},
        {"struct_types": ["amor", "inter"], "impute_nan": False},
    ],
)
def test_miedemas_numbers_are_matminers(options: dict[str, Any], materials: list[Composition]) -> None:
    ours = af.Miedema(**options)
    found = compare([ours], materials)
    assert (~np.isnan(found.difference)).sum() > 20
    assert found.largest <= ours.parity
    # With imputation, matminer stumbles over the three names that pymatgen has for hydrogen.
    assert all("H" in materials[row] for row in found.raised)
    assert np.isfinite(ours.transform([materials[row] for row in found.raised] or ["Fe"])).all()


@pytest.mark.parametrize("impute_nan", [True, False])
def test_wens_numbers_are_matminers(impute_nan: bool) -> None:
    ours = af.WenAlloys(impute_nan=impute_nan)
    found = compare([ours], [Composition(formula) for formula in [*ALLOYS, "Fe2O3"] if "Pu" not in formula])
    assert (~np.isnan(found.difference)).sum() > 10
    assert found.largest <= ours.parity
    # With imputation matminer stumbles over hydrogen, without over an element that is not in its tables.
    assert set(found.raised) <= ({ALLOYS.index("HN")} if impute_nan else set(found.reasons))


def test_wens_corrected_numbers() -> None:
    names = af.WenAlloys().get_feature_names_out().tolist()
    entropy, order, gamma = map(names.index, ("Configuration entropy", "Lambda entropy", "Radii gamma"))
    followed = af.WenAlloys().transform(["CoCrFeNi", "CuZr"])
    corrected = af.WenAlloys(corrected=True).transform(["CoCrFeNi", "CuZr"])
    same = [column for column in range(len(names)) if column not in {entropy, order, gamma}]
    np.testing.assert_array_equal(corrected[:, same], followed[:, same])
    np.testing.assert_array_equal(corrected[:, [entropy, order]], -followed[:, [entropy, order]])
    assert corrected[0, entropy] == pytest.approx(8.314e-3 * np.log(4))
    # Radii of 126 and 158 pm: the cap that a sphere of radius R sees of one of radius r subtends 1 - cos(theta)
    # with sin(theta) = R / (R + r), R their mean.
    mean, radii = 142.0, np.array([126.0, 158.0])
    caps = 1 - np.cos(np.arcsin(mean / (mean + radii)))
    assert corrected[1, gamma] == pytest.approx(caps[0] / caps[1])
    assert af.WenAlloys(corrected=True).matminer() is None


def test_yang_by_hand() -> None:
    """Melting at 1811 K and 1728 K, mixing enthalpy -2 kJ/mol, radii of 125 and 126 pm (Miracle)."""
    omega, delta = af.YangSolidSolution().transform(["FeNi"])[0]
    assert omega == pytest.approx((1811 + 1728) / 2 * 8.314e-3 * np.log(2) / 2, rel=1e-3)
    assert delta == pytest.approx(0.5 / 125.5, rel=1e-2)
    assert af.YangSolidSolution().transform(["Fe"]).tolist() == [[0, 0]]


def test_miedema_by_hand() -> None:
    """Unlike atoms that attract each other bind most where they are ordered; an element does not mix with itself."""
    names = af.Miedema().get_feature_names_out().tolist()
    assert names == ["Miedema_deltaH_inter", "Miedema_deltaH_amor", "Miedema_deltaH_ss_min"]
    compound, amorphous, solution = af.Miedema().transform(["NiTi"])[0]
    assert compound < amorphous < solution < 0
    assert af.Miedema("inter").transform(["Fe"])[0, 0] == 0
    # 3.5 J/(mol K) times the melting point
    assert af.Miedema("amor").transform(["Fe"])[0, 0] == pytest.approx(3.5e-3 * 1809 / 96.4853, rel=1e-9)


def test_what_the_models_do_not_know_is_said() -> None:
    yang = af.YangSolidSolution(impute_nan=False)
    values = yang.transform(["FeNi", "FeO", "NaCl", "Xe"])
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1:3, 0]).all()
    assert values[3].tolist() == [0, 0]
    assert "no mixing enthalpy" in yang.failures_[1]
    assert "Cl: MiracleRadius" in yang.failures_[2]
    miedema = af.Miedema(impute_nan=False)
    values = miedema.transform(["FeNi", "FeO"])
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1]).all()
    assert "no data for O: molar_volume" in miedema.failures_[1]


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValueError, match="struct_types must be 'all' or out of 'inter', 'amor', 'ss', but got 'fcc'"):
        af.Miedema("fcc").get_feature_names_out()
    with pytest.raises(ValueError, match=r"ss_types must be 'all' or out of 'fcc'.*but got 'sc'"):
        af.Miedema(ss_types=["fcc", "sc"]).get_feature_names_out()


@pytest.mark.parametrize("made", [af.YangSolidSolution(), af.Miedema(ss_types="all")], ids=lambda made: made.name)
@given(amounts=alloys, times=st.floats(0.2, 20.0))
def test_neither_the_order_nor_the_size_of_a_formula_counts(
    made: af.Featurizer, amounts: dict[str, float], times: float
) -> None:
    turned = {symbol: times * amount for symbol, amount in reversed(amounts.items())}
    here, there = made.transform([Composition(amounts), Composition(turned)])
    np.testing.assert_allclose(there, here, rtol=1e-9, atol=1e-9)
