from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from automat_featurizers import cgcnn_atom_features
from automat_featurizers.atom_features import PROPERTIES, atom_features
from automat_featurizers.composition.element_property import MAGPIE_PROPERTIES
from automat_featurizers.elements import property_table
from pymatgen.core import Element

PUBLISHED = Path(__file__).parents[3] / "shared/data/cgcnn/sample-regression/atom_init.json"
STARTS = np.cumsum([0, *(group.columns for group in PROPERTIES)])
GROUPS = {
    name: slice(start, stop)
    for name, start, stop in zip(
        (
            "group",
            "period",
            "electronegativity",
            "radius",
            "valence",
            "ionization",
            "affinity",
            "block",
            "volume",
        ),
        STARTS[:-1],
        STARTS[1:],
        strict=True,
    )
}


def test_one_row_an_element_with_at_most_one_1_a_group() -> None:
    table = cgcnn_atom_features()
    assert table.shape == (104, 92)
    assert table.dtype == np.float32
    assert set(np.unique(table)) == {0, 1}
    assert not table[0].any()
    for name, columns in GROUPS.items():
        known = table[1:, columns].sum(axis=1)
        assert known.max() == 1, name
        unknown = {Element.from_Z(int(row) + 1).symbol for row in np.flatnonzero(known == 0)}
        assert unknown == {
            "electronegativity": {"He", "Ne", "Ar"},
            "radius": {"Bk", "Cf", "Es", "Fm", "Md", "No", "Lr"},
            "volume": {"At", "Fr", "Fm", "Md", "No", "Lr"},
        }.get(name, set()), name


@pytest.mark.parametrize(
    ("symbol", "columns"),
    [
        # Bins counted by hand from the ranges: carbon has group 14, period 2, 2.55 (0.35 a bin from 0.5),
        # 76 pm (22.5 from 25), 4 valence electrons, ln 11.26 = 2.42 (0.2 from 1.3), 1.26 eV (0.67 from -3),
        # block p, and ln 5.29 = 1.67 (0.28 from 1.5).
        ("C", [14, 1, 5, 2, 3, 5, 6, 1, 0]),
        ("He", [18, 0, None, 0, 1, 9, 3, 0, 5]),
        ("Ce", [0, 5, 1, 7, 3, 2, 5, 3, 5]),
        ("Zn", [12, 3, 3, 4, 11, 4, 3, 2, 2]),
    ],
)
def test_bins_of_an_element(symbol: str, columns: list[int | None]) -> None:
    row = cgcnn_atom_features()[Element(symbol).Z]
    found = [int(row[group].argmax()) if row[group].any() else None for group in GROUPS.values()]
    assert found == columns


def test_the_shared_table_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        cgcnn_atom_features()[1, 1] = 5


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published CGCNN table is not beside the checkout")
def test_agreement_with_the_published_table() -> None:
    published = json.loads(PUBLISHED.read_text())
    numbers = sorted(map(int, published))
    theirs = np.array([published[str(number)] for number in numbers])
    ours = cgcnn_atom_features()[numbers]
    same = {name: float((ours[:, at] == theirs[:, at]).all(axis=1).mean()) for name, at in GROUPS.items()}
    for exact in ("group", "period", "block", "ionization"):
        assert same[exact] == 1, exact
    # The others come of other editions of the element data; where both know a value, they differ little.
    for name, share in {"electronegativity": 0.8, "radius": 0.42, "affinity": 0.63, "volume": 0.8}.items():
        assert same[name] >= share, name
        both = ours[:, GROUPS[name]].any(axis=1) & theirs[:, GROUPS[name]].any(axis=1)
        bins = [table[both, GROUPS[name]].argmax(axis=1) for table in (ours, theirs)]
        assert np.mean(np.abs(bins[0] - bins[1]) <= 1) > 0.94, name
    # The published table counts two electrons for every f-block element and twelve for palladium.
    differ = {numbers[row] for row in np.flatnonzero((ours != theirs)[:, GROUPS["valence"]].any(axis=1))}
    assert differ == {46, *range(57, 71), *range(89, 101)}


def test_magpie_rows_are_its_scaled_properties() -> None:
    table = atom_features("magpie")
    assert table.shape == (119, 22)
    assert not table[0].any()
    raw = property_table("magpie", MAGPIE_PROPERTIES, impute_nan=False)
    assert np.isnan(raw[1:]).any()
    for column in range(22):
        known = ~np.isnan(raw[:, column])
        # A straight line of the raw property, of mean 0 and spread 1 where it is known; the rest is the mean.
        np.testing.assert_allclose(np.corrcoef(raw[known, column], table[known, column])[0, 1], 1, atol=1e-5)
        np.testing.assert_allclose(table[known, column].mean(), 0, atol=1e-5)
        np.testing.assert_allclose(table[known, column].std(), 1, atol=1e-5)
        assert not table[1:, column][~known[1:]].any()


def test_a_linear_map_of_one_column_an_element_is_an_embedding() -> None:
    table = atom_features("learned")
    assert table.shape == (119, 118)
    weights = np.random.default_rng(0).normal(size=(118, 5))
    np.testing.assert_allclose((table @ weights)[[1, 26, 118]], weights[[0, 25, 117]])
    assert not table[0].any()


def test_atom_features_are_shared_and_found_by_name() -> None:
    for name in ("cgcnn", "magpie", "learned"):
        assert atom_features(name) is atom_features(name)
        assert not atom_features(name).flags.writeable
    with pytest.raises(ValueError, match="unknown atom features 'one_hot'"):
        atom_features("one_hot")
