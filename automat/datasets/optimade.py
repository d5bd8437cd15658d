"""Crystals and properties of any database that speaks OPTIMADE: page by page, each kept as it comes.

A query is a folder of pages. What broke off goes on behind the last page that is there; a query that is done asks
the server nothing.

OPTIMADE: Andersen et al. (2021), Sci. Data 8, 217, doi:10.1038/s41597-021-00974-z; the interface's version 1.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

from automat.core import InputError
from automat.datasets import kept_pages
from automat.datasets.kept_pages import Fetched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_CRYSTAL = ("lattice_vectors", "cartesian_site_positions", "species_at_sites", "species", "dimension_types")
_ALWAYS = ("chemical_formula_reduced", *_CRYSTAL)
_VERSION = re.compile(r"/v\d+(?:\.\d+)*$")
_FIELD = re.compile(r"[a-z_][a-z_0-9]*")
_PAGE = 100
_WRONG = 400
_CITATION = "Andersen et al. (2021), Sci. Data 8, 217, doi:10.1038/s41597-021-00974-z"


def query(
    *,
    url: str,
    wanted: str,
    fields: Sequence[str],
    out: Path,
    cache: Path,
    limit: int | None = None,
    page: int = _PAGE,
    fresh: bool = False,
    wait: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Fetch crystals and fields of the structures that fit, as a table with a card beside it.

    Args:
        url: of the database's interface, with or without its version (``https://optimade.materialsproject.org``).
        wanted: a filter in OPTIMADE's language, e.g. ``elements HAS ALL "Li","O" AND nelements=2``.
        fields: single values: of the standard (``nsites``), or the database's own (``_mp_stability``).
        out: the table: a .json file.
        cache: folder of the pages.
        limit: at most so many structures.
        page: structures a page; a server may give fewer.
        fresh: ask for every page again.
        wait: called with seconds before another attempt.

    Raises:
        InputError: nothing to ask for, or the server says no; what has come so far is kept.
    """
    base = _base(url)
    _check(wanted, fields)
    kept_pages.check(limit, page, out, "structure")
    asked = {"filter": wanted, "response_fields": ",".join(dict.fromkeys((*_ALWAYS, *fields))), "page_limit": str(page)}
    folder = cache / hashlib.sha256(json.dumps([base, asked], sort_keys=True).encode()).hexdigest()[:16]
    entries: list[dict[str, Any]] = []
    provider, reused, after = "", 0, f"{base}/structures?{urlencode(asked)}"
    before: list[str] = []

    def fetch(number: int) -> dict[str, Any]:
        return kept_pages.patiently(lambda: _page(after), server=repr(urlsplit(after).netloc), number=number, wait=wait)

    for content, is_kept in kept_pages.pages(folder, fetch, server=repr(base), fresh=fresh):
        before.append(after)
        entries += content["data"]
        provider, reused = content["provider"], reused + is_kept
        if not content["next"] or not content["data"] or (limit is not None and len(entries) >= limit):
            break
        after = _following(after, content["next"], base)
        if after in before:
            raise InputError(
                f"{base!r} gives the same pages again and again: page {len(before) + 1} would be {after!r}"
            )
    if not entries:
        raise InputError(f"no structure of {base!r} fits {wanted!r}")
    rows = _rows(entries[:limit], fields)
    about = {
        "source": f"{provider or urlsplit(base).netloc}, by OPTIMADE ({base}): {wanted}",
        "citation": f"{provider or 'the database'}: see there; {_CITATION}",
        "target": fields[0],
    }
    card = kept_pages.table(out, rows, fields, about, "structure")
    return Fetched(out, card, len(rows), len(before), reused)


def _base(url: str) -> str:
    parts = _split(url.strip())
    if parts is None or parts.scheme not in {"http", "https"} or not parts.netloc or parts.query:
        raise InputError(f"{url!r} is no address of a database; e.g. https://optimade.materialsproject.org")
    base = url.strip().rstrip("/").removesuffix("/structures")
    return base if _VERSION.search(base) else f"{base}/v1"


