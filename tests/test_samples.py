"""The synthetic tickets: made as claimed, split as claimed, and not too easy."""

import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from support.places import CHECKPOINTS

from mtl_keras.recipes.recipe import bundled_recipes, load_recipe
from mtl_keras.samples import baselines, slot_values
from mtl_keras.samples.make_tickets import (
    ENTITY_OF_SLOT,
    FRAMES,
    SENTIMENTS,
    TICKETS_FOLDER,
    TICKETS_PER_CELL,
    main,
    make_tickets,
    slots_of,
    split_words,
)

SPLITS = tuple(FRAMES)
TOPICS = tuple(FRAMES["train"].topics)
TICKETS = {split: make_tickets(split) for split in SPLITS}
GENERATED = [f"{split}.{suffix}" for split in SPLITS for suffix in ("csv", "conll")]
UNLIKE = [("train", "validation"), ("train", "test"), ("validation", "test")]


def _phrases(frame: str, length: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", frame.lower())
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def test_generator_reproduces_the_files(tmp_path):
    main(["--output", str(tmp_path / "new" / "folder")])
    for name in GENERATED:
        made = (tmp_path / "new" / "folder" / name).read_bytes()
        assert made == (TICKETS_FOLDER / name).read_bytes(), name


def test_generator_runs_as_a_module_without_tensorflow():
    program = (
        "import runpy, sys; sys.argv = ['make_tickets', '--help']\n"
        "try: runpy.run_module('mtl_keras.samples.make_tickets', run_name='__main__')\n"
        "except SystemExit: sys.exit('tensorflow' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "--output" in answer.stdout


def test_output_that_cannot_be_written_is_one_line(tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as exit_:
        main(["--output", str(tmp_path / "file")])
    assert exit_.value.code == 1
    assert re.fullmatch(r".*file: cannot write the tickets: .+\n", capsys.readouterr().err)


def test_folder_is_small_and_says_synthetic():
    assert sum(path.stat().st_size for path in TICKETS_FOLDER.iterdir()) < 2_000_000
    assert "synthetic" in (TICKETS_FOLDER / "README.md").read_text(encoding="utf-8").lower()


def test_readme_counts_the_tickets_and_frames():
    readme = (TICKETS_FOLDER / "README.md").read_text(encoding="utf-8")
    for split in SPLITS:
        row = f"| {split} | {len(TICKETS[split]):,} | {len(set(FRAMES[split]))} |"
        assert row in readme


def test_tickets_are_distinct_and_3000_to_4000():
    texts = [ticket.text.lower() for tickets in TICKETS.values() for ticket in tickets]
    assert len(texts) == len(set(texts))
    assert 3_000 <= len(texts) <= 4_000


@pytest.mark.parametrize("split", SPLITS)
def test_every_topic_has_every_sentiment_equally_often(split):
    cells = Counter((ticket.topic, ticket.sentiment) for ticket in TICKETS[split])
    wanted = {(topic, mood): TICKETS_PER_CELL[split] for topic in TOPICS for mood in SENTIMENTS}
    assert cells == wanted


@pytest.mark.parametrize(("split", "least"), [("train", 25), ("test", 10)])
def test_many_situations_a_topic(split, least):
    for topic, frames in FRAMES[split].topics.items():
        used = {frame for t in TICKETS[split] if t.topic == topic for frame in t.frames}
        situations = frames.situations()
        assert len(situations) == len(set(situations)) >= least
        assert used >= set(situations)


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_no_frame_is_shared_between_splits(one, other):
    assert not set(FRAMES[one]) & set(FRAMES[other])
    used = [{frame for t in TICKETS[split] for frame in t.frames} for split in (one, other)]
    assert not used[0] & used[1]


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_no_six_words_in_a_row_are_shared_between_splits(one, other):
    phrases = {phrase for frame in FRAMES[one] for phrase in _phrases(frame, 6)}
    shared = {frame for frame in FRAMES[other] if _phrases(frame, 6) & phrases}
    assert not shared


@pytest.mark.parametrize("split", SPLITS)
def test_tickets_come_from_the_frames_of_their_split(split):
    for ticket in TICKETS[split]:
        assert set(ticket.frames) <= set(FRAMES[split])


@pytest.mark.parametrize("split", SPLITS)
def test_tags_are_valid_bio_over_the_words_of_the_text(split):
    kinds = set(ENTITY_OF_SLOT.values())
    for ticket in TICKETS[split]:
        assert list(ticket.words) == split_words(ticket.text)
        for before, tag in zip(("O", *ticket.tags), ticket.tags, strict=False):
            assert tag == "O" or (tag[:2] in ("B-", "I-") and tag[2:] in kinds)
            assert tag[:2] != "I-" or before[2:] == tag[2:]


@pytest.mark.parametrize("split", SPLITS)
def test_an_entity_for_each_slot_and_none_for_a_decoy(split):
    for ticket in TICKETS[split]:
        slots = [slot for frame in ticket.frames for slot in slots_of(frame)]
        wanted = Counter(ENTITY_OF_SLOT[slot] for slot in slots if slot in ENTITY_OF_SLOT)
        assert wanted == Counter(tag[2:] for tag in ticket.tags if tag.startswith("B-"))


@pytest.mark.parametrize("split", SPLITS)
def test_files_say_the_same_sentences_in_the_same_order(split):
    rows = baselines.read_csv(TICKETS_FOLDER / f"{split}.csv")
    sentences = baselines.read_conll(TICKETS_FOLDER / f"{split}.conll")
    assert [split_words(row["text"]) for row in rows] == [[w for w, _ in s] for s in sentences]


@pytest.mark.parametrize("split", SPLITS)
def test_no_slot_is_left_open(split):
    assert not [ticket.text for ticket in TICKETS[split] if set("{}") & set(ticket.text)]


@pytest.mark.parametrize("values", ["PRODUCTS", "CITIES", "PERSONS", "ORDER_FORMATS"])
def test_held_out_values_are_unknown_to_training(values):
    lists = getattr(slot_values, values)
    for one, other in UNLIKE:
        assert not set(lists[one]) & set(lists[other])


@pytest.mark.parametrize("entity", sorted(set(ENTITY_OF_SLOT.values())))
def test_every_entity_is_frequent(entity):
    for split in SPLITS:
        count = sum(ticket.tags.count(f"B-{entity}") for ticket in TICKETS[split])
        assert count >= len(TICKETS[split]) / 10


@pytest.mark.slow
@pytest.mark.parametrize(("label", "most"), [("topic", 0.85), ("sentiment", 0.75)])
def test_a_bag_of_words_does_not_solve_it(label, most):
    chance = {"topic": 1 / 6, "sentiment": 1 / 3}[label]
    assert chance < baselines.bag_of_words_accuracy(TICKETS_FOLDER, label) < most


def test_the_usual_tag_of_a_word_does_not_solve_it():
    assert baselines.most_frequent_tag_f1(TICKETS_FOLDER) < 0.6


def test_spans_of_an_adjacent_entity_and_a_stray_inside_tag():
    assert baselines.spans([["B-city", "B-city", "I-city", "I-date"]]) == {
        (0, 0, 1, "city"),
        (0, 1, 3, "city"),
        (0, 3, 4, "date"),
    }


def test_the_recipe_is_bundled_and_its_files_are_there():
    recipe = load_recipe("tickets")
    assert [task.name for task in recipe.tasks] == ["topic", "sentiment", "entities"]
    for task in recipe.tasks:
        assert list(task.files) == ["train", "validation", "test"]
        for paths in task.files.values():
            assert all((recipe.path.parent / path).is_file() for path in paths)


def test_the_recipe_says_synthetic_in_its_first_line():
    first = (TICKETS_FOLDER.parent / "tickets.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("#")
    assert "synthetic" in first


SMALL_BERT = (
    "https://www.kaggle.com/models/tensorflow/bert/TensorFlow2/bert-en-uncased-l-10-h-128-a-2/2"
)
SMALL = {  # checkpoint, and how many blocks the real one has
    "hf://distilbert/distilbert-base-uncased": ("distilbert", 6),
    "hf://ProsusAI/finbert": ("finbert", 12),
    "hf://dmis-lab/biobert-v1.1": ("biobert", 12),
    "hf://EleutherAI/gpt-neo-125M": ("gpt_neo", 12),
    "all-MiniLM-L6-v2": ("finbert", 6),
    SMALL_BERT: ("finbert", 10),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(bundled_recipes()) - {"tickets"}))
def test_every_recipe_fits_an_encoder_of_its_kind(name, monkeypatch):
    """With a small checkpoint of as many blocks, each stage freezes and trains something."""
    from mtl_keras.encoders.text_encoder import TextEncoder
    from mtl_keras.runs.building import build_model, open_datasets

    recipe = load_recipe(name)
    checkpoint, blocks = SMALL[recipe.encoder]
    small = TextEncoder.from_pretrained(str(CHECKPOINTS / checkpoint), max_length=48)
    config = replace(small.config, num_layers=blocks, attention_windows=())
    encoder = TextEncoder(small.tokenizer, config)
    monkeypatch.setattr(TextEncoder, "from_pretrained", lambda *_, **__: encoder)
    model = build_model(recipe, open_datasets(recipe))
    groups = list(model.layer_groups)
    frozen = [set(stage.frozen(groups)) for stage in recipe.plan.stages(groups)]
    assert all(groups_of_stage < set(groups) for groups_of_stage in frozen)
    for stage in recipe.plan.stages(groups):
        assert set(groups) - set(stage.frozen(groups)) <= set(stage.learning_rate.by_group(groups))
