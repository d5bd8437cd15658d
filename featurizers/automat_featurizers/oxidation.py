"""Oxidation states guessed from compositions alone, by a search that always ends.

The guess is that of pymatgen's ``Composition.oxi_state_guesses`` and ``add_charges_from_oxi_state_guesses``: the
neutral combination that is likeliest by the counts of oxidation states in the ICSD, of the formula as written
(X2Y2 can be neutral where XY cannot). pymatgen tries all combinations, whose number grows exponentially, and may
not end; here the time grows as a power of the number of atoms, and is bounded. A formula beyond the bound, which
lies at several hundred atoms an element, is reduced before it is searched; one that is too large even then, or that
has amounts that are no whole numbers, gets no guess but a reason. Source of the counts: Bergerhoff et al. 1983,
doi:10.1021/ci00038a003, as Waroquiers et al. 2017 (doi:10.1021/acs.chemmater.7b02766) and pymatgen hold them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from automat_featurizers.elements import MAX_Z, checked_numbers, symbols
from automat_featurizers.packed import PackedCompositions, row_pointer

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_LARGEST = 1e9
"""Amounts beyond it are not read as numbers of atoms."""


@dataclass(frozen=True, eq=False)
class OxidationGuess:
    """Guessed oxidation states of n compositions.

    The species of composition i, an element in one oxidation state each, lie at ``row_ptr[i]:row_ptr[i + 1]``.

    Attributes:
        charges: mean oxidation state of every entry of the compositions, NaN without a guess, shape (entries,).
        row_ptr: offsets of the species, shape (n + 1,).
        atomic_numbers: Z of every species, shape (species,).
        states: oxidation state of every species, shape (species,).
        amounts: of every species in the formula as written, shape (species,).
        reasons: composition to why there is no guess.
    """

    charges: NDArray[np.float64]
    row_ptr: NDArray[np.int64]
    atomic_numbers: NDArray[np.int64]
    states: NDArray[np.int64]
    amounts: NDArray[np.float64]
    reasons: dict[int, str]


class _States(NamedTuple):
    """Oxidation states of the elements: offsets by Z (120,), states and how often they occur (states,)."""

    row_ptr: NDArray[np.int64]
    states: NDArray[np.int64]
    odds: NDArray[np.int64]


def oxidation_guess(packed: PackedCompositions) -> OxidationGuess:
    """Guess the oxidation states of every composition; ``packed.derived(oxidation_guess)`` shares the guess.

    An element by itself has oxidation state 0.
    """
    known = _usual_states()
    numbers, atoms, reasons = _searched(packed, known)
    entries = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
    elemental = (np.diff(packed.row_ptr) == 1)[entries]
    guessed = atoms.sum(axis=1) > 0
    charges = np.full(len(numbers), np.nan)
    of_entry, place = np.nonzero(atoms)
    states = known.states[known.row_ptr[numbers[of_entry]] + place]
    amounts = atoms[of_entry, place].astype(np.float64)
    sums = np.bincount(of_entry, weights=states * amounts, minlength=len(numbers))
    charges[guessed] = sums[guessed] / packed.amounts[guessed]
    charges[elemental] = 0.0
    lone = np.flatnonzero(elemental)
    of_entry = np.concatenate([of_entry, lone])
    order = np.argsort(of_entry, kind="stable")
    of_entry = of_entry[order]
    return OxidationGuess(
        charges=charges,
        row_ptr=row_pointer(np.bincount(entries[of_entry], minlength=len(packed))),
        atomic_numbers=numbers[of_entry],
        states=np.concatenate([states, np.zeros(len(lone), np.int64)])[order],
        amounts=np.concatenate([amounts, packed.amounts[lone]])[order],
        reasons=reasons,
    )


def neutral(packed: PackedCompositions) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Whether common oxidation states can make every composition neutral, atoms of an element may differing.

    Returns:
        1 or 0, or NaN where the search had no answer, shape (n,); row to why.
    """
    _, atoms, reasons = _searched(packed, _common_states(or_others=True))
    entries = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
    possible = np.zeros(len(packed))
    possible[entries[atoms.sum(axis=1) > 0]] = 1.0
    possible[np.diff(packed.row_ptr) == 1] = 1.0
    return _without_answer(possible, reasons)


def neutral_with_one_state_each(packed: PackedCompositions) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Whether common oxidation states, one for all atoms of an element, can make every composition neutral.

    Returns:
        As ``neutral``.
    """
    from automat_featurizers.kernels import oxidation as kernel

    known = _common_states(or_others=False)
    outcomes = kernel.one_state_each(
        packed.row_ptr, checked_numbers(packed), packed.amounts, known.row_ptr, known.states
    )
    possible = (outcomes == kernel.FOUND).astype(np.float64)
    possible[np.diff(packed.row_ptr) == 1] = 1.0
    too_large = np.flatnonzero(outcomes == kernel.TOO_LARGE)
    return _without_answer(possible, dict.fromkeys(too_large.tolist(), _TOO_LARGE))


class WithOxidationStates:
    """A featurizer of matminer on materials that get their guessed oxidation states first.

    Args:
        featurizer: of matminer.
        decorate: ``decorated`` or ``decorated_structure``.
    """

    def __init__(self, featurizer: Any, decorate: Callable[[Any], Any]) -> None:
        self.featurizer = featurizer
        self.decorate = decorate

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn nothing."""
        del X, y
        return self

    def feature_labels(self) -> list[str]:
        """Labels of the featurizer."""
        labels: list[str] = self.featurizer.feature_labels()
        return labels

    def featurize(self, material: Any) -> list[float]:
        """Columns of the material with its oxidation states.

        Raises:
            ValueError: there is no guess.
        """
        values: list[float] = self.featurizer.featurize(self.decorate(material))
        return values