def _split(url: str) -> SplitResult | None:
    """The parts of an address; None of what is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _check(wanted: str, fields: Sequence[str]) -> None:
    if not wanted.strip():
        raise InputError('which structures? Give a filter, e.g. elements HAS ALL "Li","O" AND nelements=2')
    if not fields or not all(_FIELD.fullmatch(field) for field in fields):
        raise InputError(
            f"fields {','.join(fields)!r} are no names of fields; e.g. nsites, or a database's _mp_stability"
        )


def _following(before: str, link: str, base: str) -> str:
    """The next page's address, which the server gives.

    Raises:
        InputError: it is none, or leads to another server.
    """
    there, here = _split(link), urlsplit(base)
    if there is None:
        raise InputError(f"the next page of {base!r} is said to be at {link!r}, which is no address")
    url = urljoin(before, link)
    there = urlsplit(url)
    if there.netloc != here.netloc or there.scheme not in {here.scheme, "https"}:
        raise InputError(
            f"the next page of {base!r} is said to be at {there.netloc!r}, another server; it is not asked"
        )
    return url


def _page(url: str) -> dict[str, Any]:
    """One page.

    Raises:
        NoAnswerError: another attempt may do better.
        InputError: the server says no.
    """
    answer = kept_pages.ask(url)
    content = answer.json()
    if answer.status < _WRONG and _is_page(content):
        return {"data": content["data"], "next": _next(content), "provider": _provider(content)}
    raise InputError(f"{urlsplit(url).netloc!r} does not understand the query: {_detail(answer.status, content)}")


def _is_page(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and isinstance(content.get("data"), list)
        and all(isinstance(each, dict) and isinstance(each.get("attributes"), dict) for each in content["data"])
    )


def _next(content: Mapping[str, Any]) -> str:
    links = content.get("links")
    link = links.get("next") if isinstance(links, dict) else None
    link = link.get("href") if isinstance(link, dict) else link
    return link if isinstance(link, str) else ""


def _provider(content: Mapping[str, Any]) -> str:
    about = content.get("meta")
    said = about.get("provider") if isinstance(about, dict) else None
    return str(said.get("name", "")) if isinstance(said, dict) else ""


def _detail(status: int, content: Any) -> str:
    errors = content.get("errors") if isinstance(content, dict) else None
    said = errors[0].get("detail", "") if isinstance(errors, list) and errors and isinstance(errors[0], dict) else ""
    return f"{status}, {' '.join(str(said).split())[:300] or 'no reason given'}"


def _rows(entries: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> list[dict[str, Any]]:
    """Of every structure its id, formula, crystal (JSON text), and the fields."""
    rows = {}
    for entry in entries:
        said = entry["attributes"]
        rows[str(entry.get("id"))] = {
            "id": str(entry.get("id")),
            "formula": said.get("chemical_formula_reduced"),
            "structure": _crystal(said),
            **{field: said.get(field) for field in fields},
        }
    return list(rows.values())


def _crystal(said: Mapping[str, Any]) -> str | None:
    """Pymatgen's JSON of a structure; None of what is no crystal: its row is set aside on reading, and counted."""
    from pymatgen.core import Structure

    try:
        if sum(said.get("dimension_types") or (1, 1, 1)) != 3:  # noqa: PLR2004 - periodic in all three directions
            return None
        species = {
            each["name"]: {
                symbol: share
                for symbol, share in zip(each["chemical_symbols"], each["concentration"], strict=True)
                if symbol != "vacancy"
            }
            for each in said["species"]
        }
        sites = [species[name] for name in said["species_at_sites"]]
        made = Structure(
            said["lattice_vectors"], sites, said["cartesian_site_positions"], coords_are_cartesian=True
        ).as_dict()
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return json.dumps(made)
