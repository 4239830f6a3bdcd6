"""PyTorch: a training step and inference, in the fastest of the forms that PyTorch offers.

  train NET BATCH FILE [FORM]     contiguous, channels_last, compiled, compiled+channels_last
  infer NET BATCH FILE [FORM]     these, with frozen weights where compiled, and TorchScript
Without FORM every form is tried and the fastest one is measured.
"""
import os
import sys

import torch
from torch import nn
from torch.nn import functional as F

import nets
from protocol import Case, fastest, sampled, serve, threads, values

FORMS = ["contiguous", "channels_last", "compiled", "compiled+channels_last"]
CHECKED_STEPS, CHECKED_RATE, TIMED_RATE = 3, 0.01, 1e-6  # as in bench/worker/network_cases.cpp
torch.set_num_threads(threads())


def compiled(f, freezing):
    import torch._inductor.config as inductor  # here, because it needs much memory

    inductor.freezing = freezing
    if os.environ.get("ATEN_CPU_CAPABILITY") == "avx2":
        inductor.cpp.simdlen = 256
    return torch.compile(f)


def layout(x, form):
    last = "channels_last" in form
    return x.to(memory_format=torch.channels_last if last else torch.contiguous_format)


def pictures(batch, size, form):
    return layout(torch.from_numpy(values(1, batch, *size, 3)).permute(0, 3, 1, 2).contiguous(), form)


class Training:
    def __init__(self, name, batch, file, form):
        net, size = nets.make(name)
        head = nn.Linear(nets.EMBEDDING, nets.CLASSES, bias=False)
        groups = nets.load(nn.ModuleList([net, head]), file)
        net = layout(net, form)
        self.rates = [rate for rate, _, _ in groups]
        self.optimizer = torch.optim.SGD([{"params": p, "weight_decay": 5e-4 * decay} for _, decay, p in groups],
                                         lr=CHECKED_RATE, momentum=0.9, fused=True)
        self.x = pictures(batch, size, form)
        self.label = (torch.arange(batch) * 7919 + 13) % nets.CLASSES

        def loss(x, label):
            return F.cross_entropy(head(net(x)), label)

        self.loss = compiled(loss, freezing=False) if "compiled" in form else loss
        self.losses = [self.step(CHECKED_RATE) for _ in range(CHECKED_STEPS)]

    def step(self, rate=TIMED_RATE):
        for group, multiplier in zip(self.optimizer.param_groups, self.rates):
            group["lr"] = rate * multiplier
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.x, self.label)
        value = loss.item()
        loss.backward()
        self.optimizer.step()
        return value


def inference(name, batch, file, form):
    net, size = nets.trained(name, file)
    net, x = layout(net, form), pictures(batch, size, form)
    with torch.no_grad():
        if form == "TorchScript":
            net = torch.jit.optimize_for_inference(torch.jit.trace(net, x))
        elif "compiled" in form:
            net = compiled(net, freezing=True)

    def run():
        with torch.no_grad():
            return net(x)

    return run


def build(make, forms):
    for form in forms:
        try:
            yield form, make(form)
        except Exception as e:
            print(f"{form} fails: {e}"[:500], file=sys.stderr)


def train(name, batch, file, *form):
    built = dict(build(lambda f: Training(name, int(batch), file, f), form or FORMS))
    note, step = fastest((f, t.step) for f, t in built.items())
    return Case(step, lambda: step.__self__.losses, note)


def infer(name, batch, file, *form):
    note, run = fastest(build(lambda f: inference(name, int(batch), file, f), form or [*FORMS, "TorchScript"]))
    return Case(run, lambda: sampled(run().numpy()), note)


if __name__ == "__main__":
    serve({"train": train, "infer": infer})
