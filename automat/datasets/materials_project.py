"""Crystals and properties of the Materials Project, by its REST interface: page by page, each kept as it comes.

A query is a folder of pages. What broke off goes on behind the last page that is there; a query that is done asks
the server nothing. The interface is that of https://api.materialsproject.org (its key from the user's account there).

Materials Project: Jain et al. (2013), APL Mater. 1, 011002, doi:10.1063/1.4812323.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

from automat.core import InputError
from automat.datasets import kept_pages
from automat.datasets.kept_pages import Fetched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from automat.datasets.kept_pages import Answer

KEY_VARIABLE = "MP_API_KEY"
SERVER_VARIABLE = "AUTOMAT_MP_SERVER"
SERVER = "https://api.materialsproject.org"
ALWAYS = ("material_id", "formula_pretty", "structure")

_PATH = "/materials/summary/"
_PAGE = 500
_REFUSED = (401, 403)
_WRONG = (400, 404, 422)
_LICENCE = "CC BY 4.0 (Materials Project)"
_CITATION = "Jain et al. (2013), APL Mater. 1, 011002, doi:10.1063/1.4812323"


def query(
    *,
    chemsys: Sequence[str] = (),
    elements: Sequence[str] = (),
    formula: Sequence[str] = (),
    fields: Sequence[str],
    out: Path,
    cache: Path,
    limit: int | None = None,
    page: int = _PAGE,
    fresh: bool = False,
    wait: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Fetch crystals and fields of the materials that fit, as a table with a card beside it.

    Args:
        chemsys: chemical systems, such as ``Li-O``.
        elements: symbols that all must be there.
        formula: formulas.
        fields: of the summary documents: numbers, text, or truth values, e.g. ``formation_energy_per_atom``.
        out: the table: a .json file.
        cache: folder of the pages.
        limit: at most so many materials.
        page: materials a page.
        fresh: ask for every page again.
        wait: called with seconds before another attempt.

    Raises:
        InputError: no key, nothing to ask for, or the server says no; what has come so far is kept.
    """
    asked = _parameters(chemsys, elements, formula, fields)
    kept_pages.check(limit, page, out, "material")
    key = os.environ.get(KEY_VARIABLE, "").strip()
    server = os.environ.get(SERVER_VARIABLE, SERVER).rstrip("/")
    folder = cache / hashlib.sha256(json.dumps([server, asked, page], sort_keys=True).encode()).hexdigest()[:16]
    documents: list[dict[str, Any]] = []
    number = reused = 0
    told = f"the Materials Project ({server})"

    def fetch(number: int) -> dict[str, Any]:
        if not key:
            raise InputError(f"no key for the Materials Project: set {KEY_VARIABLE} (from your account there)")
        parameters = asked | {"_skip": str(number * page), "_limit": str(page)}
        return kept_pages.patiently(
            lambda: _page(server, parameters, key, number), server=told, number=number, wait=wait
        )

    last: list[dict[str, Any]] = []
    for number, (content, is_kept) in enumerate(kept_pages.pages(folder, fetch, server=told, fresh=fresh), start=1):
        documents += content["data"]
        reused += is_kept
        if len(content["data"]) < page or (limit is not None and len(documents) >= limit):
            break
        if content["data"] == last:
            raise InputError(f"{told} gives the same materials again and again: page {number} is page {number - 1}")
        last = content["data"]
    if not documents:
        raise InputError(f"no material of the Materials Project fits {_told(asked)}")
    rows = _rows(documents[:limit], fields)
    card = kept_pages.table(out, rows, fields, _about(asked, fields), "material")
    return Fetched(out, card, len(rows), number, reused)


def _parameters(
    chemsys: Sequence[str],
    elements: Sequence[str],
    formula: Sequence[str],
    fields: Sequence[str],
) -> dict[str, str]:
    given = {"chemsys": chemsys, "elements": elements, "formula": formula}
    said = {name: ",".join(text.strip() for text in values) for name, values in given.items() if values}
    if not said:
        raise InputError("which materials? Give a chemical system (Li-O), elements (Li,O) or a formula (Li2O)")
    if not fields or not all(field.replace("_", "").isalnum() for field in fields):
        raise InputError(
            f"fields {','.join(fields)!r} are no names of fields; e.g. formation_energy_per_atom, band_gap, density"
        )
    # Pages of one order, so that those of yesterday and those of today make one table.
    return said | {"_fields": ",".join(dict.fromkeys((*ALWAYS, *fields))), "_sort_fields": ALWAYS[0]}


def _told(asked: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in asked.items() if not name.startswith("_"))


def _page(server: str, parameters: Mapping[str, str], key: str, number: int) -> dict[str, Any]:
    """One page.

    Raises:
        NoAnswerError: another attempt may do better.
        InputError: the server says no; the message never holds the key.
    """
    # The key goes to no other server.
    answer = kept_pages.ask(server + _PATH, params=parameters, headers={"X-API-KEY": key})
    if answer.status in _REFUSED:
        raise InputError(
            f"the Materials Project refuses the key of {KEY_VARIABLE} ({answer.status}); "
            f"{number} pages are kept, the same command goes on"
        )
    if answer.status in _WRONG:
        raise InputError(f"the Materials Project does not understand the query: {_detail(answer)}")
    try:
        documents = answer.json()["data"]
    except (kept_pages.NoAnswerError, KeyError, TypeError):
        documents = None
    if answer.status >= min(_WRONG) or not isinstance(documents, list) or not all(map(_is_document, documents)):
        raise kept_pages.NoAnswerError(f"it answered {answer.status} with something else than documents")
    return {"data": documents}


def _is_document(said: object) -> bool:
    return isinstance(said, dict)


def _detail(answer: Answer) -> str:
    text = " ".join(answer.body.decode(errors="replace").split())
    return f"{answer.status}, {text[:300]}"


def _rows(documents: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> list[dict[str, Any]]:
    """Of every material its id, formula, structure (JSON text), and the fields."""
    rows = {}
    for document in documents:
        # A material may come twice where the database changed between two pages.
        identity, crystal = str(document.get("material_id")), document.get("structure")
        rows[identity] = {
            "id": identity,
            "formula": document.get("formula_pretty"),
            "structure": json.dumps(crystal) if crystal else None,
            **{field: document.get(field) for field in fields if field not in ALWAYS},
        }
    return list(rows.values())


_UNITS = {
    "formation_energy_per_atom": "eV/atom", "energy_per_atom": "eV/atom", "energy_above_hull": "eV/atom",
    "uncorrected_energy_per_atom": "eV/atom", "band_gap": "eV", "density": "g/cm^3", "volume": "angstrom^3",
    "total_magnetization": "mu_B", "efermi": "eV", "cbm": "eV", "vbm": "eV",
}  # fmt: skip
"""Of summary documents, as the interface documents them."""


def _about(asked: Mapping[str, str], fields: Sequence[str]) -> dict[str, Any]:
    """The card's content."""
    units = {field: _UNITS[field] for field in fields if field in _UNITS}
    content: dict[str, Any] = {
        "source": f"Materials Project, summary documents: {_told(asked)}",
        "licence": _LICENCE,
        "citation": _CITATION,
    }
    if units:
        content["unit"] = units
    if fields[0] not in ALWAYS:
        content["target"] = fields[0]
    return content
