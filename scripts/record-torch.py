"""Records losses, their gradients and optimizer steps as PyTorch computes them: test/fixtures/torch.json.

usage: record-torch.py > test/fixtures/torch.json   (any PyTorch from 1.13 on)
"""
import json
import sys

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(7)
f32 = lambda t: [float(v) for v in t.detach().flatten().tolist()]


def loss_case(name, options, x, y, fn):
    x = x.clone().requires_grad_(True)
    value = fn(x, y)
    value.backward()
    return {"loss": name, "options": options, "x": f32(x), "xShape": list(x.shape), "y": y.flatten().tolist(), "yShape": list(y.shape),
            "yType": "int64" if y.dtype == torch.int64 else "float32", "value": float(value), "grad": f32(x.grad)}


def focal(x, y, alpha=0.25, gamma=2.0):
    p, ce = torch.sigmoid(x), F.binary_cross_entropy_with_logits(x, y, reduction="none")
    pt = p * y + (1 - p) * (1 - y)
    loss = ce * (1 - pt) ** gamma
    return (loss * (alpha * y + (1 - alpha) * (1 - y)) if alpha >= 0 else loss).mean()


def dice(x, y):
    p, t = torch.softmax(x, 1), F.one_hot(y, x.shape[1]).movedim(-1, 1).float()
    axes = tuple(range(2, x.dim()))
    overlap, total = (p * t).sum(axes), p.sum(axes) + t.sum(axes)
    return (1 - (2 * overlap + 1) / (total + 1)).mean()


logits, labels = torch.randn(4, 5) * 2, torch.tensor([0, 3, 4, 1])
ignored = torch.tensor([0, -100, 4, 1])
dense, pixels = torch.randn(2, 3, 2, 2), torch.tensor([[[0, 2], [1, 1]], [[2, 255], [0, 1]]])
soft = torch.softmax(torch.randn(4, 5), 1)
weight = [1.0, 0.5, 2.0, 0.25, 3.0]
a, b = torch.randn(3, 4) * 2, torch.randn(3, 4) * 2
p01, y01 = torch.rand(3, 4), (torch.rand(3, 4) > 0.5).float()
p01[0, 0], y01[0, 0] = 0.0, 1.0
w = torch.tensor(weight)
losses = [
    loss_case("cross-entropy", {}, logits, labels, F.cross_entropy),
    loss_case("cross-entropy", {"reduction": "sum"}, logits, labels, lambda x, y: F.cross_entropy(x, y, reduction="sum")),
    loss_case("cross-entropy", {"classWeights": weight, "labelSmoothing": 0.1}, logits, labels, lambda x, y: F.cross_entropy(x, y, weight=w, label_smoothing=0.1)),
    loss_case("cross-entropy", {"classWeights": weight, "labelSmoothing": 0.2}, logits, ignored, lambda x, y: F.cross_entropy(x, y, weight=w, label_smoothing=0.2)),
    loss_case("cross-entropy", {}, logits, ignored, F.cross_entropy),
    loss_case("cross-entropy", {"ignoreIndex": 255}, dense, pixels, lambda x, y: F.cross_entropy(x, y, ignore_index=255)),
    loss_case("cross-entropy", {"targets": "probabilities"}, logits, soft, F.cross_entropy),
    loss_case("cross-entropy", {"targets": "probabilities", "classWeights": weight, "labelSmoothing": 0.1}, logits, soft, lambda x, y: F.cross_entropy(x, y, weight=w, label_smoothing=0.1)),
    loss_case("nll", {}, torch.log_softmax(logits, 1), labels, F.nll_loss),
    loss_case("nll", {"classWeights": weight}, torch.log_softmax(logits, 1), ignored, lambda x, y: F.nll_loss(x, y, weight=w)),
    loss_case("mse", {}, a, b, F.mse_loss),
    loss_case("l1", {}, a, b, F.l1_loss),
    loss_case("huber", {"delta": 0.7}, a, b, lambda x, y: F.huber_loss(x, y, delta=0.7)),
    loss_case("smooth-l1", {"beta": 0.7}, a, b, lambda x, y: F.smooth_l1_loss(x, y, beta=0.7)),
    loss_case("smooth-l1", {"beta": 0}, a, b, lambda x, y: F.smooth_l1_loss(x, y, beta=0)),
    loss_case("bce", {}, p01, y01, F.binary_cross_entropy),
    loss_case("bce-with-logits", {}, a * 20, y01, F.binary_cross_entropy_with_logits),
    loss_case("bce-with-logits", {"posWeight": [3.0]}, a, y01, lambda x, y: F.binary_cross_entropy_with_logits(x, y, pos_weight=torch.tensor(3.0))),
    loss_case("bce-with-logits", {"posWeight": [3.0, 0.5, 1.0, 2.0]}, a, y01, lambda x, y: F.binary_cross_entropy_with_logits(x, y, pos_weight=torch.tensor([3.0, 0.5, 1.0, 2.0]))),
    loss_case("focal", {}, a, y01, focal),
    loss_case("focal", {"alpha": -1, "gamma": 1.5}, a, y01, lambda x, y: focal(x, y, -1, 1.5)),
    loss_case("dice", {}, dense, torch.tensor([[[0, 2], [1, 1]], [[2, 2], [0, 1]]]), dice),
]


