"""What holds for every registered featurizer: labels, matminer's numbers, rows that do not touch each other."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import pytest
from automat_featurizers import Featurizer, PackedStructures
from automat_featurizers.base import as_packed
from automat_featurizers.parity import compare
from automat_featurizers.registry import featurizer, featurizers
from pymatgen.core import Lattice, Structure
from sklearn.base import clone

EVERY = sorted(featurizers())
each = pytest.mark.parametrize("name", EVERY)

# Rows of matminer that fit into a few seconds.
ROWS = {"composition": 24, "structure": 4}


def made(name: str, materials: object) -> Featurizer:
    return featurizer(name).fit(materials)


@pytest.fixture(scope="module")
def small(real: PackedStructures) -> PackedStructures:
    """The smaller half of the real crystals, and a supercell."""
    order = np.argsort(np.diff(real.row_ptr), kind="stable")
    return real.take(order[:12])


@each
def test_what_it_says_of_itself(name: str) -> None:
    kind = featurizers()[name]
    assert kind.name == name
    assert kind.takes in {"composition", "structure"}
    assert kind.gives == "table"
    assert kind.citation
    assert kind.cost_ms > 0
    assert 0 <= kind.parity <= 1e-6
    assert (kind.__doc__ or "").strip()
    assert kind().version == kind().version


@each
def test_labels_are_as_many_as_columns_and_differ(name: str, small: PackedStructures) -> None:
    chosen = made(name, small)
    labels = chosen.get_feature_names_out().tolist()
    assert chosen.transform(small).shape == (len(small), len(labels))
    assert len(set(labels)) == len(labels)


@each
def test_labels_and_numbers_are_matminers(
    name: str, real: PackedStructures, rounds_as_we_do: Callable[..., AbstractContextManager[list[Structure]]]
) -> None:
    chosen = featurizer(name)
    if chosen.matminer() is None:
        pytest.skip("matminer has no such featurizer")
    structures = list(real.take(np.argsort(np.diff(real.row_ptr), kind="stable")[: ROWS[chosen.takes]]))
    materials = [each.composition for each in structures] if chosen.takes == "composition" else structures
    found = compare([chosen], materials, seed=1)
    if not found.stable.any():
        # Where matminer never agrees with itself, ours are still the numbers it has for the crystal as given, as long
        # as what decides them, the last bit, is the same.
        with rounds_as_we_do(structures) as same:
            found = compare([chosen], same, motions=0)
    asked = found.stable
    assert asked.any()
    assert found.difference[asked].max() <= chosen.parity
    for row in found.raised:
        assert row in found.reasons or np.isfinite(np.asarray(chosen.transform([materials[row]]))).all()


@each
def test_a_row_does_not_depend_on_the_others_nor_on_when_it_is_asked(name: str, small: PackedStructures) -> None:
    chosen = made(name, small)
    together = chosen.transform(small)
    np.testing.assert_array_equal(chosen.transform(small), together)
    alone = np.vstack([chosen.transform(small.take([row])) for row in range(len(small))])
    np.testing.assert_array_equal(alone, together)
    turned = chosen.transform(small.take(range(len(small) - 1, -1, -1)))
    np.testing.assert_array_equal(turned[::-1], together)
    assert len(chosen.seconds_) == len(small)


@each
def test_it_is_a_scikit_learn_transformer(name: str, small: PackedStructures) -> None:
    chosen = made(name, small)
    values = chosen.transform(small)
    np.testing.assert_array_equal(clone(chosen).fit(small).transform(small), values)
    again = pickle.loads(pickle.dumps(chosen))  # noqa: S301 - our own bytes
    np.testing.assert_array_equal(again.transform(small), values)
    frame = clone(chosen).fit(small).set_output(transform="pandas").transform(small)
    assert frame.columns.tolist() == chosen.get_feature_names_out().tolist()
    np.testing.assert_array_equal(frame.to_numpy(), values)


@each
def test_objects_and_packed_arrays_are_one(name: str, small: PackedStructures) -> None:
    chosen = made(name, small)
    objects = list(small.compositions) if chosen.takes == "composition" else list(small)
    expected = chosen.transform(as_packed(small, chosen.takes))
    np.testing.assert_allclose(chosen.transform(objects), expected, rtol=1e-9, atol=1e-9)


@each
def test_no_rows_are_no_rows(name: str, small: PackedStructures) -> None:
    chosen = made(name, small)
    assert chosen.transform(small.take([])).shape == (0, len(chosen.get_feature_names_out()))


def hard() -> list[Structure]:
    """Crystals on the edge: each must end as numbers, or as NaN with a reason."""
    return [
        Structure(Lattice.cubic(3.35), ["Po"], [[0, 0, 0]]),  # one atom
        Structure(Lattice.cubic(25.0), ["Xe"], [[0.1, 0, 0]]),  # an isolated atom
        Structure(Lattice.cubic(20.0), ["N", "N"], [[0, 0, 0], [0.055, 0, 0]]),  # a molecule
        Structure(Lattice([[3, 0, 0], [31, 3, 0], [-17, 40, 3.5]]), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
        Structure(Lattice.cubic(0.7), ["H"], [[0, 0, 0]]),  # a tiny cell
        Structure(Lattice.cubic(4.0), ["Na", "Cl"], [[0, 0, 0], [0, 0, 0]]),  # coincident sites
        Structure(Lattice.cubic(4.0), [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]]),  # partial occupancy
        Structure(Lattice.cubic(4.8), ["Og", "Cn"], [[0, 0, 0], [0.5, 0.5, 0.5]]),  # elements without data
        Structure(Lattice.cubic(3.6), ["Cu"], [[7.25, -3.5, 0.5]]),  # outside its cell
    ]


@each
def test_hard_crystals_give_a_number_or_a_reason_and_spoil_no_other(name: str) -> None:
    easy = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    chosen = made(name, [easy])
    alone = chosen.transform([easy])
    values = chosen.transform([easy, *hard(), easy])
    np.testing.assert_array_equal(values[[0, -1]], alone.repeat(2, axis=0))
    missing = set(np.flatnonzero(np.isnan(values).any(axis=1)).tolist())
    assert missing <= set(chosen.failures_)
    assert all(reason.startswith(f"{name}: ") and len(reason) > len(name) + 10 for reason in chosen.failures_.values())
    assert not np.isinf(values).any()


@each
def test_a_large_cell_is_no_trouble(name: str) -> None:
    perovskite = Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(3.9), ["Sr", "Ti", "O"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0]]
    )
    large = perovskite * (4, 4, 3)
    chosen = made(name, [large])
    assert np.isfinite(chosen.transform([large])).all(), chosen.failures_
