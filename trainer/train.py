"""Trains one demo model and measures it: model.onnx, manifest.json and card.md in models/<family>/global/<version>/.

    python train.py --train ROWS.ndjson.gz --test ROWS.ndjson.gz --version v001 --models ../models
"""

import argparse
import hashlib
import json
import os
from pathlib import Path

import numpy as np

import card
from fit import VALIDATION_SHARE, export, learnable, prove, scores, train
from measure import report, thresholds
from rows import Rows, load

MOST_BYTES = 1_000_000


def reference(rows: Rows) -> dict:
    """Per feature the median and, for drift, the counts between deciles; `missing` counts the NaN values."""
    result = {}
    for index, name in enumerate(rows.header["features"]):
        column = rows.x[:, index].astype(np.float64)
        there = ~np.isnan(column)
        if not there.any():
            result[name] = {"median": None, "missing": float(rows.weight.sum())}
            continue
        edges = np.unique(np.quantile(column[there], np.linspace(0, 1, 11)))
        # The outer bins are open: edges[i] <= x < edges[i + 1], the last one from its edge up.
        inner = edges[1:-1] if len(edges) > 2 else edges[:1]
        bins = np.searchsorted(inner, column[there], side="right")
        counts = np.bincount(bins, weights=rows.weight[there], minlength=len(inner) + 1)
        result[name] = {
            "median": float(np.median(column[there])),
            "bins": {
                "edges": [float(f"{edge:.6g}") for edge in inner],
                "counts": [round(float(count), 1) for count in counts],
            },
            "missing": round(float(rows.weight[~there].sum()), 1),
        }
    return result


def tests_of(test: Rows, score: np.ndarray, high: float) -> dict:
    """Figures for each world, for all worlds, and separately for the pattern that is not in the training worlds."""
    masks = {f"seed {seed}": test.seed == seed for seed in np.unique(test.seed)}
    masks["all together"] = np.ones(len(test.truth), dtype=bool)
    unseen = test.scheme == card.UNSEEN
    if unseen.any():
        masks["known patterns only"] = ~unseen
        masks["the pattern never trained on"] = unseen | (test.truth == 0)
    return {name: report(test.where(mask), score[mask], high) for name, mask in masks.items()}


def write(folder: Path, name: str, data: bytes) -> None:
    """Writes a file completely or not at all, readable by the owner's group."""
    temporary = folder / f".{name}.part"
    with open(temporary, "wb", opener=lambda path, flags: os.open(path, flags, 0o640)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("train", "test", "version", "models"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--withhold", metavar="WHY", help="the model serves only when a person activates it")
    options = parser.parse_args()
    rows = load(options.train)
    header = rows.header
    model, validation, label = train(rows)
    onnx = export(model, rows.x.shape[1])
    if len(onnx) > MOST_BYTES:
        raise SystemExit(f"the model has {len(onnx):,} bytes, more than {MOST_BYTES:,}")
    difference = prove(model, onnx, validation.x)
    risk = thresholds(label, scores(onnx, validation.x), validation.weight)
    known, labels = learnable(rows)
    fitted = known.where(known.time_ms < validation.time_ms.min())

    test = load(options.test)
    for name in ("fingerprint", "simulator"):
        if test.header[name] != header[name]:
            raise SystemExit(f"training and test rows differ in their {name}: create both again")
    gain = model.get_booster().get_score(importance_type="total_gain")
    total = sum(gain.values())
    top = sorted(gain.items(), key=lambda item: -item[1])[:12]
    manifest = {
        "family": header["family"],
        "scope": "global",
        "version": options.version,
        "fingerprint": header["fingerprint"],
        "features": header["features"],
        "sha256": hashlib.sha256(onnx).hexdigest(),
        "input": "input",
        "output": "probabilities",
        "parent": None,
        "simulator": header["simulator"],
        "thresholds": risk,
        **({"withheld": options.withhold} if options.withhold else {}),
        "window": {
            "stream": header["stream"],
            "seeds": header["seeds"],
            "from_ms": header["fromMs"],
            "to_ms": header["toMs"],
            "validation_percent": round(100 * VALIDATION_SHARE),
            "silence_means": header["silence_means"],
        },
        "metrics": {
            "trees": model.get_booster().num_boosted_rounds(),
            "onnx_difference": difference,
            "training_rows": len(fitted.truth),
            "validation_rows": len(validation.truth),
            "known_positives": int(labels.sum()),
            "true_positives": int(rows.truth.sum()),
            "importance": {header["features"][int(name[1:])]: value / total for name, value in top},
            "test_window": {"from_ms": test.header["fromMs"], "to_ms": test.header["toMs"]},
            "tests": tests_of(test, scores(onnx, test.x), risk["high"]),
        },
        "reference": reference(fitted),
    }
    folder = Path(options.models) / header["family"] / "global" / options.version
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, "model.onnx", onnx)
    write(folder, "manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())
    write(folder, "card.md", card.render(manifest).encode())
    keys = ("pr_auc", "roc_auc", "heuristic_pr_auc", "high_share")
    tests = manifest["metrics"]["tests"]
    print(json.dumps({name: {key: figures[key] for key in keys} for name, figures in tests.items()}, indent=1))


if __name__ == "__main__":
    main()
