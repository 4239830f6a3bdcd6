"""ncnn: inference in float, the graph made by pnnx. A batch is taken picture by picture.    infer NET BATCH FILE"""
import ncnn
import numpy as np
import pnnx
import torch

import nets
from protocol import Case, Skip, sampled, serve, threads, values


def network(name, file):
    net, size = nets.trained(name, file)
    x = torch.zeros(1, 3, *size)
    param, weights = f"{file}.ncnn.param", f"{file}.ncnn.bin"
    pnnx.export(net, f"{file}.pt", (x,), ncnnparam=param, ncnnbin=weights, fp16=False)
    result = ncnn.Net()
    result.opt.num_threads = threads()
    for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage", "use_bf16_packed"):
        if hasattr(result.opt, name):
            setattr(result.opt, name, False)
    if result.load_param(param) or result.load_model(weights):
        raise Skip("pnnx's graph does not load")
    return result, size


def infer(name, batch, file):
    net, size = network(name, file)
    pictures = values(1, int(batch), *size, 3).transpose(0, 3, 1, 2)
    pictures = [ncnn.Mat(np.ascontiguousarray(p)) for p in pictures]

    def embed(picture):
        with net.create_extractor() as extractor:
            extractor.input("in0", picture)
            return np.array(extractor.extract("out0")[1])

    def run():
        return np.stack([embed(p) for p in pictures])

    return Case(run, lambda: sampled(run()), "one by one" if len(pictures) > 1 else "")


serve({"infer": infer})
