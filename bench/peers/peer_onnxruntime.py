"""ONNX Runtime: inference with every optimisation of graphs.    infer NET BATCH FILE"""
import onnxruntime as ort

import nets
from protocol import Case, fastest, sampled, serve, threads


def session(path, spinning):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads, options.inter_op_num_threads = threads(), 1
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    # At a denormal number a multiplication takes a hundred times as long.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def infer(name, batch, file):
    path, x = nets.to_onnx(name, int(batch), file)
    forms = {}
    for form, spinning in (("threads sleep", "0"), ("threads spin", "1")):
        s = session(path, spinning)
        forms[form] = lambda s=s: s.run(None, {"x": x})[0]
    best, run = fastest(forms.items())
    return Case(run, lambda: sampled(run()), best)


serve({"infer": infer})
