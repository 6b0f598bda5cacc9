"""Makes figures.json: scores and labels, and every figure of a backtest as scikit-learn, SciPy and NumPy compute it.

    pip install scikit-learn==1.9.1 scipy==1.17.1
    python3 test/learning/figures/figures_fixture.py > test/learning/figures/figures.json
"""

import json
import random

import numpy
import scipy
import sklearn
from scipy.stats import ks_2samp
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    log_loss,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

BINS = 10
THRESHOLDS = [step / 20 for step in range(21)]


def scores(count, draw):
    """Rounds to single precision, so that both sides compute with the same numbers."""
    return [float(numpy.float32(min(1.0, max(0.0, draw())))) for _ in range(count)]


def calibration_error(truth, score):
    """The distance of each bin's share of positives from its mean score, weighted by rows."""
    truth, score = numpy.array(truth), numpy.array(score)
    bins = numpy.minimum(numpy.floor(score * BINS), BINS - 1)
    members = [bins == bin for bin in numpy.unique(bins)]
    return sum(rows.sum() * abs(truth[rows].mean() - score[rows].mean()) for rows in members) / len(score)


def shares(score, bins):
    counts, _ = numpy.histogram(score, bins=bins, range=(0, 1))
    return numpy.maximum(counts, 0.5) / counts.sum()


def stability_index(reference, now, bins):
    """The symmetric Kullback-Leibler divergence of two histograms; an empty bin counts as half a row."""
    before, after = shares(reference, bins), shares(now, bins)
    return float(((after - before) * numpy.log(after / before)).sum())


def confusion(truth, score, threshold):
    passes, false_alarms, misses, hits = confusion_matrix(truth, numpy.array(score) >= threshold, labels=[0, 1]).ravel()
    return {"hits": int(hits), "false_alarms": int(false_alarms), "misses": int(misses), "passes": int(passes)}


def curves(truth, score):
    """A point for each distinct score, from the highest down; the ROC curve also starts at the origin."""
    false_alarms, hits, _ = roc_curve(truth, score, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(truth, score)
    return {
        "roc": [list(point) for point in zip(false_alarms, hits)],
        "pr": [list(point) for point in zip(recall[:-1][::-1], precision[:-1][::-1])],
    }


def case(name, count, positive_share, draw, other):
    truth = [int(random.random() < positive_share) for _ in range(count)]
    score = scores(count, draw)
    other_score = scores(count, other)
    share, mean = calibration_curve(truth, score, n_bins=BINS)
    return {
        "name": name, "truth": truth, "score": score, "other": other_score,
        "roc_auc": roc_auc_score(truth, score), "pr_auc": average_precision_score(truth, score),
        "brier": brier_score_loss(truth, score), "log_loss": log_loss(truth, numpy.array(score, dtype=numpy.float32)),
        "ks": ks_2samp(score, other_score).statistic,
        "psi": stability_index(other_score, score, 20),
        "calibration": {"share": list(share), "mean": list(mean), "error": calibration_error(truth, score)},
        "confusion": [{"threshold": threshold, **confusion(truth, score, threshold)} for threshold in THRESHOLDS],
        **curves(truth, score),
    }


random.seed(20260105)
cases = [
    case("rare positives, continuous scores", 400, 0.06, random.random, lambda: random.betavariate(2, 5)),
    case("many ties", 300, 0.4, lambda: random.randrange(7) / 8, lambda: random.randrange(5) / 8),
    case("exactly 0 and 1", 200, 0.5, lambda: random.choice([0, 0.25, 0.5, 1]), lambda: random.choice([0, 1])),
    case("low scores", 250, 0.1, lambda: random.betavariate(1, 30), lambda: random.betavariate(1, 25)),
    case("one score for all", 60, 0.3, lambda: 0.55, lambda: 0.15),
    case("a few rows", 5, 0.5, random.random, random.random),
]
made_by = f"test/learning/figures/figures_fixture.py, scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}"
print(json.dumps({"made_by": made_by, "cases": cases}))
