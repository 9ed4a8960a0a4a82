"""The pictures of a comparison in `docs/comparison.md`.

    python benchmarks/comparison_pictures.py docs/comparison docs/comparison

reads the report's `report.json` and writes an SVG a task, score against cost, and one each of drift
and of scores over depth.
"""

import argparse
import json
from pathlib import Path

from mtl_keras.experiments.depth_picture import scores_over_depth
from mtl_keras.experiments.plots import drift_bars, score_against_cost
from mtl_keras.reports.drawing import to_svg


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("comparison", type=Path, help="the folder that compare wrote")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    options = parser.parse_args()
    report = json.loads((options.comparison / "report.json").read_text(encoding="utf-8"))
    figures = {f"cost_{task}": score_against_cost(report, task) for task in report["tasks"]}
    figures |= {"drift": drift_bars(report), "depth": scores_over_depth(report["depth"])}
    for name, figure in figures.items():
        path = options.folder / f"{name}.svg"
        path.write_text(to_svg(figure), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
