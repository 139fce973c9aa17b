"""Make the store of an earlier version anew, with its bundle and policies; README.md says how.

The script only calls the command line of that version, so that everything in the store is as that
version wrote it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
HISTORY_DAY: Final = "2026-10-01"
DAY: Final = "2026-11-02"
NEXT: Final = "2026-11-03"
WHY: Final = "applications in the grey zone go to a person"
TRAINING: Final = {
    "MAX_TREES": 60,
    "FOLDS": 3,
    "REFERENCE_ROWS": 100,
    "BASELINES": False,
    "CHOICE_ROWS": 0,
}
REFERRING: Final = {'version: "1"': 'version: "2"', "refer_from: null": "refer_from: 0.5"}
"""Words of the shipped policy to those of the one under which the second revision is decided."""


def main() -> None:
    """Write `store/`, `bundle/` and the policies beside this file."""
    checkout = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_settings(checkout / "configs", folder)
        publish_days(scoring_of(checkout, folder), folder)
        keep(folder)


def copy_settings(configs: Path, folder: Path) -> None:
    """Lay the shipped policy and reasons into a folder, and a policy that refers some rows."""
    for name in ("policy.yaml", "reasons.yaml"):
        shutil.copy(configs / name, folder / name)
    text = (folder / "policy.yaml").read_text("utf-8")
    for shipped, changed in REFERRING.items():
        if shipped not in text:
            raise SystemExit(f"The policy of the earlier version does not say {shipped!r}.")
        text = text.replace(shipped, changed)
    (folder / "referring.yaml").write_text(text, "utf-8")


def scoring_of(checkout: Path, folder: Path) -> Callable[..., None]:
    """The command line of a checkout, on a store and a registry in a folder."""
    settings = {
        "STORAGE__ROOT": folder / "store",
        "REGISTRY__TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "REGISTRY__ARTIFACT_ROOT": folder / "artifacts",
        "SCORING__REASONS": folder / "reasons.yaml",
        **{f"TRAINING__{field}": value for field, value in TRAINING.items()},
    }
    ours = {f"SCORING_{name}": str(value) for name, value in settings.items()}
    foreign = {name: text for name, text in os.environ.items() if not name.startswith("SCORING_")}
    program = checkout / ".venv/bin/scoring"

    def scoring(command: str, *words: str, policy: str = "policy.yaml") -> None:
        under = {**foreign, **ours, "SCORING_SCORING__POLICY": str(folder / policy)}
        subprocess.run([program, command, *words], cwd=checkout, env=under, check=True)

    return scoring


def publish_days(scoring: Callable[..., None], folder: Path) -> None:
    """Train a small model; publish a day with bad rows in two revisions, and a second day once."""
    history = folder / "history"
    learned = ("--rows", "4000", "--seed", "5", "--to", str(history))
    scoring("generate", "--from", HISTORY_DAY, *learned)
    (applications,) = history.iterdir()
    scoring("train", "--applications", str(applications), "--without-prefect")
    bad_rows = ("--bad-share", "0.12", "--format", "csv.gz")
    scoring("generate", "--from", DAY, "--rows", "150", "--seed", "11", *bad_rows)
    scoring("score", "--as-of", DAY, "--without-prefect")
    revised = ("--force", "--reason", WHY)
    scoring("score", "--as-of", DAY, *revised, "--without-prefect", policy="referring.yaml")
    scoring("generate", "--from", NEXT, "--rows", "100", "--seed", "11")
    scoring("score", "--as-of", NEXT, "--without-prefect")


def keep(folder: Path) -> None:
    """Put what was made in the place of what lies beside this file."""
    (bundle,) = folder.glob("artifacts/**/bundle")
    for source, name in {folder / "store": "store", bundle: "bundle"}.items():
        shutil.rmtree(HERE / name, ignore_errors=True)
        shutil.copytree(source, HERE / name, ignore=shutil.ignore_patterns(".*"))
    for path in folder.glob("*.yaml"):
        shutil.copy(path, HERE / path.name)


if __name__ == "__main__":
    main()
