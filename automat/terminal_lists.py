"""What there is, as tables: datasets, models, feature sets, splits. Listing loads no library that computes."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

_WIDE = 200


def print_datasets() -> None:
    """The datasets with a name: those that ship, and those that are found elsewhere, or not."""
    from automat import datasets

    ships = _table("name", "rows", "task", "unit", "spread", "inputs", "source")
    others = _table("name", "rows", "task", "unit", "spread", "inputs", "where")
    for table, found in ((ships, datasets.available()), (others, datasets.elsewhere())):
        for info in found:
            spread = f"{info.spread:.3g}" if info.task == "regression" else f"{info.spread:.0%} outside largest class"
            last = info.source if table is ships else escape(info.where)
            table.add_row(info.name, str(info.rows), info.task, info.unit, spread, info.inputs, last)
    (console := _console()).print(ships)
    console.print("Matbench v0.1, and other public datasets that do not ship:", style="dim")
    console.print(others)
    console.print("spread: mean absolute deviation of the target, what guessing its mean costs")
    console.print(f"matminer's catalogue, by name: {', '.join(datasets.fetched())}", soft_wrap=True, highlight=False)


def print_models() -> None:
    """The registered models, and what may be set of them."""
    from automat.models import allowed, registry, unavailable_because

    table = _table("name", "takes", "tasks", "cost", "available", "licence", "citation, and source of search ranges")
    settings = _table("name", "variants", "settings")
    for model in sorted(registry().values(), key=lambda model: model.name):
        state = unavailable_because(model) or "yes"
        tasks = ", ".join(model.tasks)
        table.add_row(model.name, model.input, tasks, model.cost, state, model.licence, model.citation)
        variants = ", ".join(f"{model.name}:{variant}" for variant in model.variants)
        settings.add_row(model.name, variants, ", ".join(allowed(model)))
    console = _console()
    console.print(table)
    console.print("Settings go behind a colon, a variant first: cgcnn:tutorial, xgboost:max_depth=6,n_estimators=100")
    console.print(settings)


def print_featurizers() -> None:
    """The feature sets, and the featurizers they are made of."""
    import automat_featurizers

    sets = _table("name", "takes", "columns", "ms a row", "what", "citation")
    for found in automat_featurizers.feature_sets():
        papers = "; ".join(citation.partition(")")[0] + ")" for citation in found.citation.split("; "))
        sets.add_row(found.name, found.takes, str(found.columns), f"{found.cost_ms:.3g}", found.summary, papers)
    singles = _table("name", "takes", "columns", "ms a row", "what", "citation")
    for name, kind in sorted(automat_featurizers.featurizers().items()):
        what = (kind.__doc__ or "").partition("\n")[0]
        made = kind()
        columns = str(len(made.get_feature_names_out())) if made.__sklearn_is_fitted__() else "as learned"
        singles.add_row(name, kind.takes, columns, f"{kind.cost_ms:.3g}", what, kind.citation)
    console = _console()
    console.print(sets)
    console.print("Single featurizers; --features also takes these, and several joined by '+':", style="dim")
    console.print(singles)
    console.print("Any other featurizer of matminer: matminer:CLASS or matminer:CLASS(PRESET)", style="dim")


def print_splits() -> None:
    """The splits."""
    from automat.splits import HIGHER_RUNGS, LADDER, SPLITS

    table = _table("name", "needs", "what its score tells", "version")
    for kind in SPLITS.values():
        table.add_row(kind.usage, kind.needs, kind.summary, kind.version)
    several = f"random, {', '.join(HIGHER_RUNGS)}: the same entrants on each, and how far the tests lie"
    table.add_row(LADDER, "what its splits need", several, "")
    console = _console()
    console.print(table)
    repeatable = ", ".join(kind.name for kind in SPLITS.values() if kind.shuffled)
    console.print(f"NAME*R repeats a split R times, shuffled anew: {repeatable}; e.g. random*3", markup=False)
    console.print("a column is one beside the materials, or one of a plain table (models do not see it then)")


def _table(*heads: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        table.add_column(head, no_wrap=head in {"name", "rows", "tasks", "spread", "unit"})
    return table


def _console() -> Console:
    console = Console()
    # A pipe has no width of its own; 80 columns would break every row of the table.
    return console if console.is_terminal else Console(width=_WIDE)
