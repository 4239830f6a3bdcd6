"""ncnn: inference in float, the graph made by pnnx. A batch is taken whole or picture by picture.    infer NET BATCH FILE"""
import os
import subprocess

import ncnn
import numpy as np
import pnnx
import torch

import nets
from protocol import Case, Skip, fastest, sampled, serve, threads, values


def network(name, file):
    net, size = nets.trained(name, file)
    stem = os.path.join(os.path.dirname(file), "pnnx_net")
    torch.jit.trace(net, torch.zeros(1, 3, *size)).save(f"{stem}.pt")
    subprocess.run([pnnx.EXEC_PATH, f"{stem}.pt", f"inputshape=[1,3,{size[0]},{size[1]}]", "fp16=0"], check=True)
    result = ncnn.Net()
    result.opt.num_threads = threads()
    for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage", "use_bf16_packed"):
        if hasattr(result.opt, name):
            setattr(result.opt, name, False)
    if result.load_param(f"{stem}.ncnn.param") or result.load_model(f"{stem}.ncnn.bin"):
        raise Skip("pnnx's graph does not load")
    return result, size


def infer(name, batch, file):
    net, size = network(name, file)
    pictures = np.ascontiguousarray(values(1, int(batch), *size, 3).transpose(0, 3, 1, 2))  # Mat() only points at it
    singles, whole = [ncnn.Mat(p) for p in pictures], ncnn.Mat(pictures, batch_index=0)

    def embed(x):
        with net.create_extractor() as extractor:
            extractor.input("in0", x)
            return np.array(extractor.extract("out0")[1].numpy(batch_index=0))

    forms = {"one by one": lambda: np.concatenate([embed(p) for p in singles]), "a batch": lambda: embed(whole)}
    best, run = fastest(forms.items()) if len(singles) > 1 else ("", forms["a batch"])
    return Case(run, lambda: sampled(run()), best)


serve({"infer": infer})
