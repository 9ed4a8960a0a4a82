"""Writes the synthetic support tickets: topic, sentiment and entities of each.

`python -m mtl_keras.samples.make_tickets [--output DIR]` writes, for each split, the file
`<split>.csv` (text, topic, sentiment) and `<split>.conll` (the same tickets in the same order,
one word and its BIO tag per line). The same files come out every time.
"""

import argparse
import csv
import itertools
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtl_keras.samples import direct_frames
from mtl_keras.samples.frames import Frames
from mtl_keras.samples.held_out_frames import TEST, VALIDATION
from mtl_keras.samples.slot_values import slot_value
from mtl_keras.samples.train_frames import TRAIN
from mtl_keras.storage.refusals import cause

FRAMES = {
    "train": TRAIN.with_more(direct_frames.TRAIN),
    "validation": VALIDATION.with_more(direct_frames.VALIDATION),
    "test": TEST.with_more(direct_frames.TEST),
}
SENTIMENTS = ("negative", "neutral", "positive")
TICKETS_PER_CELL = {"train": 134, "validation": 17, "test": 34}  # a cell is a topic × sentiment
TICKETS_FOLDER = Path(__file__).parent / "tickets"

ENTITY_OF_SLOT = {
    "product": "product",
    "product2": "product",
    "order": "order_number",
    "city": "city",
    "person": "person",
    "person2": "person",
    "date": "date",
}
MAX_WORDS = 40
ASIDE_SHARE = 0.4
ANY_OPENER_SHARE = 0.3
MOOD_FIRST_SHARE = 0.5
MOOD_TWICE_SHARE = 0.4
NEUTRAL_CLOSER_SHARE = 0.4
ANY_CLOSER_SHARE = 0.3
ALL_LOWERCASE_SHARE = 0.05

_SLOT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Ticket:
    """One ticket.

    Args:
        text: what the customer wrote.
        topic: what it is about.
        sentiment: `negative`, `neutral` or `positive`: the customer's mood towards the shop.
        words: the words and punctuation marks of the text.
        tags: a BIO tag for each word.
        frames: the sentences that it was made from.
    """

    text: str
    topic: str
    sentiment: str
    words: tuple[str, ...]
    tags: tuple[str, ...]
    frames: tuple[str, ...]


def make_tickets(split: str) -> list[Ticket]:
    """The tickets of a split (`train`, `validation` or `test`), in the order of its files.

    Example:

    >>> ticket = make_tickets("validation")[0]
    >>> len(ticket.words) == len(ticket.tags)
    True
    """
    rng = random.Random(f"tickets {split}")
    tickets: dict[str, Ticket] = {}
    for topic, sentiment in itertools.product(FRAMES[split].topics, SENTIMENTS):
        target = len(tickets) + TICKETS_PER_CELL[split]
        for situation in _in_turn(_situations(split, topic, sentiment), rng):
            ticket = _ticket(split, topic, sentiment, situation, rng)
            if len(ticket.words) <= MAX_WORDS:
                tickets.setdefault(ticket.text.lower(), ticket)
            if len(tickets) == target:
                break
    shuffled = list(tickets.values())
    rng.shuffle(shuffled)
    return shuffled


