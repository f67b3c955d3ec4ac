"""From the similarities of all rows to the few best people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow

_HEIGHT = 64  # see ``_candidates``


@dataclass(frozen=True)
class PeopleIndex:
    """Who is in which row.

    Attributes:
        names: every person once, in the order of enrolment.
        codes: place in ``names`` of each row's person; int32, shape (rows,).
    """

    names: list[str] = field(default_factory=list)
    codes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))

    @classmethod
    def of(cls, people: pyarrow.ChunkedArray) -> PeopleIndex:
        """Number the people of a column of names."""
        encoded = people.combine_chunks().dictionary_encode()
        return cls(encoded.dictionary.to_pylist(), encoded.indices.to_numpy())

    def person(self, row: int) -> str:
        """Name the person of a row."""
        return self.names[self.codes[row]]

    def best(self, similarities: np.ndarray, k: int) -> np.ndarray:
        """Rank people by the best of their photographs.

        Args:
            similarities: of each row; shape (rows,).
            k: how many people at most.

        Returns:
            Row numbers, best first: each person's best row.
        """
        k = min(k, len(self.names))
        count = 4 * k  # enough when people have few photographs each
        while True:
            top = _largest(similarities, count)
            _, first = np.unique(self.codes[top], return_index=True)
            if len(first) >= k or count >= len(similarities):
                return top[np.sort(first)[:k]]
            count *= 4


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Places of the ``count`` largest values, the largest first."""
    places = _candidates(values, count)
    if count < len(places):
        places = places[np.argpartition(values[places], -count)[-count:]]
    return places[np.argsort(-values[places], kind="stable")]


def _candidates(values: np.ndarray, count: int) -> np.ndarray:
    """Places among which the ``count`` largest values are.

    Partitioning 100,000 values takes as long as half the matrix product. But
    the largest ones lie in those columns, of the values laid out as a table,
    that have the largest maxima; and these are quick to find.
    """
    width = len(values) // _HEIGHT
    if count >= width:
        return np.arange(len(values))
    table = values[: width * _HEIGHT].reshape(_HEIGHT, width)
    columns = np.argpartition(table.max(axis=0), -count)[-count:]
    cells = columns + width * np.arange(_HEIGHT)[:, None]
    rest = np.arange(width * _HEIGHT, len(values))
    return np.append(cells.ravel(), rest)
