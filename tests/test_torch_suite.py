"""torch's own optimizer suite with lpwd.Adam and lpwd.SGD registered; docs/optimizers.md is its table."""

from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("expecttest", reason="torch's suite imports it: pip install 'lpwd[test]'")
from torch_suite import CHECKS, Case, cases

CASES = list(cases())
PAGE = Path(__file__).parent.parent / "docs" / "optimizers.md"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_case_of_torchs_suite(case: Case):
    case.run()


def test_the_page_counts_every_case_and_no_failure():
    page = PAGE.read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if " / " in line and line.startswith("| ")]
    listed = {name: [[int(n) for n in cell.split(" / ")] for cell in cells] for name, *cells in rows}
    assert set(listed) == set(CHECKS)
    assert all(failed == 0 for cells in listed.values() for _, failed, _ in cells)
    expected = Counter((case.check, case.optimizer) for case in CASES)
    for check, (adam, sgd) in listed.items():
        assert (sum(adam), sum(sgd)) == (expected[check, "Adam"], expected[check, "SGD"])
