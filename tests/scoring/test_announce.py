"""The page of a day beside its run, to the letter."""

from pathlib import Path

from tasks.scoring.announce import day_markdown
from tasks.store.folder import FolderStore
from tests.manifests import revised_manifest, sample_manifest

PAGE = """\
# Applications of 2026-11-02, revision 2
credit-default version 3, cut-off 0.0909, policy 2, contract 4.
Reason for this revision: they \\*told\\* us more
Changed: 2,000 decisions, and the reasons of 1 other.

| file | rows received | decided | quarantined | copies dropped | replaced | erased |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| a.csv | 5,000 | 4,000 | 900 | 60 | 30 | 10 |
| corrections/b.csv | 30 | 28 | 2 | 0 | 0 | 0 |
| corrections/c.csv | 4 | 4 | 0 | 0 | 0 | 0 |
| all files | 5,034 | 4,032 | 902 | 60 | 30 | 10 |

| decision | applications | share |
| --- | ---: | ---: |
| approve | 3,024 | 75.0% |
| refer | 8 | 0.2% |
| refuse | 1,000 | 24.8% |

| first reason | not approved | share |
| --- | ---: | ---: |
| R2 Car | 1,000 | 99.2% |
| none  | 8 | 0.8% |

| rule broken | rows quarantined |
| --- | ---: |
| one | 902 |
| two | 3 |

- Decisions: `ROOT/decisions/day=2026-11-02/decisions.parquet`
- Changes: `ROOT/c`
- Quarantine: `ROOT/q`
- Contract: `ROOT/reports/day=2026-11-02/contract.html`
- Manifest: `ROOT/revisions/day=2026-11-02/rev=0002/manifest.json`"""


def test_the_page_of_a_revision_tells_all_of_it(tmp_path: Path) -> None:
    page = day_markdown(revised_manifest(), FolderStore(tmp_path))
    assert page.replace(str(tmp_path), "ROOT") == PAGE


def test_the_page_of_a_clean_first_revision_says_that_no_row_was_quarantined(tmp_path: Path) -> None:
    clean = sample_manifest(audited={"quarantine": None, "by_rule": {}})
    page = day_markdown(clean, FolderStore(tmp_path))
    assert "\n\nNo row was quarantined.\n\n- Decisions" in page
    absent = ("Reason", "Change", "Quarantine:", "first reason")
    assert [word for word in absent if word in page] == []
