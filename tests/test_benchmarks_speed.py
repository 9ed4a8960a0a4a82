"""The speed benchmark's arithmetic, files, table and picture; not the speeds."""

import argparse
import copy
import dataclasses
import gzip
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from mtl_keras.encoders.pretrained.families import HF_BERT
from mtl_keras.errors import InputError, WorkError
from mtl_keras.reports.drawing import text_width, to_svg

FOLDER = Path(__file__).parents[1] / "benchmarks" / "speed"
sys.path.append(str(FOLDER))

import bench as benches  # noqa: E402
import inputs  # noqa: E402
import measure  # noqa: E402
import profilers  # noqa: E402
import results  # noqa: E402
import run  # noqa: E402
import work  # noqa: E402

MINILM, SMALL = work.ENCODERS
PEERS = {peer.name: peer for peer in work.PEERS}
ROW = {"work", "encoder", "peer", "ratio", "ours_seconds", "peer_seconds", "peak_rss_ratio"}
SECONDS = st.floats(1e-3, 1e4)


def pair(ours=2.0, theirs=5.0, name=work.HEADS, encoder=MINILM.name, peer=work.STRONGEST):
    def printed(seconds, peak):
        return {"seconds": seconds, "peak_rss_bytes": peak, "settings": {"threads": 2}}

    sides = {"ours": printed(ours, 300), "theirs": printed(theirs, 400)}
    return {"work": name, "encoder": encoder, "peer": peer, "machine": "here"} | sides


@pytest.fixture
def report():
    """A report with every row that there is."""
    pairs = [
        pair(name=one_work.name, encoder=encoder.name, peer=peer.name, theirs=3.0 + number)
        for encoder in work.ENCODERS
        for one_work in work.works(encoder)
        for number, peer in enumerate(work.PEERS)
        if peer.does(one_work)
    ]
    flops = {MINILM.name: {"peak_per_second": 1e11, "share_of_peak": {"ours": 0.71}}}
    return results.report("here", pairs, {"flops": flops, "failed": ["full, flair: no room"]})


def options(**changes):
    defaults = {
        "quick": False,
        "targets": False,
        "encoders": [],
        "works": [],
        "peers": [],
        "repeats": 3,
    }
    return argparse.Namespace(**defaults | changes)


# Ratios and the file


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=7))
def test_a_row_has_the_ratio_of_every_pair(times):
    row = results.report("", [pair(*time) for time in times], {})["rows"][0]
    ratios = sorted(theirs / ours for ours, theirs in times)
    assert (row["ratio"]["min"], row["ratio"]["max"]) == (ratios[0], ratios[-1])
    assert row["ratio"]["min"] <= row["ratio"]["median"] <= row["ratio"]["max"]
    assert row["ours_seconds"] == [ours for ours, _ in times]
    assert row["peer_seconds"] == [theirs for _, theirs in times]


def test_ratios_over_one_are_faster_and_memory_under_one_is_less():
    row = results.report("", [pair(2.0, 5.0), pair(1.0, 4.0), pair(1.0, 2.0)], {})["rows"][0]
    assert row["ratio"] == {"median": 2.5, "min": 2.0, "max": 4.0}
    assert row["peak_rss_ratio"] == 0.75


def test_the_report_has_the_agreed_form(report):
    assert set(report) == {"machine", "rows", "settings"}
    for row in report["rows"]:
        assert set(row) == ROW
        assert set(row["ratio"]) == {"median", "min", "max"}
        assert len(row["ours_seconds"]) == len(row["peer_seconds"])
    assert json.loads(json.dumps(report)) == report
    assert report["settings"]["sides"]["ours"][MINILM.name][work.HEADS]["settings"]


def test_rows_come_in_the_tables_order_whatever_the_order_of_measuring(report):
    order = [(row["encoder"], row["work"], row["peer"]) for row in report["rows"]]
    pairs = [pair(name=name, encoder=encoder, peer=peer) for encoder, name, peer in order]
    again = results.report("", pairs[::-1], {})["rows"]
    assert [(row["encoder"], row["work"], row["peer"]) for row in again] == order


def test_files_are_written_whole_or_not_at_all(report, tmp_path):
    results.write(report, tmp_path / "results")
    assert json.loads((tmp_path / "results.json").read_text()) == report
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "results.json",
        "results.md",
        "results.svg",
    ]
    with pytest.raises(WorkError):
        results.write(report, tmp_path / "results.json" / "results")
    assert json.loads((tmp_path / "results.json").read_text()) == report


