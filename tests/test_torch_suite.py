"""torch's own optimizer suite with lpwd.Adam and lpwd.SGD registered; docs/optimizers.md is its table.

A test a cell of that table, not one a case: with 2,978 of them pytest's own work took most of the time.
"""

from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("expecttest", reason="torch's suite imports it: pip install 'lpwd[test]'")
from torch_inputs import INFOS
from torch_suite import CHECKS, KINDS, cases, outcome

CASES = list(cases())
PAGE = Path(__file__).parent.parent / "docs" / "optimizers.md"


def listed() -> dict[str, dict[str, list[int]]]:
    """By check and optimizer: passed, failed and skipped, as the page says."""
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return {
        name: {optimizer: [int(n) for n in cell.split(" / ")] for optimizer, cell in zip(INFOS, cells, strict=True)}
        for name, *cells in rows
        if " / " in cells[0]
    }


@pytest.mark.parametrize("optimizer", INFOS)
@pytest.mark.parametrize("check", CHECKS)
def test_no_case_of_torchs_suite_fails_and_the_page_counts_them(check: str, optimizer: str):
    outcomes = [outcome(case) for case in CASES if (case.check, case.optimizer) == (check, optimizer)]
    assert [why for kind, why in outcomes if kind == "failed"] == []
    counts = Counter(kind for kind, _ in outcomes)
    assert [counts[kind] for kind in KINDS] == listed()[check][optimizer]


def test_the_page_has_every_check_and_no_other():
    assert list(listed()) == list(CHECKS)
