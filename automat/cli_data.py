"""`automat data`: look at a dataset before anything is learnt from it. Wiring only, as in automat.cli."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from automat.datasets import Reading

app = typer.Typer(
    name="data",
    help="Understand a dataset: what was read, what stands out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

DEFAULT_RUNS = Path("automat-runs")

Id = Annotated[str | None, typer.Option("--id", help="Column of the rows' names.")]
Formula = Annotated[str | None, typer.Option(help="Column of chemical formulas.")]
Structure = Annotated[str | None, typer.Option(help="Column of crystals: CIF, POSCAR or pymatgen's JSON.")]


def readings(
    dataset: str, target: str | None, id_column: str | None, formula: str | None, structure: str | None
) -> tuple[Reading, ...]:
    """One reading for each target; how a file was read is printed, since its columns may be guessed."""
    from automat import terminal_data
    from automat.datasets import Columns, read_each

    found = read_each(dataset, target=target, columns=Columns(id=id_column, formula=formula, structure=structure))
    terminal_data.print_readings(found)
    return found


@app.command()
def describe(
    dataset: Annotated[str, typer.Argument(help="A name from `automat datasets`, a file, or a folder.")],
    target: Annotated[str | None, typer.Option(help="Target column; several, comma-separated; or all.")] = None,
    id_column: Id = None,
    formula: Formula = None,
    structure: Structure = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON: a list, one object a target.")] = False,
) -> None:
    """Say what was understood of a dataset, what stands out, and what is done about each."""
    from automat import datasets, terminal_data
    from automat.datasets import describe as describing

    columns = datasets.Columns(id=id_column, formula=formula, structure=structure)
    described = [describing.of(each) for each in datasets.read_each(dataset, target=target, columns=columns)]
    if json:
        terminal_data.print_json(described)
        return
    for one in described:
        terminal_data.print_description(one)


@app.command()
def explore(
    dataset: Annotated[str, typer.Option(help="A name from `automat datasets`, a table file, or a folder.")],
    target: Annotated[str | None, typer.Option(help="Target column of a file.")] = None,
    seed: Annotated[int, typer.Option(help="Of the sample, the map and the clusters.")] = 0,
    lang: Annotated[str, typer.Option(help="Language of the page: en or ko.")] = "en",
    out: Annotated[Path, typer.Option("--out", "--runs", help="Folder of records and pages.")] = DEFAULT_RUNS,
) -> None:
    """Draw what one looks at before modelling: distributions, maps, clusters, outliers, duplicates."""
    from automat import exploration

    typer.echo(f"page: {exploration.write(dataset, out, target=target, seed=seed, lang=lang)}")


@app.command()
def mp(
    fields: Annotated[str, typer.Option(help="Fields of the summary, comma-separated; the first is the target.")],
    chemsys: Annotated[str | None, typer.Option(help="Chemical systems, comma-separated, e.g. Li-O.")] = None,
    elements: Annotated[str | None, typer.Option(help="Elements that all are there, e.g. Li,O.")] = None,
    formula: Annotated[str | None, typer.Option(help="Formulas, comma-separated.")] = None,
    out: Annotated[Path, typer.Option(help="The table, a .json file; its card is written beside.")] = Path("mp.json"),
    limit: Annotated[int | None, typer.Option(help="At most so many materials.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask again for pages that are kept.")] = False,
) -> None:
    """Fetch crystals and properties of the Materials Project; your key is taken from MP_API_KEY."""
    from automat import running, terminal_data
    from automat.datasets import materials_project

    def listed(text: str | None) -> list[str]:
        return [name.strip() for name in (text or "").split(",") if name.strip()]

    fetched = materials_project.query(
        chemsys=listed(chemsys),
        elements=listed(elements),
        formula=listed(formula),
        fields=listed(fields),
        out=out,
        cache=running.cache_dir(out.parent) / "materials-project",
        limit=limit,
        fresh=fresh,
    )
    terminal_data.print_fetched(fetched)


@app.command()
def optimade(
    url: Annotated[str, typer.Option(help="Of the database, e.g. https://optimade.materialsproject.org")],
    wanted: Annotated[str, typer.Option("--filter", help='OPTIMADE\'s own, e.g. elements HAS ALL "Li","O"')],
    fields: Annotated[str, typer.Option(help="Fields of single values, comma-separated; the first is the target.")],
    out: Annotated[Path, typer.Option(help="The table, a .json file; its card is written beside.")] = Path(
        "optimade.json"
    ),
    limit: Annotated[int | None, typer.Option(help="At most so many structures.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask again for pages that are kept.")] = False,
) -> None:
    """Fetch crystals and properties of any database that speaks OPTIMADE."""
    from automat import terminal_data
    from automat.datasets import optimade as database
    from automat.running import cache_dir

    fetched = database.query(
        url=url,
        wanted=wanted,
        fields=[name.strip() for name in fields.split(",") if name.strip()],
        out=out,
        cache=cache_dir(out.parent) / "optimade",
        limit=limit,
        fresh=fresh,
    )
    terminal_data.print_fetched(fetched)
