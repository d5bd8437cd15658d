"""What processes hold, and whether the system has killed any for want of memory."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

_THOUSAND = 1000
_GRACE_SECONDS = 2.0
_VMSTAT = Path("/proc/vmstat")
_OWN_GROUPS = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def below(pid: int) -> list[Any]:
    """The processes that a process has started, and theirs; what was left to the system is not among them."""
    import psutil

    try:
        found: list[Any] = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
    return found


def end(processes: list[Any]) -> None:
    """Kill them, and wait a moment until they are gone."""
    import psutil

    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=_GRACE_SECONDS)


def of_tree(pid: int) -> int:
    """Resident bytes of a process and all it has started; pages that they share count once each."""
    import psutil

    held = 0
    try:
        processes = [psutil.Process(pid), *below(pid)]
    except psutil.Error:
        return 0
    for process in processes:
        with suppress(psutil.Error):
            held += int(process.memory_info().rss)
    return held


def in_words(size: float) -> str:
    """Bytes as people say them.

    >>> in_words(8_000_000_000), in_words(1_400_000)
    ('8 GB', '1.4 MB')
    """
    for power, unit in ((3, "GB"), (2, "MB")):
        if size >= _THOUSAND**power:
            return f"{size / _THOUSAND**power:.3g} {unit}"
    return f"{size / _THOUSAND:.3g} kB"


def system_kills() -> int:
    """How often the system has killed a process for want of memory, of this control group where it counts them.

    The figure rises by one or more with a kill; where nothing counts it stays 0.
    """
    return sum(_count(path) for path in (_VMSTAT, *_group_files()))


def _group_files() -> list[Path]:
    """Where the kernel counts for the control group of this process (versions 2 and 1)."""
    try:
        lines = _OWN_GROUPS.read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            found.append(_GROUPS / path.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            found.append(_GROUPS / "memory" / path.lstrip("/") / "memory.oom_control")
    return found


def _count(path: Path) -> int:
    try:
        words = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return 0
    return sum(int(line[1]) for line in words if len(line) > 1 and line[0] == "oom_kill")
