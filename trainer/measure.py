"""Measures scores against the truth, the heuristic and single features."""

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from rows import Rows


def pr_auc(truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    return float(average_precision_score(truth, score, sample_weight=weight))


def roc_auc(truth: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    return float(roc_auc_score(truth, score, sample_weight=weight))


def best_feature(rows: Rows, measure) -> tuple[str, float]:
    """The single feature that ranks best, in its better direction and with missing values at its better end. It is
    chosen on the same rows that measure it, so its figure is too high."""
    best = ("", 0.0)
    for index, name in enumerate(rows.header["features"]):
        column = rows.x[:, index].astype(np.float64)
        for sign in (1, -1):
            for missing in (-np.inf, np.inf):
                ranked = np.nan_to_num(np.where(np.isnan(column), missing, sign * column), posinf=1e39, neginf=-1e39)
                value = measure(rows.truth, ranked, rows.weight)
                if value > best[1]:
                    best = (name, value)
                if not np.isnan(column).any():
                    break
    return best


def thresholds(label: np.ndarray, score: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """High risk from the threshold with the best F1, for at most 3 % of the events or the base rate; medium risk for at
    most three times the base rate."""
    order = np.argsort(-score, kind="stable")
    ranked, hits, rows = score[order], np.cumsum((label * weight)[order]), np.cumsum(weight[order])
    positives, total = hits[-1], rows[-1]
    # A threshold is between two different scores.
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    f1 = 2 * hits[ends] / (rows[ends] + positives)
    f1[rows[ends] > max(0.03 * total, positives)] = -1
    high = float(ranked[ends[int(np.argmax(f1))]])
    wide = ends[rows[ends] <= max(3 * positives, rows[ends[0]])]
    medium = min(float(ranked[wide[-1]]), high * 0.8)
    return {"high": round(high, 4), "medium": round(medium, 4)}


def report(rows: Rows, score: np.ndarray, high: float) -> dict:
    """Figures on one set of rows: the model, the heuristic, the best single feature, and the patterns at high risk."""
    flagged = score >= high
    caught = {
        name: [int((flagged & (rows.scheme == name)).sum()), int((rows.scheme == name).sum())]
        for name in sorted(set(rows.scheme) - {""})
    }
    feature_pr, feature_roc = best_feature(rows, pr_auc), best_feature(rows, roc_auc)
    return {
        "events": int(round(rows.weight.sum())),
        "positive_share": float((rows.weight * rows.truth).sum() / rows.weight.sum()),
        "pr_auc": pr_auc(rows.truth, score, rows.weight),
        "roc_auc": roc_auc(rows.truth, score, rows.weight),
        "heuristic_pr_auc": pr_auc(rows.truth, rows.heuristic, rows.weight),
        "heuristic_roc_auc": roc_auc(rows.truth, rows.heuristic, rows.weight),
        "best_feature_pr_auc": {"feature": feature_pr[0], "value": feature_pr[1]},
        "best_feature_roc_auc": {"feature": feature_roc[0], "value": feature_roc[1]},
        "high_share": float((rows.weight * flagged).sum() / rows.weight.sum()),
        "high_precision": float((rows.weight * flagged * rows.truth).sum() / max(1e-9, (rows.weight * flagged).sum())),
        "high_recall": float((rows.weight * flagged * rows.truth).sum() / max(1e-9, (rows.weight * rows.truth).sum())),
        "caught_as_high": caught,
    }