def test_a_line_that_was_cut_off_is_no_pair(tmp_path):
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps(pair()) + "\n" + json.dumps(pair())[:40])
    assert results.read_pairs(file) == [pair()]
    assert results.read_pairs(tmp_path / "none.jsonl") == []


# Table and picture


def test_the_table_has_a_line_a_row_and_says_what_is_missing(report):
    table = results.table(report)
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len(lines) == len(report["rows"]) + 2
    assert len({line.count("|") for line in lines}) == 1
    assert "not measured: full, flair: no room" in table
    assert "ours 0.71" in table


def test_targets_are_reported_of_the_trained_encoder_alone(report):
    for row, line in zip(report["rows"], results.table(report).splitlines()[2:], strict=False):
        records = line.split("|")[5].strip()
        target = results.TARGETS.get((row["work"], row["peer"]))
        assert records == (f"{target:g}" if target and row["encoder"] == MINILM.name else "")


@pytest.mark.parametrize(("seconds", "text"), [(12.34, "12.3 s"), (0.0123, "12.3 ms")])
def test_the_table_tells_seconds_and_milliseconds(seconds, text):
    table = results.table(results.report("", [pair(ours=seconds)], {}))
    assert f"| {text} |" in table


def test_the_picture_names_everything_and_reads_in_grey(report):
    picture = results.picture(report)
    text = re.sub("&amp;", "&", to_svg(picture))
    for row in report["rows"]:
        assert f">{row['work']}<" in text and f">{row['peer']}<" in text
    faces = {
        (line.get_marker(), line.get_markerfacecolor())
        for line in picture.axes[0].get_lines()
        if line.get_marker() not in ("None", None, "")
    }
    assert len(faces) == len({marker for marker, _ in faces}) == len(work.ENCODERS)


def test_no_two_labels_of_the_picture_share_a_line(report):
    labels = results.picture(report).axes[0].texts
    heights = sorted(label.xy[1] for label in labels)
    assert len(heights) >= len({(row["work"], row["peer"]) for row in report["rows"]}) > 1
    assert all(low + results.ROW <= high for low, high in itertools.pairwise(heights))
    assert all(text_width(peer.name) + 6 <= results.LEFT for peer in work.PEERS)


def test_the_picture_of_nothing_is_drawn_too():
    assert to_svg(results.picture(results.report("", [], {}))).startswith("<?xml")


# Measuring in turn, and going on


class Recorder:
    """A `measure` that tells which jobs it ran, and fails or stops where it is told to."""

    def __init__(self, failing=(), stop_after=None):
        self.jobs, self.failing, self.stop_after = [], failing, stop_after

    def __call__(self, side, job):
        if len(self.jobs) == self.stop_after:
            raise KeyboardInterrupt
        self.jobs.append((side.name, job.kind))
        if side.name in self.failing:
            raise benches.SideError("no room")
        return {"seconds": 1.0 + len(self.jobs), "peak_rss_bytes": 1, "settings": {}}


def bench(folder, recorder, names=(work.STRONGEST,), name=work.HEADS, **changes):
    (row,) = work.named(work.works(MINILM), [name])
    cells = [benches.Cell(MINILM, row, PEERS[name], repeats=2) for name in names]
    settings = {"folder": folder, "num_texts": 60, "machine": "here", "measure": recorder}
    return benches.Bench(cells, **settings | changes)


def silent(line):
    return None


def test_sides_take_turns(tmp_path):
    recorder = Recorder()
    pairs = bench(tmp_path, recorder).run(silent)
    assert [side for side, _ in recorder.jobs] == ["ours", work.STRONGEST] * 2
    assert [pair["ours"]["seconds"] for pair in pairs] == [2.0, 4.0]


def test_it_resumes_where_it_was_stopped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        bench(tmp_path, Recorder(stop_after=3)).run(silent)
    recorder = Recorder()
    assert len(bench(tmp_path, recorder).run(silent)) == 2
    assert len(recorder.jobs) == 2
    assert len(bench(tmp_path, again := Recorder()).run(silent)) == 2 and not again.jobs


@pytest.mark.parametrize("changes", [{"num_texts": 61}, {"machine": "there"}])
def test_pairs_of_other_texts_or_machines_do_not_count(tmp_path, changes):
    bench(tmp_path, Recorder()).run(silent)
    recorder = Recorder()
    bench(tmp_path, recorder, **changes).run(silent)
    assert len(recorder.jobs) == 4


