"""The peers of bench/optimizers.ts. Prints JSON.

usage: optimizers_peer.py tools                    the optimisers and exporters that are there
       optimizers_peer.py export FOLDER [PATTERN]  writes torchvision's networks as the exporters of torch write them; those that are there stay
       optimizers_peer.py optimize FILE FOLDER     runs each optimiser on FILE; its graph goes to FOLDER/TOOL.onnx, the answer to answer.json
"""
import contextlib
import importlib
import json
import os
import re
import sys
import time

optimizers = ("onnxsim", "onnxslim", "onnxoptimizer")


def version(module):
    try:
        return getattr(importlib.import_module(module), "__version__", "?")
    except Exception:
        return None


def tools():
    return {name: version(name) for name in (*optimizers, "onnx", "torch", "torchvision")}


def networks():
    """Constructors by name, with the side of the image. Weights are drawn; the smallest sizes that keep every layer's shape a real one."""
    import torchvision.models as m
    from torchvision.models import segmentation as s

    def plain(make, size, **options):
        return lambda: make(weights=None, **options), size

    def segmenter(make, size):
        return lambda: make(weights=None, weights_backbone=None), size

    return {
        "alexnet": plain(m.alexnet, 224),
        "resnet18": plain(m.resnet18, 224),
        "resnet50": plain(m.resnet50, 224),
        "resnext50_32x4d": plain(m.resnext50_32x4d, 224),
        "regnet_y_400mf": plain(m.regnet_y_400mf, 224),
        "densenet121": plain(m.densenet121, 224),
        "googlenet": plain(m.googlenet, 224, init_weights=False, aux_logits=False),
        "inception_v3": plain(m.inception_v3, 299, init_weights=False),
        "squeezenet1_1": plain(m.squeezenet1_1, 224),
        "shufflenet_v2_x1_0": plain(m.shufflenet_v2_x1_0, 224),
        "mnasnet0_5": plain(m.mnasnet0_5, 224),
        "mobilenet_v2": plain(m.mobilenet_v2, 224),
        "mobilenet_v3_small": plain(m.mobilenet_v3_small, 224),
        "efficientnet_b0": plain(m.efficientnet_b0, 224),
        "efficientnet_v2_s": plain(m.efficientnet_v2_s, 224),
        "convnext_tiny": plain(m.convnext_tiny, 224),
        "vit_small": (lambda: m.VisionTransformer(image_size=224, patch_size=16, num_layers=4, num_heads=6, hidden_dim=384, mlp_dim=1536), 224),
        "swin_t": plain(m.swin_t, 224),
        "swin_v2_t": plain(m.swin_v2_t, 256),
        "maxvit_t": plain(m.maxvit_t, 224),
        "lraspp_mobilenet_v3_large": segmenter(s.lraspp_mobilenet_v3_large, 224),
        "fcn_resnet50": segmenter(s.fcn_resnet50, 128),
        "deeplabv3_mobilenet_v3_large": segmenter(s.deeplabv3_mobilenet_v3_large, 224),
    }


def export_network(make, size, exporter, path):
    import torch

    torch.manual_seed(0)
    model = make().eval()
    # Fresh statistics would make batch normalisation an identity.
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)

    class Output(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            y = self.model(x)
            return y["out"] if isinstance(y, dict) else y

    x = torch.randn(2, 3, size, size)
    # Batches of any size, as people export for serving; one size of image.
    if exporter == "torchscript":
        options = {"input_names": ["x"], "output_names": ["y"], "dynamic_axes": {"x": {0: "N"}, "y": {0: "N"}}, "opset_version": 17}
        options |= {"dynamo": False} if "dynamo" in torch.onnx.export.__code__.co_varnames else {}
        torch.onnx.export(Output().eval(), x, path, **options)
    else:
        shapes = ({0: torch.export.Dim("N")},)
        torch.onnx.export(Output().eval(), (x,), path, input_names=["x"], output_names=["y"], dynamo=True, dynamic_shapes=shapes, external_data=False)


def export(folder, pattern=""):
    written = []
    for name, (make, size) in networks().items():
        for exporter in ("torchscript", "dynamo"):
            path = os.path.join(folder, f"{name}.{exporter}.onnx")
            if re.search(pattern, os.path.basename(path)) is None:
                continue
            try:
                if not os.path.exists(path):
                    export_network(make, size, exporter, f"{path}.part")
                    os.replace(f"{path}.part", path)
                written.append({"path": path})
            except Exception as error:
                written.append({"path": path, "skipped": str(error).strip().split("\n")[0]})
    return written


def node_count(graph):
    """Nodes of a graph and of those within it. Constants are none: an initializer says the same."""
    count = 0
    for node in graph.node:
        count += node.op_type != "Constant"
        for attribute in node.attribute:
            count += node_count(attribute.g) + sum(map(node_count, attribute.graphs))
    return count


def run_onnxsim(model):
    import onnxsim

    return onnxsim.simplify(model)[0]


def run_onnxslim(model):
    import onnxslim

    return onnxslim.slim(model)


def run_onnxoptimizer(model):
    import onnxoptimizer

    # All passes that keep the graph a graph: "split" ones cut it in two, and the lifting of initializers is for files before version 4.
    passes = [p for p in onnxoptimizer.get_fuse_and_elimination_passes()]
    return onnxoptimizer.optimize(model, passes, fixed_point=True)


def optimize(path, folder):
    import onnx

    results = {}
    os.makedirs(folder, exist_ok=True)
    for name in optimizers:
        if version(name) is None:
            continue
        try:
            start = time.process_time()
            model = globals()[f"run_{name}"](onnx.load(path))
            data = model.SerializeToString()
            seconds = time.process_time() - start
            out = os.path.join(folder, f"{name}.onnx")
            with open(out, "wb") as file:
                file.write(data)
            results[name] = {"nodes": node_count(model.graph) + sum(map(node_count, model.functions)), "seconds": seconds, "path": out}
        except BaseException as error:
            results[name] = {"failed": str(error).strip().split("\n")[0] or type(error).__name__}
    original = onnx.load(path)
    answer = {"nodes": node_count(original.graph) + sum(map(node_count, original.functions)), "tools": results}
    with open(os.path.join(folder, "answer.json"), "w") as file:
        json.dump(answer, file)
    return answer


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    # What the tools print must not stand between the lines of the answer.
    with contextlib.redirect_stdout(sys.stderr):
        answer = {"tools": tools, "export": export, "optimize": optimize}[command](*rest)
    print(json.dumps(answer))
