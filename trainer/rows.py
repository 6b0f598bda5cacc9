"""Reads the labelled vectors that trainer/dataset.ts writes."""

import gzip
import json
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rows:
    """One dataset in parallel arrays. `known` is NaN for an unknown label, `scheme` is '' for a genuine event."""

    header: dict
    x: np.ndarray
    truth: np.ndarray
    known: np.ndarray
    scheme: np.ndarray
    weight: np.ndarray
    time_ms: np.ndarray
    seed: np.ndarray
    heuristic: np.ndarray

    def where(self, mask: np.ndarray) -> "Rows":
        parts = (self.x, self.truth, self.known, self.scheme, self.weight, self.time_ms, self.seed, self.heuristic)
        return Rows(self.header, *(part[mask] for part in parts))


def load(path: str) -> Rows:
    """Reads a gzipped NDJSON dataset: a header line, then a row per event; null features become NaN."""
    x, columns = [], {name: [] for name in ("known", "scheme", "w", "t", "seed", "heuristic")}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        header = json.loads(next(file))
        for line in file:
            row = json.loads(line)
            x.append(np.array(row["x"], dtype=np.float32))
            for name, values in columns.items():
                values.append(row[name])
    scheme = np.array([name or "" for name in columns["scheme"]])
    return Rows(
        header,
        np.stack(x),
        (scheme != "").astype(np.int8),
        np.array(columns["known"], dtype=np.float32),
        scheme,
        np.array(columns["w"], dtype=np.float64),
        np.array(columns["t"], dtype=np.int64),
        np.array(columns["seed"], dtype=np.int64),
        np.array(columns["heuristic"], dtype=np.float64),
    )
