"""Makes figures.json: scores and labels with scikit-learn's and SciPy's values of every figure of a backtest.

    pip install scikit-learn==1.9.1 scipy
    python3 test/learning/figures/figures_fixture.py > test/learning/figures/figures.json
"""

import json
import random

import numpy
import scipy
import sklearn
from scipy.stats import ks_2samp
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score


def scores(count, draw):
    """Rounds to single precision, so that both sides compute with the same numbers."""
    return [float(numpy.float32(min(1.0, max(0.0, draw())))) for _ in range(count)]


def case(name, count, positive_share, draw, other):
    truth = [int(random.random() < positive_share) for _ in range(count)]
    score = scores(count, draw)
    other_score = scores(count, other)
    share, mean = calibration_curve(truth, score, n_bins=10)
    return {
        "name": name, "truth": truth, "score": score, "other": other_score,
        "roc_auc": roc_auc_score(truth, score), "pr_auc": average_precision_score(truth, score),
        "brier": brier_score_loss(truth, score), "log_loss": log_loss(truth, numpy.array(score, dtype=numpy.float32)),
        "ks": ks_2samp(score, other_score).statistic,
        "calibration": {"share": list(share), "mean": list(mean)},
    }


random.seed(20260105)
cases = [
    case("rare positives, continuous scores", 400, 0.06, random.random, lambda: random.betavariate(2, 5)),
    case("many ties", 300, 0.4, lambda: random.randrange(7) / 8, lambda: random.randrange(5) / 8),
    case(
        "scores of exactly 0 and 1", 200, 0.5,
        lambda: random.choice([0, 0.25, 0.5, 1]), lambda: random.choice([0, 1]),
    ),
    case("low scores", 250, 0.1, lambda: random.betavariate(1, 30), lambda: random.betavariate(1, 25)),
]
made_by = (
    f"test/learning/figures/figures_fixture.py, scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}"
)
print(json.dumps({"made_by": made_by, "cases": cases}))