def write_tickets(folder: Path) -> None:
    """Writes the CSV and CoNLL files of every split into a folder, which is made if absent."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in FRAMES:
        tickets = make_tickets(split)
        _write_csv(folder / f"{split}.csv", tickets)
        _write_conll(folder / f"{split}.conll", tickets)


def slots_of(frame: str) -> tuple[str, ...]:
    """The slots of a frame.

    >>> slots_of("The {product} never reached {city}.")
    ('product', 'city')
    """
    return tuple(_SLOT.findall(frame))


def split_words(text: str) -> list[str]:
    """The words of a text; a punctuation mark is a word of its own.

    >>> split_words("Order #48213, please.")
    ['Order', '#', '48213', ',', 'please', '.']
    """
    return _WORD.findall(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m mtl_keras.samples.make_tickets",
        description="Write the synthetic support tickets: <split>.csv and <split>.conll.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=TICKETS_FOLDER,
        metavar="DIR",
        help="folder to write to (default: the tickets of this package)",
    )
    folder = parser.parse_args(arguments).output
    try:
        write_tickets(folder)
    except OSError as error:
        parser.exit(1, f"{folder}: cannot write the tickets: {cause(error)}\n")


def _situations(split: str, topic: str, sentiment: str) -> list[str]:
    frames = FRAMES[split].topics[topic]
    moods = {"neutral": (), "negative": frames.negative, "positive": frames.positive}
    return [*frames.plain, *moods[sentiment]]


def _in_turn(items: list[str], rng: random.Random) -> Iterator[str]:
    while True:
        yield from rng.sample(items, len(items))


def _ticket(split: str, topic: str, sentiment: str, situation: str, rng: random.Random) -> Ticket:
    frames = FRAMES[split]
    if situation in frames.topics[topic].plain:
        sentences = _around_plain(frames, topic, sentiment, situation, rng)
    else:
        sentences = _around_mood(frames, topic, situation, rng)
    pieces = _filled(sentences, split, rng)
    if rng.random() < ALL_LOWERCASE_SHARE:
        pieces = [(string.lower(), entity) for string, entity in pieces]
    words, tags = _tagged(pieces)
    text = "".join(string for string, _ in pieces)
    return Ticket(text, topic, sentiment, words, tags, tuple(sentences))


def _around_plain(
    frames: Frames, topic: str, sentiment: str, situation: str, rng: random.Random
) -> list[str]:
    moody = sentiment != "neutral"
    mood_first = moody and rng.random() < MOOD_FIRST_SHARE
    mood_last = moody and (not mood_first or rng.random() < MOOD_TWICE_SHARE)
    chosen = _Sentences(topic, situation, rng)
    if mood_first:
        chosen.before(frames.openers[sentiment])
    elif rng.random() < ANY_OPENER_SHARE:
        chosen.before(frames.openers["any"])
    if rng.random() < ASIDE_SHARE:
        chosen.after(frames.topics[topic].asides)
    if mood_last:
        chosen.after(frames.closers[sentiment])
    elif rng.random() < NEUTRAL_CLOSER_SHARE:
        chosen.after(frames.closers["neutral"])
    elif rng.random() < ANY_CLOSER_SHARE:
        chosen.after(frames.closers["any"])
    return chosen.sentences


def _around_mood(frames: Frames, topic: str, situation: str, rng: random.Random) -> list[str]:
    chosen = _Sentences(topic, situation, rng)
    if rng.random() < ANY_OPENER_SHARE:
        chosen.before(frames.openers["any"])
    if rng.random() < ANY_CLOSER_SHARE:
        chosen.after(frames.closers["any"])
    return chosen.sentences


class _Sentences:
    """A situation and what is put around it: no slot twice, no order where nothing is bought."""

    def __init__(self, topic: str, situation: str, rng: random.Random) -> None:
        self.sentences = [situation]
        self._taken = set(slots_of(situation)) | ({"order"} if topic == "buying" else set())
        self._rng = rng

    def before(self, frames: Sequence[str]) -> None:
        self.sentences[:0] = self._choose(frames)

    def after(self, frames: Sequence[str]) -> None:
        self.sentences += self._choose(frames)

    def _choose(self, frames: Sequence[str]) -> list[str]:
        fitting = [frame for frame in frames if self._taken.isdisjoint(slots_of(frame))]
        chosen = self._rng.sample(fitting, min(len(fitting), 1))
        self._taken.update(*map(slots_of, chosen))
        return chosen


def _filled(
    sentences: Sequence[str], split: str, rng: random.Random
) -> list[tuple[str, str | None]]:
    """The text in pieces, each with the entity that it is, if any."""
    text = " ".join(sentences)
    values = _distinct_values(dict.fromkeys(slots_of(text)), split, rng)
    parts = _SLOT.split(text)  # literal, slot, literal, slot, …, literal
    return [
        (values[part], ENTITY_OF_SLOT.get(part)) if position % 2 else (part, None)
        for position, part in enumerate(parts)
    ]


def _distinct_values(slots: dict[str, None], split: str, rng: random.Random) -> dict[str, str]:
    values: dict[str, str] = {}
    for slot in slots:
        value = slot_value(slot.rstrip("2"), split, rng)
        while value.lower() in map(str.lower, values.values()):
            value = slot_value(slot.rstrip("2"), split, rng)
        values[slot] = value
    return values


def _tagged(
    pieces: Sequence[tuple[str, str | None]],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    words: list[str] = []
    tags: list[str] = []
    for string, entity in pieces:
        for position, word in enumerate(split_words(string)):
            words.append(word)
            tags.append("O" if entity is None else f"{'I' if position else 'B'}-{entity}")
    return tuple(words), tuple(tags)


def _write_csv(path: Path, tickets: Sequence[Ticket]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("text", "topic", "sentiment"))
        writer.writerows((ticket.text, ticket.topic, ticket.sentiment) for ticket in tickets)


def _write_conll(path: Path, tickets: Sequence[Ticket]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for ticket in tickets:
            rows = zip(ticket.words, ticket.tags, strict=True)
            file.writelines(f"{word}\t{tag}\n" for word, tag in rows)
            file.write("\n")


if __name__ == "__main__":
    main()
