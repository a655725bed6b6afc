"""The results of audits as a table."""

from collections.abc import Sequence

from lpwd.audit.decay import Audit

HEAD = ("optimizer", "weight decay", "fraction c", "vectors", "what may surprise")


def cells(audit: Audit) -> tuple[str, str, str, str, str]:
    """The texts of one row; defects first among what may surprise."""
    if audit.problem:
        return audit.name, "not measured", "", "", audit.problem
    said = [*(f"**{defect}**" for defect in audit.defects), *audit.notes]
    return audit.name, audit.kind, audit.law, audit.vectors, "; ".join(said)


def markdown(audits: Sequence[Audit]) -> str:
    rows = [HEAD, ("---",) * len(HEAD), *map(cells, audits)]
    return "\n".join(f"| {' | '.join(part.replace('|', '/') for part in row)} |" for row in rows)
