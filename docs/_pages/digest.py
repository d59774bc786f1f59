"""Whether the package has changed: what notebooks printed with another one is not shown."""

from __future__ import annotations

import hashlib
from pathlib import Path

import memneuro


def package_digest() -> str:
    """A number of 16 hexadecimal digits that is another one once any file of the package is."""
    root = Path(memneuro.__file__).parent
    found = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]
