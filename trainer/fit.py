"""Trains XGBoost on the labels that a deployment would know, exports it to ONNX and checks that both agree."""

import numpy as np
import onnxruntime
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from xgboost import XGBClassifier

from rows import Rows

# Directions that an expert knows, so that the model cannot learn the opposite from noise.
MONOTONE = {
    "attendance-fraud": {"manual_share_7d": 1, "same_position_28d": 1},
    "meter-ocr": {"confidence": -1, "min_confidence": -1},
    "sync-conflict": {"others_since_last_sync": 1, "others_since_edit": 1, "record_editors_7d": 1},
    "infra-anomaly": {"surprise": 1, "of_warning": 1, "of_critical": 1},
}

VALIDATION_SHARE = 0.2


def learnable(rows: Rows) -> tuple[Rows, np.ndarray]:
    """Rows that are old enough for all their outcomes, and their labels. Younger rows are left out: only those with an
    outcome have a label, and they differ from the rest. A row without an outcome counts as genuine, even if silence
    proves nothing, because few of these rows are positive (learning from positive and unlabelled examples)."""
    mature = rows.where(rows.time_ms <= rows.header["toMs"] - rows.header["matureAfterMs"])
    return mature, np.nan_to_num(mature.known, nan=0).astype(np.int8)


def train(rows: Rows, seed: int = 7) -> tuple[XGBClassifier, Rows, np.ndarray]:
    """Fits on the first part of the window, stops early by the last part, and returns that part with its labels."""
    known, label = learnable(rows)
    first, last = rows.header["fromMs"], rows.header["toMs"] - rows.header["matureAfterMs"]
    late = known.time_ms >= last - VALIDATION_SHARE * (last - first)
    imbalance = known.weight[label == 0].sum() / max(1.0, known.weight[label == 1].sum())
    constraints = MONOTONE.get(rows.header["family"], {})
    unknown = set(constraints) - set(rows.header["features"])
    if unknown:
        raise SystemExit(f"monotone constraints name features that the stream lacks: {sorted(unknown)}")
    model = XGBClassifier(
        n_estimators=300,
        max_depth=6,
        learning_rate=0.06,
        min_child_weight=8,
        subsample=0.8,
        colsample_bytree=0.6,
        reg_lambda=4.0,
        # The square root raises the weight of the rare class without losing too much precision.
        scale_pos_weight=float(np.sqrt(imbalance)),
        monotone_constraints=tuple(constraints.get(name, 0) for name in rows.header["features"]),
        tree_method="hist",
        eval_metric="aucpr",
        early_stopping_rounds=40,
        base_score=0.5,
        n_jobs=2,
        random_state=seed,
    )
    model.fit(
        known.x[~late],
        label[~late],
        sample_weight=known.weight[~late],
        eval_set=[(known.x[late], label[late])],
        sample_weight_eval_set=[known.weight[late]],
        verbose=False,
    )
    return model, known.where(late), label[late]


def export(model: XGBClassifier, width: int) -> bytes:
    """ONNX with input 'input' [N, width] float32 and output 'probabilities' [N, 2]; the score is the second column."""
    booster = model.get_booster()
    booster.feature_names = None
    best = booster[: model.best_iteration + 1]
    model._Booster = best  # the converter exports the classifier; it must contain only the trees that validation chose
    onnx = convert_xgboost(model, initial_types=[("input", FloatTensorType([None, width]))], target_opset=15)
    for index in reversed(range(len(onnx.graph.output))):
        if onnx.graph.output[index].name != "probabilities":
            del onnx.graph.output[index]
    return onnx.SerializeToString()


def scores(onnx: bytes, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    step = 50_000
    parts = [session.run(["probabilities"], {"input": x[at : at + step]})[0][:, 1] for at in range(0, len(x), step)]
    return np.concatenate(parts) if parts else np.zeros(0)


def prove(model: XGBClassifier, onnx: bytes, x: np.ndarray) -> float:
    """The largest difference between both runtimes; fails when it is more than 1e-5."""
    difference = float(np.abs(scores(onnx, x) - model.predict_proba(x)[:, 1]).max())
    if difference > 1e-5:
        raise SystemExit(f"the ONNX model differs from XGBoost by {difference}")
    return difference
