"""Write `digests.json` anew: ``python -m tests.golden.regenerate``.

Only with a new `arithmetic_version` may a digest that is there already change.
"""

from __future__ import annotations

import json
import sys

from npusim.spec import ARITHMETIC_VERSION
from tests.golden.digests import PATH, text


def changed(old: str, new: str) -> list[str]:
    """The digests of `old` that `new` has no more, if both are of one arithmetic version."""
    before, after = json.loads(old), json.loads(new)
    if before["arithmetic_version"] != after["arithmetic_version"]:
        return []
    return [
        f"{name}, {tensor}"
        for name, digests in before["digests"].items()
        for tensor, digest in digests.items()
        if after["digests"].get(name, {}).get(tensor) != digest
    ]


def main() -> None:
    """Write the file, unless bits changed behind the arithmetic version's back."""
    new = text()
    lost = changed(PATH.read_text(encoding="utf-8"), new) if PATH.is_file() else []
    if lost:
        sys.exit(
            f"bits changed, but arithmetic_version is still {ARITHMETIC_VERSION}: " + "; ".join(lost[:8])
        )
    PATH.write_text(new, encoding="utf-8")
    print(f"{PATH}: {len(json.loads(new)['digests'])} datapaths")


if __name__ == "__main__":
    main()
