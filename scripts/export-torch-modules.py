"""Writes the small modules of test/fixtures/exported/ with PyTorch's exporter (1.13, Debian's python3-torch):

    python3 scripts/export-torch-modules.py test/fixtures/exported

Each shows how the exporter writes out an op that ONNX has, or got later.
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn


class Function(nn.Module):
    def __init__(self, function, module=None):
        super().__init__()
        self.function, self.module = function, module

    def forward(self, x):
        return self.function(x) if self.module is None else self.function(x, self.module)


class Attention(nn.Module):
    """As timm's vision transformers write it."""

    def __init__(self, width=8, heads=2):
        super().__init__()
        self.qkv, self.proj, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads

    def forward(self, x):
        n, length, width = x.shape
        qkv = self.qkv(x).reshape(n, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        weights = ((q @ k.transpose(-2, -1)) * (width // self.heads) ** -0.5).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(n, length, width))


class RootMeanSquare(nn.Module):
    """As LLaMA writes it."""

    def __init__(self, width=8):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 2, width))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


def softmax(x):
    e = torch.exp(x - x.amax(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)


def standardized(x, norm):
    statistics = [v.view(1, -1, 1, 1) for v in (norm.running_mean, norm.running_var, norm.weight, norm.bias)]
    mean, variance, weight, bias = statistics
    return (x - mean) / torch.sqrt(variance + 1e-5) * weight + bias


def instance(x):
    centred = x - x.mean((2, 3), keepdim=True)
    return centred / torch.sqrt(centred.pow(2).mean((2, 3), keepdim=True) + 1e-5)


def batch_norm():
    norm = nn.BatchNorm2d(8)
    for name, low, high in (("running_mean", -1, 1), ("running_var", 0.5, 2)):
        getattr(norm, name).copy_(torch.linspace(low, high, 8))
    return norm


torch.manual_seed(0)
image, sequence = torch.randn(1, 8, 6, 6), torch.randn(2, 5, 8)
modules = {
    "mish": (nn.Mish(), image),
    "silu": (nn.SiLU(), image),
    "gelu": (nn.GELU(), image),
    "hard-swish": (Function(lambda x: x * F.relu6(x + 3) / 6), image),
    "hard-sigmoid": (Function(lambda x: F.relu6(x + 3) / 6), image),
    "softmax": (Function(softmax), image),
    "log-softmax": (Function(lambda x: x - torch.logsumexp(x, -1, keepdim=True)), image),
    "layer-norm": (nn.LayerNorm(8), sequence),
    "rms-norm": (RootMeanSquare(), sequence),
    "instance": (Function(instance), image),
    "group-norm": (nn.GroupNorm(2, 8), image),
    "batch-norm": (Function(standardized, batch_norm()), image),
    "attention": (Attention(), sequence),
    "pixel-shuffle": (Function(lambda x: x.view(1, 2, 2, 2, 6, 6).permute(0, 1, 4, 2, 5, 3).reshape(1, 2, 12, 12)), image),
    "normalize": (Function(lambda x: F.normalize(x, dim=1)), image),
}

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name, (module, x) in modules.items():
    torch.onnx.export(module.eval(), x, str(folder / f"{name}.onnx"), opset_version=16, input_names=["x"], output_names=["y"])
