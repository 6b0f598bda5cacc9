"""The exports of PyTorch, for make.py."""

import io

import numpy as np
import onnx
import torch
from torch import nn

torch.manual_seed(0)


class Scorer(nn.Module):
    """Two layers over the features with 0 for a missing one; `end` makes the output of their logit."""

    def __init__(self, layers, end, fill=True):
        super().__init__()
        self.layers, self.end, self.fill = layers, end, fill

    def forward(self, x):
        if self.fill:
            x = torch.where(torch.isnan(x), torch.zeros_like(x), x)
        return self.end(self.layers(x))


def trained(gaps, y):
    layers = nn.Sequential(nn.Linear(gaps.shape[1], 8), nn.ReLU(), nn.Linear(8, 1))
    model = Scorer(layers, nn.Identity())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    x, wanted = torch.from_numpy(gaps), torch.from_numpy(y.astype(np.float32))[:, None]
    for _ in range(200):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(model(x), wanted).backward()
        optimizer.step()
    return layers.eval()


class Softmax(nn.Module):
    def forward(self, logit):
        return torch.softmax(torch.cat([-logit / 2, logit / 2], dim=1), dim=1)


def torch_models(keep, rows, gaps, y):
    layers = trained(gaps, y)
    sigmoid = Scorer(layers, nn.Sigmoid())
    width = rows.shape[1]

    def scores(some):
        with torch.no_grad():
            return sigmoid(torch.from_numpy(some))[:, 0].numpy()

    def export(model, batch=None, example=torch.float32):
        held = io.BytesIO()
        torch.onnx.export(
            model.to(example),
            (torch.zeros(batch or 1, width, dtype=example),),
            held,
            input_names=["input"],
            output_names=["score"],
            dynamic_axes=None if batch else {"input": {0: "N"}, "score": {0: "N"}},
            dynamo=False,
        )
        model.to(torch.float32)
        return onnx.load_from_string(held.getvalue())

    example = torch.zeros(2, width)
    shapes = {"x": {0: torch.export.Dim("N")}}
    program = torch.onnx.export(sigmoid, (example,), input_names=["input"], dynamic_shapes=shapes, dynamo=True)
    keep("torch-dynamo", program.model_proto, scores, takes_nan=True)
    keep("torch-sigmoid", export(sigmoid), scores, takes_nan=True)
    keep("torch-softmax", export(Scorer(layers, Softmax())), scores, takes_nan=True)
    flat = nn.Sequential(nn.Sigmoid(), nn.Flatten(0))
    keep("torch-sigmoid-flat", export(Scorer(layers, flat)), scores, takes_nan=True)
    keep("torch-sigmoid-one-row", export(sigmoid, batch=1), scores, takes_nan=True)
    keep("torch-sigmoid-eight-rows", export(sigmoid, batch=8))
    keep("torch-sigmoid-double", export(sigmoid, example=torch.float64))
    keep("torch-sigmoid-float16", export(sigmoid, example=torch.float16))
    keep("torch-logit", export(Scorer(layers, nn.Identity())))
    keep("torch-sigmoid-no-fill", export(Scorer(layers, nn.Sigmoid(), fill=False)))