def test_pairs_of_other_code_do_not_count(tmp_path, monkeypatch):
    bench(tmp_path, Recorder()).run(silent)
    monkeypatch.setattr(benches, "code", lambda peer: "changed")
    recorder = Recorder()
    bench(tmp_path, recorder).run(silent)
    assert len(recorder.jobs) == 4


def test_a_peer_that_fails_ends_its_own_row_alone(tmp_path):
    lines = []
    recorder = Recorder(failing=[work.STRONGEST])
    both = bench(tmp_path, recorder, names=(work.STRONGEST, work.TUTORIAL))
    pairs = both.run(lines.append)
    assert [pair["peer"] for pair in pairs] == [work.TUTORIAL] * 2
    assert list(both.failed.values()) == ["no room"]
    assert len(lines) == 3 and "no room" in lines[0]


def test_what_answers_is_exported_once_before_it_is_measured(tmp_path):
    recorder = Recorder()
    bench(tmp_path, recorder, names=(work.ONNX,), name=work.BATCHES).run(silent)
    kinds = [kind for _, kind in recorder.jobs]
    assert kinds == [work.EXPORT] * 2 + [work.ANSWER] * 4


# Which rows


def test_every_target_has_its_row():
    planned = {(cell.work.name, cell.peer.name) for cell in run.plan(options())}
    assert set(results.TARGETS) <= planned


def test_rows_with_a_target_come_first_and_most_often():
    cells = run.plan(options(repeats=5))
    repeats = [cell.repeats for cell in cells]
    assert repeats == sorted(repeats, reverse=True) and set(repeats) == {5, 1}


def test_quick_measures_each_target_once():
    cells = run.plan(options(quick=True))
    assert {cell.encoder for cell in cells} == {MINILM}
    assert [cell.repeats for cell in cells] == [1] * len(results.TARGETS)


def test_targets_alone_can_be_measured():
    cells = run.plan(options(targets=True, repeats=2))
    named = {(cell.work.name, cell.peer.name) for cell in cells}
    assert named == set(results.TARGETS) and {cell.repeats for cell in cells} == {2}


def test_a_name_that_is_none_is_reported_with_those_there_are():
    with pytest.raises(InputError, match=r"there is no 'pytorch'; there are 'PyTorch, strongest"):
        run.plan(options(peers=["pytorch"]))


def test_too_few_texts_are_refused(tmp_path):
    with pytest.raises(InputError, match="20 texts a task are too few; give more with --texts"):
        run.benchmark(options(quick=True, texts=200, cores=99, folder=tmp_path))


def test_a_job_survives_the_command_line():
    stages = work.works(SMALL)[2].stages
    job = work.Job(kind="train", data="d", encoder="e", exports="x", stages=stages)
    assert work.Job.from_json(job.to_json()) == job


def test_half_of_the_blocks_is_half_in_both_shapes():
    halves = [work.works(encoder)[2].stages[0].top for encoder in work.ENCODERS]
    assert halves == [3, 5]


def test_every_peer_has_its_script_and_its_requirements():
    for peer in work.PEERS:
        assert (FOLDER / peer.script).is_file()
        assert (FOLDER / f"requirements-{peer.environment}.txt").is_file()
        assert re.fullmatch("[0-9a-f]{12}", benches.code(peer))


# A side's process


SIDE = """
import measure, os
def train(job):
    block = bytearray(200_000_000)
    print("a library talks"); os.system("echo and its child")
    return {"topic": 0.5}
def answer(job):
    return lambda texts: [len(text) for text in texts]
def tokenize(job, sentences):
    return lambda: len(sentences) - int(job.variant or 0)
kinds = {"train": train, "answer": answer, "tokenize": tokenize}
measure.main(kinds, lambda job: {"variant": job.variant})
"""


def started(job):
    command = [sys.executable, "-c", SIDE, job.to_json()]
    return subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)


def printed(job):
    done = started(job)
    assert len(done.stdout.splitlines()) == 1
    return run.printed(done)


def test_a_process_prints_one_line_whatever_its_libraries_print(tmp_path):
    job = work.Job(kind="train", data=str(tmp_path), encoder="", exports="", variant="v")
    actual = printed(job)
    assert set(actual) == {"seconds", "accuracy", "peak_rss_bytes", "settings"}
    assert actual["peak_rss_bytes"] > 200_000_000 and actual["settings"] == {"variant": "v"}


