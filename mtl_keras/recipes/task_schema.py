"""The schema of a task in a recipe: its kind, labels, files and their columns."""

from typing import Annotated, Any, Literal, Self

import pydantic

from mtl_keras.data.columns import Columns
from mtl_keras.data.label_kinds import LABEL_KINDS
from mtl_keras.data.own_blocks import as_own_blocks
from mtl_keras.data.splits import SPLITS
from mtl_keras.data.task import Task
from mtl_keras.recipes.strict import Strict
from mtl_keras.recipes.values import address, paths


class _Columns(Strict):
    text: Any = "text"
    label: Any = "label"
    header: bool | None = None
    label_names: dict[str, str] = {}
    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        self.build()
        return self

    def build(self) -> Columns:
        return Columns(**dict(self))

    def by_split(self) -> dict[str, "_Columns"]:
        return dict.fromkeys(SPLITS, self)


class _SplitColumns(Strict):
    train: _Columns = pydantic.Field(
        _Columns(), description="of the training files, and of splits that have none here"
    )
    validation: _Columns | None = pydantic.Field(None, description="of the validation files")
    test: _Columns | None = pydantic.Field(None, description="of the test files")

    def by_split(self) -> dict[str, _Columns]:
        return {split: own or self.train for split, own in self}


def _which_columns(value: Any) -> str:
    return "by_split" if isinstance(value, dict) and set(value) & set(SPLITS) else "plain"


_Paths = Annotated[Any, pydantic.AfterValidator(paths)]


class _Files(Strict):
    train: _Paths = pydantic.Field(
        None, description="a path or a list of paths, which may hold globs, to learn from"
    )
    validation: _Paths = pydantic.Field(
        None,
        description="likewise, to choose the best weights by; without it, a tenth of the training "
        "examples is cut off for it",
    )
    test: _Paths = pydantic.Field(None, description="likewise, to measure the trained model on")

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if not any((self.train, self.validation, self.test)):
            raise ValueError("no file; give the task training files: {train: train.csv}")
        return self


def _which_files(value: Any) -> str:
    return "address" if isinstance(value, str) else "by_split"


class TaskSchema(Strict):
    kind: Literal[*LABEL_KINDS] = Task.kind  # type: ignore[valid-type]
    labels: list[str] = []
    files: Annotated[
        Annotated[_Files, pydantic.Tag("by_split")]
        | Annotated[str, pydantic.AfterValidator(address), pydantic.Tag("address")],
        pydantic.Discriminator(_which_files),
    ]
    columns: Annotated[
        Annotated[_Columns, pydantic.Tag("plain")]
        | Annotated[_SplitColumns, pydantic.Tag("by_split")],
        pydantic.Discriminator(_which_columns),
    ] = _Columns()
    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    reads: str = Task.reads
    own_blocks: Annotated[Any, pydantic.AfterValidator(as_own_blocks)] = None

    def build(self, name: str) -> Task:
        files: Any = self.files
        if not isinstance(files, str):
            files = {split: paths for split, paths in files if paths is not None}
        of_all = {name: getattr(self, name) for name in ("format", "delimiter", "encoding")}
        columns = {}
        for split, own in self.columns.by_split().items():
            of_split = {name: value for name, value in dict(own).items() if value is not None}
            columns[split] = Columns(**of_all | of_split)
        return Task(
            name,
            self.kind,
            tuple(self.labels),
            files=files,
            columns=columns,
            reads=self.reads,
            own_blocks=self.own_blocks,
        )
