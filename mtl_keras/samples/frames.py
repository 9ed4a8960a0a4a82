"""What the frames of the synthetic tickets look like: sentences with slots, by topic and mood.

A frame is one or two sentences of a customer. `{product}`, `{product2}`, `{order}`, `{city}`,
`{person}`, `{person2}` and `{date}` are filled and become entities; `{code}` is filled with
something that looks like an order number and is none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TopicFrames:
    """What customers say about one topic.

    Args:
        plain: facts and questions, told without a mood.
        negative: the same topic, told by somebody who is annoyed. Needs no further sentence.
        positive: the same topic, told by somebody who is pleased. Needs no further sentence.
        asides: what may follow a plain frame: true, beside the point, in other topics' words.
    """

    plain: tuple[str, ...]
    negative: tuple[str, ...]
    positive: tuple[str, ...]
    asides: tuple[str, ...]

    def situations(self) -> tuple[str, ...]:
        """The frames that decide a ticket's topic."""
        return self.plain + self.negative + self.positive

    def with_more(self, other: "TopicFrames") -> "TopicFrames":
        """These frames, then those of another value."""
        return TopicFrames(
            plain=self.plain + other.plain,
            negative=self.negative + other.negative,
            positive=self.positive + other.positive,
            asides=self.asides + other.asides,
        )


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Every sentence of one split.

    Args:
        topics: topic → its frames.
        openers: mood → what may come first; `any` fits every ticket.
        closers: mood → what may come last. `neutral` asks for something, so it follows a plain
            frame; `any` is a signature or a reference and fits every ticket.
    """

    topics: Mapping[str, TopicFrames]
    openers: Mapping[str, tuple[str, ...]]
    closers: Mapping[str, tuple[str, ...]]

    def __iter__(self) -> Iterator[str]:
        for topic in self.topics.values():
            yield from topic.situations()
            yield from topic.asides
        for group in (*self.openers.values(), *self.closers.values()):
            yield from group

    def with_more(self, other: "Frames") -> "Frames":
        """These frames, then those of another value with the same topics."""
        return Frames(
            topics={name: of.with_more(other.topics[name]) for name, of in self.topics.items()},
            openers={mood: of + other.openers.get(mood, ()) for mood, of in self.openers.items()},
            closers={mood: of + other.closers.get(mood, ()) for mood, of in self.closers.items()},
        )