@pytest.mark.parametrize("kind", work.INFERENCE)
def test_answers_are_timed(tmp_path, kind):
    (tmp_path / "texts.txt").write_text("a text\n" * 100)
    actual = printed(work.Job(kind=kind, data=str(tmp_path), encoder="", exports=""))
    assert 0 < actual["seconds"] < 1


def test_a_side_that_loses_texts_is_not_timed(tmp_path):
    (tmp_path / "sentences.txt").write_text("a sentence\n" * 9)
    job = work.Job(kind="tokenize", data=str(tmp_path), encoder="", exports="")
    assert printed(job)["seconds"] > 0
    with pytest.raises(benches.SideError, match="RuntimeError: 8 of 9 texts came back"):
        run.printed(started(dataclasses.replace(job, variant="1")))


@given(st.lists(SECONDS, min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(values, percent):
    actual = measure.percentile(values, percent)
    reached = [value for value in sorted(values) if _at_most(values, value) * 100 >= percent]
    assert actual == reached[0]


def _at_most(values, limit):
    return sum(value <= limit for value in values) / len(values)


@pytest.mark.slow
def test_the_command_needs_no_tensorflow():
    program = "import run, sys; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=FOLDER, check=True)


# Inputs


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, tiny_bert):
    """Inputs of 30 texts a task from public data that is made up."""
    shared, folder = tmp_path_factory.mktemp("shared"), tmp_path_factory.mktemp("inputs") / "30"
    for name in ("data/ag_news", "data/sst2", "corpus"):
        (shared / name).mkdir(parents=True)
    news, phrases = shared / "data/ag_news", shared / "data/sst2"
    (news / "classes.txt").write_text("World\nSports\n")
    rows = [f"“news” {n}\t{('World', 'Sports')[n % 2]}\n" for n in range(50)]
    (news / "train.tsv").write_text("".join(rows))
    (news / "test.csv").write_text('"1","title","text"\n')
    lines = [f"phrase {n}\t{n % 2}\n" for n in range(50)]
    for name in ("train.tsv", "dev.tsv"):
        (phrases / name).write_text("sentence\tlabel\n" + "".join(lines))
    with gzip.open(shared / inputs.CORPUS, "wt") as file:
        file.writelines(f"sentence {n}\n" for n in range(300))
    inputs.prepare(shared, tiny_bert, folder, 30)
    return shared, folder


def test_a_tenth_of_the_texts_is_held_out(prepared):
    job = work.Job(kind="train", data=str(prepared[1] / "data"), encoder="", exports="")
    for task in work.TASKS:
        texts, held_out = (measure.read(job, task, split) for split in ("train", "validation"))
        assert len(texts[0]) == 27 and len(held_out[0]) == 3
        assert not set(texts[0]) & set(held_out[0])
        assert set(texts[1]) <= set(measure.labels(job, task))


def test_there_are_texts_to_answer_and_to_tokenize(prepared):
    data = prepared[1] / "data"
    assert len((data / "texts.txt").read_text().splitlines()) == 20
    assert len((data / "sentences.txt").read_text().splitlines()) == 240


def test_the_random_encoder_has_the_tensors_of_a_bert(prepared):
    file = safe_open(prepared[1] / SMALL.folder / "model.safetensors", framework="numpy")
    expected = {
        stored.name.format(i=index, part=part)
        for stored in HF_BERT.weights.values()
        for index in range(SMALL.num_blocks)
        for part in stored.parts
    }
    assert set(file.keys()) == expected


def test_inputs_are_made_once(prepared):
    shared, folder = prepared
    (folder / "data/texts.txt").unlink()
    inputs.prepare(shared, folder, folder, 30)
    assert not (folder / "data/texts.txt").exists()


def test_absent_data_is_reported_with_its_cure(tmp_path):
    with pytest.raises(InputError, match=r"no such file; give the folder .* with --shared"):
        inputs.prepare(tmp_path, tmp_path, tmp_path / "inputs", 30)


def test_a_report_is_not_changed_by_being_shown(report):
    before = copy.deepcopy(report)
    results.table(report), results.picture(report)
    assert report == before


def test_an_operations_own_time_is_without_what_runs_within_it():
    spans = [(0, 10, "step"), (1, 4, "MatMul"), (5, 9, "MatMul"), (6, 8, "Mul"), (10, 12, "Mul")]
    assert profilers.own_time(spans) == {"step": 3, "MatMul": 5, "Mul": 4}
