"""Rows that belong together are never parted, or are left out together.

``formula``, ``chemical-system`` and ``space-group`` are grouped k-fold: every row is tested once.
``crystal-system-out``, ``element-out`` and ``periodic-group-out`` leave one group out a fold (Meredig et al.
2018, doi:10.1039/C8ME00012C); with N folds the N largest groups that can be left out, largest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automat.core import InputError
from automat.splits._base import MIN_LEFT_OUT, Cut, SplitKind, codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from automat_featurizers.packed import PackedCompositions
    from numpy.typing import NDArray

    from automat.splits._base import Request

SPACE_GROUP_COLUMNS = ("space_group_number", "spacegroup_number", "space_group", "spacegroup", "spg_num", "spg_number")
"""Columns beside the inputs that are read, by name, where a dataset has no structures."""

_LAST_SPACE_GROUP = (2, 15, 74, 142, 167, 194, 230)
_CRYSTAL_SYSTEMS = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic")
"""In the order of their space groups (International Tables for Crystallography, volume A)."""

_UNKNOWN = "unknown"
_F_BLOCK = {"lanthanides": 0, "actinides": 19}
_MOST_LEFT_OUT = 0.5


def grouped_kfold(request: Request, what: str) -> list[Cut]:
    """K-fold over groups, balanced.

    Groups are shuffled, then each goes, largest first, to the fold with the fewest rows.

    Raises:
        InputError: there are fewer groups than folds.
    """
    import numpy as np

    _, group, sizes = np.unique(request.of_rows(), return_inverse=True, return_counts=True)
    folds = request.folds_of(len(sizes), what)
    shuffled = np.random.default_rng(request.seed).permutation(len(sizes))
    fold_of_group = np.empty(len(sizes), dtype=np.intp)
    filled = np.zeros(folds, dtype=np.int64)
    for label in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        emptiest = int(filled.argmin())
        fold_of_group[label] = emptiest
        filled[emptiest] += sizes[label]
    return [Cut(request.rows[fold_of_group[group] == fold]) for fold in range(folds)]


def leave_out(request: Request, member: NDArray[np.bool_], names: Sequence[str], what: str) -> list[Cut]:
    """One group a fold: the test rows are all its members, and no training row is one.

    Groups that may be left out have at least two rows, and at most half of the rows, so that there is
    something to learn from; of these the ``folds`` largest, largest first (equal ones in the given order).

    Args:
        request: what to cut.
        member: whether a row of the request is in a group, shape (rows, groups); a row may be in several.
        names: of the groups.
        what: they are, in the plural.

    Raises:
        InputError: fewer groups can be left out than there are folds.
    """
    import numpy as np

    sizes = member.sum(axis=0)
    able = np.flatnonzero((sizes >= MIN_LEFT_OUT) & (sizes <= _MOST_LEFT_OUT * len(request.rows)))
    folds = request.folds_of(len(able), f"{what} (those with at least {MIN_LEFT_OUT} rows, and at most half of all)")
    largest = able[np.argsort(-sizes[able], kind="stable")][:folds]
    return [Cut(request.rows[member[:, group]], names[group]) for group in largest]


def formulas(request: Request) -> NDArray[np.intp]:
    """Groups by reduced formula.

    Raises:
        InputError: rows have no formulas.
    """
    import numpy as np

    return codes(np.array(_compositions(request, "formula", "formulas").formulas))


def chemical_systems(request: Request) -> NDArray[np.intp]:
    """Groups by the set of elements.

    Raises:
        InputError: rows have no compositions.
    """
    import numpy as np

    has = _element_table(_compositions(request, "chemical-system", "compositions"))
    return codes(np.packbits(has, axis=1).copy().view(f"S{-(-has.shape[1] // 8)}").ravel())


def space_groups(request: Request) -> NDArray[np.intp]:
    """Groups by space group number.

    Raises:
        InputError: rows have neither structures nor a column of space groups.
    """
    return codes(space_group_numbers(request, "space-group"))


def crystal_systems(request: Request) -> NDArray[np.intp]:
    """Codes of the crystal system, in the order of the space groups; 7 where it is not known.

    Raises:
        InputError: rows have neither structures nor a column of space groups.
    """
    import numpy as np

    numbers = space_group_numbers(request, "crystal-system-out")
    systems = np.searchsorted(_LAST_SPACE_GROUP, numbers)
    return np.where(numbers > 0, systems, len(_CRYSTAL_SYSTEMS)).astype(np.intp)


def space_group_numbers(request: Request, kind: str) -> NDArray[np.int64]:
    """By spglib (tolerance 0.01 angstrom) from structures, else from a column; 0 where it is not known.

    Raises:
        InputError: neither is there.
    """
    import numpy as np

    dataset = request.dataset
    if dataset.structures is not None:
        import automat_featurizers

        # spglib takes milliseconds a crystal: computed once, and kept where features are.
        found = automat_featurizers.featurize(
            dataset.structures, [automat_featurizers.GlobalSymmetryFeatures()], cache_dir=request.cache_dir
        )
        return np.nan_to_num(found.values[:, found.names.index("spacegroup_num")]).astype(np.int64)
    columns = {} if dataset.extra is None else {str(name).lower(): dataset.extra[name] for name in dataset.extra}
    for name in SPACE_GROUP_COLUMNS:
        if name not in columns:
            continue
        import pandas as pd

        values = pd.to_numeric(columns[name], errors="coerce").fillna(0).to_numpy()
        return np.where((values >= 1) & (values <= _LAST_SPACE_GROUP[-1]), values, 0).astype(np.int64)
    raise InputError(
        f"split {kind!r} needs structures, or a column {SPACE_GROUP_COLUMNS[0]!r}; {dataset.name!r} has neither"
    )


def cut_formula(request: Request) -> list[Cut]:
    """All polymorphs of a composition lie in the same fold."""
    return grouped_kfold(request, "distinct formulas")


def cut_chemical_system(request: Request) -> list[Cut]:
    """All compounds of the same elements lie in the same fold."""
    return grouped_kfold(request, "chemical systems")


def cut_space_group(request: Request) -> list[Cut]:
    """All crystals of a space group lie in the same fold."""
    return grouped_kfold(request, "space groups")


def cut_crystal_system(request: Request) -> list[Cut]:
    """Each crystal system is left out in turn."""
    import numpy as np

    member = request.of_rows()[:, None] == np.arange(len(_CRYSTAL_SYSTEMS) + 1)
    return leave_out(request, member, (*_CRYSTAL_SYSTEMS, _UNKNOWN), "crystal systems")


def cut_element(request: Request) -> list[Cut]:
    """Each of the commonest elements is left out in turn: every compound that has it is tested."""
    from automat_featurizers.elements import symbols

    has = _element_table(_compositions(request, "element-out", "compositions"))[request.rows]
    return leave_out(request, has, symbols(), "elements")


def cut_periodic_group(request: Request) -> list[Cut]:
    """Each of the commonest groups of the periodic table is left out in turn, with all its elements.

    Lanthanides and actinides count as groups of their own.
    """
    import numpy as np

    has = _element_table(_compositions(request, "periodic-group-out", "compositions"))[request.rows]
    number, names = _periodic_groups(has.shape[1])
    member = np.stack([has[:, number == group].any(axis=1) for group in range(len(names))], axis=1)
    return leave_out(request, member, names, "groups of the periodic table")


def _compositions(request: Request, kind: str, what: str) -> PackedCompositions:
    packed = request.dataset.compositions
    if packed is None:
        raise InputError(f"split {kind!r} needs {what}, but {request.dataset.name!r} is a plain table; use 'random'")
    return packed


def _element_table(packed: PackedCompositions) -> NDArray[np.bool_]:
    """Whether a row has an element, shape (n, 119); column Z."""
    import numpy as np

    has = np.zeros((len(packed), 119), dtype=np.bool_)
    row = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
    has[row[packed.amounts > 0], packed.atomic_numbers[packed.amounts > 0]] = True
    return has


def _periodic_groups(count: int) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """The group of every Z below ``count``, and the groups' names; 0 is that of the lanthanides."""
    import numpy as np
    from pymatgen.core import Element

    number = np.full(count, -1, dtype=np.intp)
    for z in range(1, count):
        element = Element.from_Z(z)
        f_block = "lanthanides" if element.is_lanthanoid else "actinides" if element.is_actinoid else None
        number[z] = _F_BLOCK[f_block] if f_block else int(element.group)
    return number, ("lanthanides", *(f"group {group}" for group in range(1, 19)), "actinides")


