"""Pages in another language: English text is the key of its translation.

What a page says goes through one :class:`Translator`, in Python, in templates (``t``) and in scripts (likewise ``t``,
see :meth:`Translator.words`). Catalogs are the JSON files of ``translations/LANGUAGE/``, English to translation,
merged; a section of the page may bring a file of its own.
"""

from __future__ import annotations

import difflib
import json
import re
from functools import cache
from importlib import resources
from typing import Any

LANGUAGES = ("en", "ko")
"""English, and what there is a catalog for."""

_IN_SCRIPTS = re.compile(r'\bt\(\s*"((?:[^"\\]|\\.)*)"')


class Translator:
    """Text in one language; called with English text, and the values of its ``{names}``.

    >>> t = Translator("ko")
    >>> t("{count} rows", count=442)
    '442개 행'

    Attributes:
        lang: of :data:`LANGUAGES`.
        missing: English text that was asked for and has no translation; it is shown in English.
    """

    def __init__(self, lang: str = "en") -> None:
        if lang not in LANGUAGES:
            nearest = difflib.get_close_matches(lang.lower(), LANGUAGES, n=1, cutoff=0.5)
            hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
            raise ValueError(f"unknown language {lang!r}.{hint} Allowed: {', '.join(LANGUAGES)}")
        self.lang = lang
        self.missing: set[str] = set()
        self._catalog = catalog(lang)

    def __call__(self, text: str, /, **values: Any) -> str:
        """The translation, with the values in their places; English where there is none."""
        found = self._catalog.get(text)
        if found is None:
            found = text
            if self.lang != "en" and re.search("[A-Za-z]{2}", text):
                self.missing.add(text)
        return found.format(**values) if values else found

    def words(self, *scripts: str) -> dict[str, str]:
        """The part of the catalog that scripts ask for: ``t("text")`` and ``t("text {name}", {name: value})``.

        Args:
            scripts: their sources.
        """
        keys = {json.loads(f'"{key}"') for script in scripts for key in _IN_SCRIPTS.findall(script)}
        return {} if self.lang == "en" else {key: self(key) for key in sorted(keys)}


@cache
def catalog(lang: str) -> dict[str, str]:
    """English to translation, of all files of a language; empty for English.

    Raises:
        ValueError: two files translate the same text in two ways.
    """
    merged: dict[str, str] = {}
    if lang == "en":
        return merged
    folder = resources.files("automat_reports") / "translations" / lang
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        for key, value in json.loads(file.read_text(encoding="utf-8")).items():
            if merged.setdefault(key, value) != value:
                raise ValueError(f"{file.name} translates {key!r} unlike a file before it")
    return merged


ENGLISH = Translator("en")
