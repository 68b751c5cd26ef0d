"""How much memory is free."""

from __future__ import annotations

import os
from pathlib import Path


def available(root: Path = Path("/")) -> int | None:
    """Bytes that this process can still allocate; None if unknown.

    The least of what the machine has free and what its container allows. `root` is the folder that
    /proc and /sys are in.
    """
    limits = [_machine(root), *_container(root)]
    known = [limit for limit in limits if limit is not None]
    return max(0, min(known)) if known else None


def _machine(root: Path) -> int | None:
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _container(root: Path) -> list[int]:
    """What is left of the limit of each control group of this process, in both versions."""
    groups = root / "sys/fs/cgroup"
    left = []
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers:
            base, limit, used, cached = groups, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            base = groups / "memory"
            limit, used = "memory.limit_in_bytes", "memory.usage_in_bytes"
            cached = "total_inactive_file"
        else:
            continue
        place = base / path.strip("/")
        # Inside a container the path may name folders that exist on the host only.
        for folder in [*({place, *place.parents} if place.is_dir() else ()), base]:
            if not folder.is_relative_to(base):
                continue
            most, now = _number(folder / limit), _number(folder / used)
            if most is not None and now is not None and most < 2**60:
                left.append(most - now + _cached_bytes(folder / "memory.stat", cached))
    return left


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, ValueError):
        return []


def _number(path: Path) -> int | None:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def _cached_bytes(path: Path, name: str) -> int:
    """Bytes of cached files, which the system frees when memory is needed."""
    for line in _lines(path):
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0
