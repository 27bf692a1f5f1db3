"""Trains a graph that `striate compile --mode training` wrote, with nothing but numpy and onnxruntime.

    python train.py net.train.onnx --data digits.npz --epochs 2 --lr 1e-3 --save trained.safetensors

The .npz has an array for each batch and target input of the graph, by name; without one, two classes of noise are told apart.
What the inputs and outputs mean stands in the model's own metadata, "striate.training"; the state before the first step lies
beside the model, in net.train.safetensors.
"""
import argparse, json, re
import numpy as np
import onnxruntime as ort

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}

def load_state(path):
    raw = open(path, "rb").read()
    start = 8 + int.from_bytes(raw[:8], "little")
    rows = {name: row for name, row in json.loads(raw[8:start]).items() if name != "__metadata__"}
    slices = {name: raw[start + row["data_offsets"][0] : start + row["data_offsets"][1]] for name, row in rows.items()}
    return {name: np.frombuffer(slices[name], DTYPES[row["dtype"]]).reshape(row["shape"]) for name, row in rows.items()}

def save_state(path, state):
    header, at = {}, 0
    for name, x in state.items():
        header[name] = {"dtype": next(k for k, v in DTYPES.items() if np.dtype(v) == x.dtype), "shape": x.shape, "data_offsets": [at, at + x.nbytes]}
        at += x.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(np.ascontiguousarray(x).tobytes() for x in state.values()))

def noise(inputs, manifest, n=512):
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 2, n)
    shape = lambda name: [n] + [d if isinstance(d, int) else 32 for d in inputs[name].shape[1:]]
    data = {name: (rng.normal(size=shape(name)) + kinds.reshape([-1] + [1] * (len(shape(name)) - 1))).astype("f4") for name in manifest["batch"]}
    for name in manifest["targets"]:
        data[name] = np.broadcast_to(kinds.reshape([-1] + [1] * (len(shape(name)) - 1)), shape(name)).astype("i8" if "int64" in inputs[name].type else "f4")
    return data

options = argparse.ArgumentParser()
options.add_argument("model"), options.add_argument("--data"), options.add_argument("--save"), options.add_argument("--shuffle", action="store_true")
for name, kind, default in [("epochs", int, 1), ("batch", int, 64), ("lr", float, 1e-3), ("seed", int, 0)]:
    options.add_argument("--" + name, type=kind, default=default)
options = options.parse_args()
session = ort.InferenceSession(options.model, providers=ort.get_available_providers())
manifest = json.loads(session.get_modelmeta().custom_metadata_map["striate.training"])
state = load_state(re.sub(r"(\.onnx)?$", ".safetensors", options.model, count=1))
data = dict(np.load(options.data)) if options.data else noise({x.name: x for x in session.get_inputs()}, manifest)
rows, step, rng = len(data[manifest["batch"][0]]), 0, np.random.default_rng(options.seed)
for epoch in range(options.epochs):
    order = rng.permutation(rows) if options.shuffle else np.arange(rows)
    for chosen in np.split(order, range(options.batch, rows, options.batch)):
        step += 1
        scalars = {"learning_rate": np.float32(options.lr), "step": np.int64(step), "seed": np.int64(options.seed)}
        feeds = {name: data[name][chosen] for name in manifest["batch"] + manifest["targets"]} | {name: np.array(scalars[name]) for name in manifest["scalars"]}
        outputs = dict(zip([x.name for x in session.get_outputs()], session.run(None, feeds | {row["input"]: state[row["name"]] for row in manifest["state"]})))
        state = {row["name"]: outputs[row["output"]] for row in manifest["state"]}
        print(f"epoch {epoch + 1} step {step} loss {outputs[manifest['loss']]:.9g}", *(f"{name} {outputs[o]:g}" for name, o in manifest["metrics"].items()))
if options.save: save_state(options.save, state)