def optimizer_case(name, options, make):
    start = torch.randn(6)
    gradients = [torch.randn(6) for _ in range(5)]
    p = start.clone().requires_grad_(True)
    optimizer, steps = make([p]), []
    for g in gradients:
        p.grad = g.clone()
        optimizer.step()
        steps.append(f32(p))
    return {"optimizer": name, "options": options, "start": f32(start), "gradients": [f32(g) for g in gradients], "steps": steps}


o = torch.optim
optimizers = [
    optimizer_case("sgd", {"lr": 0.1}, lambda ps: o.SGD(ps, lr=0.1)),
    optimizer_case("sgd", {"lr": 0.1, "weightDecay": 0.05, "momentum": 0.9}, lambda ps: o.SGD(ps, lr=0.1, weight_decay=0.05, momentum=0.9)),
    optimizer_case("sgd", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}, lambda ps: o.SGD(ps, lr=0.1, momentum=0.9, dampening=0.3)),
    optimizer_case("sgd", {"lr": 0.1, "momentum": 0.8, "nesterov": True}, lambda ps: o.SGD(ps, lr=0.1, momentum=0.8, nesterov=True)),
    optimizer_case("adam", {"lr": 0.05}, lambda ps: o.Adam(ps, lr=0.05)),
    optimizer_case("adam", {"lr": 0.05, "betas": [0.8, 0.99], "eps": 1e-3, "weightDecay": 0.1}, lambda ps: o.Adam(ps, lr=0.05, betas=(0.8, 0.99), eps=1e-3, weight_decay=0.1)),
    optimizer_case("adam", {"lr": 0.05, "amsgrad": True}, lambda ps: o.Adam(ps, lr=0.05, amsgrad=True)),
    optimizer_case("adamw", {"lr": 0.05}, lambda ps: o.AdamW(ps, lr=0.05)),
    optimizer_case("adamw", {"lr": 0.05, "weightDecay": 0.2, "amsgrad": True}, lambda ps: o.AdamW(ps, lr=0.05, weight_decay=0.2, amsgrad=True)),
    optimizer_case("rmsprop", {"lr": 0.05}, lambda ps: o.RMSprop(ps, lr=0.05)),
    optimizer_case("rmsprop", {"lr": 0.05, "alpha": 0.9, "momentum": 0.9, "centered": True, "weightDecay": 0.1}, lambda ps: o.RMSprop(ps, lr=0.05, alpha=0.9, momentum=0.9, centered=True, weight_decay=0.1)),
    optimizer_case("adagrad", {"lr": 0.05}, lambda ps: o.Adagrad(ps, lr=0.05)),
    optimizer_case("adagrad", {"lr": 0.05, "lrDecay": 0.1, "weightDecay": 0.1, "initialAccumulatorValue": 0.5}, lambda ps: o.Adagrad(ps, lr=0.05, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5)),
]
json.dump({"torch": torch.__version__, "losses": losses, "optimizers": optimizers}, sys.stdout, indent=None, separators=(",", ":"))
