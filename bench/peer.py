"""The peer of bench/training.ts: the same networks in PyTorch eager. Prints the seconds of each timed call as JSON.

usage: peer.py MODEL MODE BATCH REPEATS THREADS
"""
import json
import sys
import time

import torch
from torch import nn

name, mode, batch, repeats, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
torch.set_num_threads(threads)
torch.manual_seed(0)


def conv_bn(i, o, k, s, p):
    return nn.Sequential(nn.Conv2d(i, o, k, s, p, bias=False), nn.BatchNorm2d(o))


class Block(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.a, self.b = conv_bn(i, o, 3, s, 1), conv_bn(o, o, 3, 1, 1)
        self.down = conv_bn(i, o, 1, s, 0) if s != 1 or i != o else nn.Identity()

    def forward(self, x):
        return torch.relu(self.b(torch.relu(self.a(x))) + self.down(x))


def resnet18():
    blocks, i = [], 64
    for o, s in ((64, 1), (128, 2), (256, 2), (512, 2)):
        blocks += [Block(i, o, s), Block(o, o, 1)]
        i = o
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)]
    return nn.Sequential(conv_bn(3, 64, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1), *blocks, *head)


def simple_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 10))


model = {"simple-cnn": simple_cnn, "resnet18": resnet18}[name]()
size = {"simple-cnn": (1, 28, 28), "resnet18": (3, 32, 32)}[name]
x, y = torch.randn(batch, *size), torch.randint(0, 10, (batch,))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


def train():
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    loss.item()


def infer():
    with torch.inference_mode():
        model(x)


model.train(mode == "training")
call = train if mode == "training" else infer
times = []
for i in range(repeats + 3):
    start = time.perf_counter()
    call()
    if i >= 3:
        times.append(time.perf_counter() - start)
print(json.dumps({"torch": torch.__version__, "seconds": times}))
