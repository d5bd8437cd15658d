"""Names of the package load their modules when they are used, and are told before."""

from __future__ import annotations

import automat_leaderboards


def test_every_name_is_there_and_told() -> None:
    for name in automat_leaderboards.__all__:
        assert getattr(automat_leaderboards, name) is not None
    assert set(automat_leaderboards.__all__) <= set(dir(automat_leaderboards))
