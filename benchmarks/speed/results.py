"""Finished pairs → ratios, `results.json`, a table in Markdown and a picture.

`python benchmarks/speed/results.py build/bench/pairs.jsonl` prints the table of what is finished
so far. A pair is a line of JSON: `work`, `encoder`, `peer`, what both were measured with (`texts`,
`machine`, `code`), and what the processes of `ours` and `theirs` printed.
"""

import argparse
import functools
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import work
from matplotlib.figure import Figure

from mtl_keras.reports.drawing import (
    INK,
    PALE,
    WIDTH,
    add_panel,
    blank_figure,
    house_style,
    to_svg,
)
from mtl_keras.storage.writing import write_whole

# How many times as fast as a peer MiniLM-L6 is meant to be, at least.
TARGETS = {
    (work.HEADS, work.STRONGEST): 9.0,
    (work.TOP, work.STRONGEST): 1.9,
    (work.HALF, work.STRONGEST): 1.3,
    (work.GRADUAL, work.STRONGEST): 1.8,
    (work.FULL, work.STRONGEST): 1.1,
    (work.FULL, work.TUTORIAL): 2.5,
    (work.BATCHES, work.PIPELINES): 2.0,
    (work.BATCHES, work.ONNX): 1.2,
    (work.TEXT_P50, work.ONNX): 1.0,
    (work.TEXT_P99, work.ONNX): 1.0,
    (work.TOKENIZATION, work.FAST): 6.0,
}
WORDS = {
    "ratio": "the peer's seconds / ours, of each pair of runs: over 1 is faster than the peer",
    "peak_rss_ratio": "our peak resident memory / the peer's, of their medians: under 1 is less",
    "seconds": "from the texts' files to the trained model on the disk, imports excluded, "
    "compilation included; inference and tokenization after a warm-up, loading excluded",
    "training": "after every epoch a side validates and keeps the best weights on the disk; at the "
    "end it puts them back, evaluates and writes the model. sentence-transformers has no epochs; "
    "flair keeps the last weights",
}
HEADER = ("work", "encoder", "peer", "times as fast", "at least", "ours", "peer", "memory")
ROW, HEADING, LEFT = 12, 18, 128  # points
TICKS = (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)
# Marker, what fills it, and points below the middle of the line.
MARKERS = {"MiniLM-L6": ("o", INK, -2), "L-10 H-128": ("s", "white", 2)}

Pair = Mapping[str, Any]
Report = Mapping[str, Any]


