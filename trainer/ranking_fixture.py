"""Writes test/simulator/ranking.json: rankings with ties and rare classes, and scikit-learn's values for them.

    python ranking_fixture.py > ../test/simulator/ranking.json
"""

import json

import numpy as np
import sklearn
from sklearn.metrics import average_precision_score, roc_auc_score

dice = np.random.default_rng(20260105)


def case(name: str, truth: np.ndarray, score: np.ndarray) -> dict:
    return {
        "name": name,
        "truth": truth.tolist(),
        "score": score.tolist(),
        "roc_auc": float(roc_auc_score(truth, score)),
        "pr_auc": float(average_precision_score(truth, score)),
    }


rare = (dice.random(400) < 0.05).astype(int)
even = (dice.random(120) < 0.5).astype(int)
cases = [
    case("rare positives, continuous scores", rare, np.round(dice.normal(rare * 1.2, 1), 6)),
    case("many ties", even, np.floor(dice.normal(even * 0.8, 1.5))),
    case("all scores equal", even, np.zeros(120)),
    case("perfect", even, even * 0.5),
    case("reversed", even, 1.0 - even),
]
print(json.dumps({"made_by": f"trainer/ranking_fixture.py, scikit-learn {sklearn.__version__}", "cases": cases}))