_COMPOSITIONS = "compositions or structures"
_SPACE_GROUPS = f"structures, or a column {SPACE_GROUP_COLUMNS[0]!r}"

KINDS = (
    SplitKind(
        "formula",
        cut_formula,
        "grouped by reduced formula: no polymorph of a test row is trained on",
        needs=_COMPOSITIONS,
        groups=formulas,
        shuffled=True,
    ),
    SplitKind(
        "chemical-system",
        cut_chemical_system,
        "grouped by the set of elements: how well the model does on elements never seen together",
        needs=_COMPOSITIONS,
        groups=chemical_systems,
        shuffled=True,
    ),
    SplitKind(
        "element-out",
        cut_element,
        "one element left out a fold, the N commonest: how well the model does on an element it has never seen",
        needs=_COMPOSITIONS,
    ),
    SplitKind(
        "periodic-group-out",
        cut_periodic_group,
        "one group of the periodic table left out a fold, the N commonest: chemistry without near relatives",
        needs=_COMPOSITIONS,
    ),
    SplitKind(
        "space-group",
        cut_space_group,
        "grouped by space group: how well the model does on symmetries it has never seen",
        needs=_SPACE_GROUPS,
        groups=space_groups,
        shuffled=True,
    ),
    SplitKind(
        "crystal-system-out",
        cut_crystal_system,
        "one crystal system left out a fold, the N commonest: whether what is learnt carries over to other symmetry",
        needs=_SPACE_GROUPS,
        groups=crystal_systems,
    ),
)