def decorated(composition: Any) -> Any:
    """The pymatgen composition with its guessed oxidation states.

    Raises:
        ValueError: there is no guess.
    """
    from pymatgen.core import Composition, Element, Species

    guess = oxidation_guess(PackedCompositions.pack([composition]))
    if guess.reasons:
        raise ValueError(guess.reasons[0])
    species = zip(guess.atomic_numbers.tolist(), guess.states.tolist(), guess.amounts.tolist(), strict=True)
    return Composition({Species(Element.from_Z(number).symbol, state): amount for number, state, amount in species})


def decorated_structure(structure: Any) -> Any:
    """The pymatgen structure with the mean guessed oxidation state of each element at its sites.

    Raises:
        ValueError: there is no guess.
    """
    composition = structure.composition.element_composition
    guess = oxidation_guess(PackedCompositions.pack([composition]))
    if guess.reasons:
        raise ValueError(guess.reasons[0])
    charges = {element.symbol: charge for element, charge in zip(composition, guess.charges.tolist(), strict=True)}
    charged = structure.copy()
    charged.add_oxidation_state_by_element(charges)
    return charged


_UNBALANCED = "no oxidation states that are known of its elements balance its charges"
_TOO_LARGE = "too many atoms to search their oxidation states"
_NOT_WHOLE = "oxidation states need whole numbers of atoms"


def _without_answer(
    possible: NDArray[np.float64], reasons: dict[int, str]
) -> tuple[NDArray[np.float64], dict[int, str]]:
    """NaN where there is no answer; that there are no such states is one."""
    open_questions = {row: why for row, why in reasons.items() if why in {_TOO_LARGE, _NOT_WHOLE}}
    possible[list(open_questions)] = np.nan
    return possible, open_questions


def _searched(
    packed: PackedCompositions, known: _States
) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[int, str]]:
    """Z of every entry; its atoms in each state of its element, shape (entries, most states); why there are none."""
    from automat_featurizers.kernels import oxidation as kernel

    numbers = checked_numbers(packed)
    whole = (packed.amounts == np.floor(packed.amounts)) & (packed.amounts > 0) & (packed.amounts < _LARGEST)
    counts = np.where(whole, packed.amounts, 0).astype(np.int64)
    atoms, outcomes = kernel.likeliest_states(packed.row_ptr, numbers, counts, *known)
    reasons: dict[int, str] = {}
    for row in np.flatnonzero(outcomes == kernel.TOO_LARGE):
        span = slice(packed.row_ptr[row], packed.row_ptr[row + 1])
        formulas = int(np.gcd.reduce(counts[span]))
        reduced, again = kernel.likeliest_states(
            np.array([0, span.stop - span.start]), numbers[span], counts[span] // max(formulas, 1), *known
        )
        atoms[span], outcomes[row] = reduced * formulas, again[0]
    why = {kernel.UNBALANCED: _UNBALANCED, kernel.TOO_LARGE: _TOO_LARGE}
    entries = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
    broken = np.zeros(len(packed), np.bool_)
    broken[entries[~whole]] = True
    lone = np.diff(packed.row_ptr) == 1
    atoms[(broken | lone)[entries]] = 0
    for row in np.flatnonzero(((outcomes != kernel.FOUND) | broken) & ~lone).tolist():
        if outcomes[row] == kernel.NO_STATES:
            span = slice(packed.row_ptr[row], packed.row_ptr[row + 1])
            of = set(numbers[span].tolist())
            without = {number for number in of if known.row_ptr[number] == known.row_ptr[number + 1]}
            reasons[row] = f"no oxidation states known of {', '.join(symbols()[number] for number in sorted(without))}"
        else:
            reasons[row] = _NOT_WHOLE if broken[row] else why[int(outcomes[row])]
    return numbers, atoms, reasons


def _table(states: list[tuple[int, ...]], odds: list[int]) -> _States:
    """States of the elements by Z, from 1 on."""
    flat = np.array([state for each in states for state in each], np.int64)
    return _States(row_pointer([0, *(len(each) for each in states)]), flat, np.array(odds, np.int64))


@cache
def _usual_states() -> _States:
    """What pymatgen tries: states that are usual in the ICSD, or all that are known, in its order."""
    from pymatgen.core import Composition, Element

    Composition("NaCl").oxi_state_guesses()  # pymatgen reads its counts at the first guess
    counted = {(species.symbol, species.oxi_state): int(count) for species, count in Composition.oxi_prob.items()}
    elements = [Element.from_Z(number) for number in range(1, MAX_Z + 1)]
    states = [each.icsd_oxidation_states or each.oxidation_states for each in elements]
    odds = [
        counted.get((each.symbol, state), 0) for each, tried in zip(elements, states, strict=True) for state in tried
    ]
    return _table(states, odds)


@cache
def _common_states(*, or_others: bool) -> _States:
    """States that pymatgen calls common; for an element that has none, those that ``_usual_states`` has."""
    from pymatgen.core import Element

    elements = [Element.from_Z(number) for number in range(1, MAX_Z + 1)]
    common = [
        each.common_oxidation_states or ((each.icsd_oxidation_states or each.oxidation_states) if or_others else ())
        for each in elements
    ]
    return _table(common, [0 for each in common for _ in each])
