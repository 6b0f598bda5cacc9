"""Trains small models and exports them in the usual ways, right and wrong: <name>.onnx and expected.json.

    python3.11 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python make.py

The exports of PyTorch also need requirements-torch.txt; without it they stay as they are.
`expected.json` holds the rows, and for each export the trainer's own scores of them: `scores` of the rows without
missing values, and `missing` of those with some, where the trainer takes them.
"""

import json
import pathlib
import warnings

import numpy as np
import onnx
import onnx.helper
from catboost import CatBoostClassifier
from lightgbm import LGBMClassifier, LGBMRegressor
from onnx import TensorProto, helper
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as ToolsFloat
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier, XGBRegressor

warnings.filterwarnings("ignore")
here = pathlib.Path(__file__).parent
width = 4
random = np.random.default_rng(7)
X = (random.normal(size=(300, width)) * 2).astype(np.float32)
y = (X[:, 0] + X[:, 1] ** 2 / 4 + random.normal(size=300) > 1).astype(int)
classes = np.digitize(X[:, 0], [-1, 1])
# Features 1 and 2 may be missing.
gaps = X.copy()
gaps[:, 1:3][random.random((300, 2)) < 0.2] = np.nan
rows = X[:24]
types = [("input", FloatTensorType([None, width]))]
missing = gaps[np.isnan(gaps).any(axis=1)][:24]
expected = {}
plain = {"zipmap": False}
make_attribute = onnx.helper.make_attribute


def whole_numbers(key, value, *more, **named):
    """skl2onnx 1.20 gives lists of booleans and of NumPy's integers, which onnx 1.23 does not take."""
    if isinstance(value, list) and all(isinstance(one, (bool, np.bool_, np.integer)) for one in value):
        value = [int(one) for one in value]
    return make_attribute(key, value, *more, **named)


onnx.helper.make_attribute = whole_numbers


def keep(name, model, score=None, takes_nan=False):
    """`score`: the trainer's own scores of rows; None for an export that cannot be served."""
    onnx.save(model, here / f"{name}.onnx")
    kept = expected[name] = {}
    if score is not None:
        kept["scores"] = [float(one) for one in score(rows)]
        if takes_nan:
            kept["missing"] = [float(one) for one in score(missing)]


def positive(model):
    return lambda some: model.predict_proba(some)[:, 1]


def sklearn(model, options=plain, kind=FloatTensorType, batch=None):
    chosen = {id(model): options} if options else None
    return convert_sklearn(model, initial_types=[("input", kind([batch, width]))], options=chosen)


def outputs(model, *names):
    """The same model with these outputs only, in this order."""
    found = {output.name: output for output in model.graph.output}
    del model.graph.output[:]
    model.graph.output.extend([found[name] for name in names])
    return model


def half(model):
    output = model.graph.output[-1].name
    model.graph.node.append(helper.make_node("Cast", [output], ["half"], to=TensorProto.FLOAT16))
    model.graph.output.append(helper.make_tensor_value_info("half", TensorProto.FLOAT16, [None, 2]))
    return outputs(model, "half")


def linear_models():
    imputed = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()).fit(gaps, y)
    keep("sklearn-logistic-pipeline", sklearn(imputed), positive(imputed), takes_nan=True)
    keep("sklearn-logistic-zipmap", sklearn(imputed, options=None))
    keep("sklearn-logistic-double-input", sklearn(imputed, kind=DoubleTensorType))
    keep("sklearn-logistic-one-row", sklearn(imputed, batch=1), positive(imputed), takes_nan=True)
    keep("sklearn-logistic-sixteen-rows", sklearn(imputed, batch=16))
    keep("sklearn-logistic-float16", half(sklearn(imputed)))
    keep("sklearn-logistic-labels-only", outputs(sklearn(imputed), "label"))
    keep("sklearn-logistic-label-last", outputs(sklearn(imputed), "probabilities", "label"), positive(imputed), True)
    raw = {id(imputed): plain, id(imputed[-1]): {"zipmap": False, "raw_scores": True}}
    keep("sklearn-logistic-raw-scores", convert_sklearn(imputed, initial_types=types, options=raw))
    keep("sklearn-logistic-no-imputer", sklearn(LogisticRegression().fit(X, y)))
    three = make_pipeline(SimpleImputer(), LogisticRegression()).fit(gaps, classes)
    keep("sklearn-logistic-three-classes", sklearn(three))
    columns = [(f"f{i}", FloatTensorType([None, 1])) for i in range(width)]
    apart = convert_sklearn(imputed, initial_types=columns, options={id(imputed): plain})
    keep("sklearn-logistic-input-per-column", apart)
    line = make_pipeline(SimpleImputer(), LinearRegression()).fit(gaps, y)
    keep("sklearn-linear-regression", sklearn(line, None))