def report(machine: str, pairs: Sequence[Pair], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What `results.json` holds.

    Args:
        machine: where they were measured.
        pairs: the finished ones.
        settings: what else is to be known of the measurement.

    Example:

    >>> pair = {"work": "w", "encoder": "e", "peer": "p"}
    >>> pair |= {"ours": {"seconds": 2.0, "peak_rss_bytes": 3, "settings": {}}}
    >>> pair |= {"theirs": {"seconds": 5.0, "peak_rss_bytes": 4, "settings": {}}}
    >>> report("here", [pair], {})["rows"][0]["ratio"]
    {'median': 2.5, 'min': 2.5, 'max': 2.5}
    """
    groups: dict[tuple, list[Pair]] = {}
    for pair in sorted(pairs, key=_place):
        groups.setdefault((pair["work"], pair["encoder"], pair["peer"]), []).append(pair)
    return {
        "machine": machine,
        "rows": [_row(group) for group in groups.values()],
        "settings": {**WORDS, **settings, "sides": _sides(pairs)},
    }


def table(report: Report) -> str:
    """The report as a table in Markdown, with what could not be measured under it."""
    lines = [HEADER, ("---",) * 3 + ("---:",) * 5, *map(_cells, report["rows"])]
    rows = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    notes = [report["machine"], *(f"{key}: {WORDS[key]}" for key in ("ratio", "peak_rss_ratio"))]
    notes += [_share_in_words(*share) for share in report["settings"].get("flops", {}).items()]
    notes += [f"not measured: {failure}" for failure in report["settings"].get("failed", ())]
    return rows + "\n\n" + "\n".join(f"- {note}" for note in notes) + "\n"


@house_style()
def picture(report: Report) -> Figure:
    """Every row's ratio on a log scale: median and span, a bar where it is meant to be."""
    places = _places(report["rows"])
    height = max(places.values(), default=0) + ROW
    figure = blank_figure(height + 66, "Times as fast as …")
    axes = add_panel(figure, LEFT, 40, WIDTH - LEFT - 10, height)
    axes.set(xscale="log", xlim=_span(report["rows"]), ylim=(height, 0), yticks=[])
    _draw_ticks(axes)
    for (name, peer), place in places.items():
        _label(axes, peer or name, place, weight="normal" if peer else "bold")
    for row in report["rows"]:
        _draw(axes, row, places[row["work"], row["peer"]])
    _draw_key(figure)
    return figure


def write(report: Report, stem: Path) -> None:
    """Writes `<stem>.json`, `<stem>.md` and `<stem>.svg`, each whole or not at all.

    Raises:
        WorkError: one cannot be written.
    """
    texts = {
        "json": json.dumps(report, indent=1, ensure_ascii=False) + "\n",
        "md": table(report),
        "svg": to_svg(picture(report)),
    }
    for ending, text in texts.items():
        path = stem.with_suffix(f".{ending}")
        write_whole(path, functools.partial(_write_text, text=text))


def shares(pairs: Sequence[Pair], operations: float, peak: float) -> dict[str, float]:
    """Side → the share of a peak, in operations a second, that its median time reaches.

    Example:

    >>> pair = {"peer": "p", "ours": {"seconds": 2.0}, "theirs": {"seconds": 4.0}}
    >>> shares([pair], operations=8.0, peak=10.0)
    {'ours': 0.4, 'p': 0.2}
    """
    seconds: dict[str, list[float]] = {}
    for pair in pairs:
        seconds.setdefault("ours", []).append(pair["ours"]["seconds"])
        seconds.setdefault(pair["peer"], []).append(pair["theirs"]["seconds"])
    return {side: operations / statistics.median(runs) / peak for side, runs in seconds.items()}


def read_pairs(path: Path) -> list[dict]:
    """The finished pairs of a file; a last line that was cut off is none."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path, help="the finished pairs, JSON lines")
    pairs = read_pairs(parser.parse_args().pairs)
    print(table(report(", ".join({pair["machine"] for pair in pairs}), pairs, {})))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _place(pair: Pair) -> tuple[int, ...]:
    """Where a pair stands in the table: by encoder, then work, then peer."""
    encoders = [encoder.name for encoder in work.ENCODERS]
    names = [one_work.name for one_work in work.works(work.ENCODERS[0])]
    peers = [peer.name for peer in work.PEERS]
    columns = ((encoders, "encoder"), (names, "work"), (peers, "peer"))
    return tuple(_index(names, pair[key]) for names, key in columns)


def _index(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _row(pairs: Sequence[Pair]) -> dict[str, Any]:
    ours, theirs = ([pair[side] for pair in pairs] for side in ("ours", "theirs"))
    ratios = [their["seconds"] / our["seconds"] for our, their in zip(ours, theirs, strict=True)]
    peaks = [
        statistics.median(process["peak_rss_bytes"] for process in side) for side in (ours, theirs)
    ]
    return {
        "work": pairs[0]["work"],
        "encoder": pairs[0]["encoder"],
        "peer": pairs[0]["peer"],
        "ratio": {
            "median": statistics.median(ratios),
            "min": min(ratios),
            "max": max(ratios),
        },
        "ours_seconds": [run["seconds"] for run in ours],
        "peer_seconds": [run["seconds"] for run in theirs],
        "peak_rss_ratio": peaks[0] / peaks[1],
    }


def _sides(pairs: Sequence[Pair]) -> dict[str, dict]:
    """Side → encoder → work → how it was set up in its last run, and what it learned."""
    sides: dict[str, dict] = {}
    for pair in pairs:
        for side, measured in (("ours", pair["ours"]), (pair["peer"], pair["theirs"])):
            kept = {key: measured[key] for key in ("settings", "accuracy") if key in measured}
            sides.setdefault(side, {}).setdefault(pair["encoder"], {})[pair["work"]] = kept
    return sides


def _cells(row: Mapping) -> tuple[str, ...]:
    ratio, target = row["ratio"], _target(row)
    return (
        row["work"],
        row["encoder"],
        row["peer"],
        f"**{ratio['median']:.2f}** ({ratio['min']:.2f} to {ratio['max']:.2f})",
        f"{target:g}" if target else "",
        _time(statistics.median(row["ours_seconds"])),
        _time(statistics.median(row["peer_seconds"])),
        f"{row['peak_rss_ratio']:.2f}",
    )


def _target(row: Mapping) -> float | None:
    if row["encoder"] != work.ENCODERS[0].name:
        return None
    return TARGETS.get((row["work"], row["peer"]))


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def _share_in_words(encoder: str, flops: Mapping) -> str:
    shares = ", ".join(f"{side} {share:.2f}" for side, share in flops["share_of_peak"].items())
    return (
        f"{work.FULL}, {encoder}: products of real word pieces a second, as a share of the sgemm "
        f"peak ({flops['peak_per_second'] / 1e9:.0f} GFLOP/s): {shares}"
    )


def _places(rows: Sequence[Mapping]) -> dict[tuple[str, str], float]:
    """`(work, peer)`, or `(work, "")` for a heading → its height from the top."""
    places: dict[tuple[str, str], float] = {}
    height = -ROW / 2
    for row in sorted(rows, key=lambda row: _place({**row, "encoder": ""})):
        if (row["work"], "") not in places:
            height += HEADING
            places[row["work"], ""] = height
        if (row["work"], row["peer"]) not in places:
            height += ROW
            places[row["work"], row["peer"]] = height
    return places


def _span(rows: Sequence[Mapping]) -> tuple[float, float]:
    """From a little under the lowest ratio to a little over the highest; 1 is among them."""
    ratios = [1.0, *(row["ratio"][end] for row in rows for end in ("min", "max"))]
    return min(ratios) / 1.5, max(ratios) * 1.5


def _draw_ticks(axes) -> None:
    low, high = axes.get_xlim()
    shown = [tick for tick in TICKS if low <= tick <= high]
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.set_xticks([], minor=True)
    axes.spines["left"].set_visible(False)
    axes.axvline(1, color=PALE, linewidth=1)


def _draw(axes, row: Mapping, place: float) -> None:
    marker, fill, shift = MARKERS.get(row["encoder"], ("D", PALE, 0))
    ratio, middle = row["ratio"], place
    place += shift
    axes.plot([ratio["min"], ratio["max"]], [place, place], color=INK, linewidth=1, zorder=2)
    axes.plot(
        *(ratio["median"], place),
        marker=marker,
        markersize=5,
        markerfacecolor=fill,
        markeredgecolor=INK,
        zorder=3,
    )
    if target := _target(row):
        ends = [middle - ROW / 2, middle + ROW / 2]
        axes.plot([target, target], ends, color=INK, linewidth=1, linestyle=":")


def _label(axes, words: str, place: float, weight: str) -> None:
    """Writes a peer's name left of the panel, or a work's across it."""
    axes.annotate(
        words,
        (0, place),
        (6 - LEFT, 0),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        va="center",
        weight=weight,
        annotation_clip=False,
        backgroundcolor="white" if weight == "bold" else "none",
    )


def _draw_key(figure: Figure) -> None:
    axes = add_panel(figure, 6, 2, WIDTH - 12, 18)
    axes.set(xlim=(0, WIDTH), ylim=(0, 1))
    axes.axis("off")
    for x, (name, (marker, fill, _)) in zip((4, 84), MARKERS.items(), strict=True):
        axes.plot(x, 0.5, marker=marker, markersize=5, markerfacecolor=fill, markeredgecolor=INK)
        axes.text(x + 8, 0.5, name, va="center")
    axes.plot([174, 174], [0.1, 0.9], color=INK, linewidth=1, linestyle=":")
    axes.text(180, 0.5, "at least", va="center")


if __name__ == "__main__":
    main()
