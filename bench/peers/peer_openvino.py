"""OpenVINO: inference in float, one request of the whole batch or as many half batches as threads.    infer NET BATCH FILE"""
import numpy as np
import openvino as ov

import nets
from protocol import Case, fastest, sampled, serve, threads


def compiled(path, streams):
    return ov.Core().compile_model(path, "CPU", {
        "INFERENCE_NUM_THREADS": threads(), "NUM_STREAMS": streams, "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT"})


def whole(path, x):
    request = compiled(path, 1).create_infer_request()
    return lambda: request.infer({0: x}, share_inputs=True)[0]


def in_streams(path, x):
    model = compiled(path, threads())
    requests = [model.create_infer_request() for _ in range(threads())]
    parts = np.split(x, threads())

    def run():
        for request, part in zip(requests, parts):
            request.start_async({0: part}, share_inputs=True)
        for request in requests:
            request.wait()
        return np.concatenate([request.get_output_tensor(0).data for request in requests])

    return run


def infer(name, batch, file):
    path, x = nets.to_onnx(name, int(batch), file)
    forms = {"one stream": whole(path, x)}
    if len(x) > 1 and len(x) % threads() == 0:
        path, _ = nets.to_onnx(name, len(x) // threads(), file)
        forms[f"{threads()} streams"] = in_streams(path, x)
    best, run = fastest(forms.items())
    return Case(run, lambda: sampled(run()), best)


serve({"infer": infer})