def other_sklearn_models():
    for name, model in {
        "sklearn-random-forest": RandomForestClassifier(n_estimators=8, max_depth=4, random_state=0),
        "sklearn-gradient-boosting": GradientBoostingClassifier(n_estimators=10, max_depth=3, random_state=0),
        "sklearn-mlp": MLPClassifier([8], max_iter=400, random_state=0),
        "sklearn-calibrated": CalibratedClassifierCV(LogisticRegression(), cv=3),
        "sklearn-calibrated-svc": CalibratedClassifierCV(SVC(random_state=0), cv=3, ensemble=False),
    }.items():
        imputed = make_pipeline(SimpleImputer(), StandardScaler(), model).fit(gaps, y)
        keep(name, sklearn(imputed), positive(imputed), takes_nan=True)
    bare = GradientBoostingClassifier(n_estimators=10, max_depth=3, random_state=0).fit(X, y)
    keep("sklearn-gradient-boosting-no-imputer", sklearn(bare))
    forest = RandomForestClassifier(n_estimators=8, max_depth=4, random_state=0).fit(gaps, y)
    keep("sklearn-random-forest-nan", sklearn(forest), positive(forest), takes_nan=True)
    trees = HistGradientBoostingClassifier(max_iter=10, max_depth=3).fit(gaps, y)
    keep("sklearn-hist-gradient-boosting", sklearn(trees), positive(trees), takes_nan=True)
    mean = make_pipeline(SimpleImputer(), RandomForestRegressor(n_estimators=8, max_depth=4, random_state=0))
    mean.fit(gaps, y)
    keep("sklearn-random-forest-regressor", sklearn(mean, None), mean.predict, takes_nan=True)
    boosted = GradientBoostingRegressor(n_estimators=60, max_depth=3, random_state=0).fit(X, y)
    keep("sklearn-gradient-boosting-regressor", sklearn(boosted, None))
    isolation = make_pipeline(SimpleImputer(), IsolationForest(n_estimators=8, random_state=0)).fit(gaps)
    opset = {"": 15, "ai.onnx.ml": 3}
    keep("sklearn-isolation-forest", convert_sklearn(isolation, initial_types=types, target_opset=opset))


def boosted_trees():
    types = [("input", ToolsFloat([None, width]))]
    xgboost = XGBClassifier(n_estimators=10, max_depth=3).fit(gaps, y)
    keep("xgboost-classifier", convert_xgboost(xgboost, initial_types=types), positive(xgboost), takes_nan=True)
    full = XGBClassifier(n_estimators=10, max_depth=3).fit(X, y)
    keep("xgboost-trained-without-missing", convert_xgboost(full, initial_types=types), positive(full), takes_nan=True)
    keep("xgboost-labels-only", outputs(convert_xgboost(xgboost, initial_types=types), "label"))
    margin = XGBRegressor(n_estimators=30, max_depth=3).fit(gaps, y * 4.0 - 2)
    keep("xgboost-regressor", convert_xgboost(margin, initial_types=types))
    lightgbm = LGBMClassifier(n_estimators=10, max_depth=3, verbose=-1).fit(gaps, y)
    keep("lightgbm-zipmap", convert_lightgbm(lightgbm, initial_types=types))
    tensor = convert_lightgbm(lightgbm, initial_types=types, zipmap=False)
    keep("lightgbm-classifier", tensor, positive(lightgbm), takes_nan=True)
    full = LGBMClassifier(n_estimators=10, max_depth=3, verbose=-1).fit(X, y)
    tensor = convert_lightgbm(full, initial_types=types, zipmap=False)
    keep("lightgbm-trained-without-missing", tensor, positive(full), takes_nan=True)
    raw = LGBMRegressor(n_estimators=30, max_depth=3, verbose=-1).fit(gaps, y * 4.0 - 2)
    keep("lightgbm-regressor", convert_lightgbm(raw, initial_types=types))
    catboost = CatBoostClassifier(iterations=10, depth=3, verbose=0, random_seed=0, allow_writing_files=False)
    catboost.fit(gaps, y)
    path = str(here / "catboost-zipmap.onnx")
    catboost.save_model(path, format="onnx")
    keep("catboost-zipmap", onnx.load(path))
    keep("catboost-classifier", without_zipmap(onnx.load(path)), positive(catboost), takes_nan=True)


def without_zipmap(model):
    """Removes the ZipMap node of a model that has no option for it; its input becomes the output."""
    graph = model.graph
    zipmap = next(node for node in graph.node if node.op_type == "ZipMap")
    graph.node.remove(zipmap)
    graph.output.remove(next(output for output in graph.output if output.name == zipmap.output[0]))
    graph.output.append(helper.make_tensor_value_info(zipmap.input[0], TensorProto.FLOAT, [None, 2]))
    return model


linear_models()
other_sklearn_models()
boosted_trees()
try:
    import torch  # noqa: F401
except ImportError:
    print("PyTorch is not installed: its exports stay as they are")
    expected |= {k: v for k, v in json.loads((here / "expected.json").read_text())["exports"].items() if "torch" in k}
else:
    from make_torch import torch_models

    torch_models(keep, rows, gaps, y)


def cells(some):
    return [[None if np.isnan(value) else float(value) for value in row] for row in some]


(here / "expected.json").write_text(
    json.dumps({"rows": cells(rows), "missing": cells(missing), "exports": expected}, indent=1) + "\n"
)
print(f"{len(expected)} exports")
