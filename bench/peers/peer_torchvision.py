"""torchvision: JPEG files in memory to a batch of floats: decode, mirror, shift by up to 4 pixels, scale to [-1,1].

  pipeline FOLDER        64 pictures of 112x112 a call; bytes are augmented, the batch turns to floats as a whole
"""
import pathlib

import torch
from torch.nn import functional as F
from torchvision.io import ImageReadMode, decode_jpeg

from protocol import Case, fastest, sampled, serve, threads

BATCH, SIDE, SHIFT = 64, 112, 4
torch.set_num_threads(threads())
torch.manual_seed(1)


def pipeline(folder):
    paths = sorted(pathlib.Path(folder).rglob("*.jpg"))[:BATCH]
    files = [torch.frombuffer(bytearray(p.read_bytes()), dtype=torch.uint8) for p in paths]
    batch = torch.empty(BATCH, 3, SIDE, SIDE, dtype=torch.uint8)

    def floats():
        return batch.float().sub_(127.5).div_(128)

    def one_by_one():
        return [decode_jpeg(f, mode=ImageReadMode.RGB) for f in files]

    def whole_list():
        return decode_jpeg(files, mode=ImageReadMode.RGB)

    def run(decode):
        flip = (torch.rand(BATCH) < 0.5).tolist()
        shift = torch.randint(0, 2 * SHIFT + 1, (BATCH, 2)).tolist()
        for n, picture in enumerate(decode()):
            y, x = shift[n]
            moved = F.pad(picture, (SHIFT,) * 4, value=127)[:, y:y + SIDE, x:x + SIDE]
            batch[n] = moved.flip(2) if flip[n] else moved
        return floats()

    def unchanged():
        for n, picture in enumerate(one_by_one()):
            batch[n] = picture
        return sampled(floats().permute(0, 2, 3, 1).numpy())

    best, f = fastest([("one by one", lambda: run(one_by_one)), ("a list", lambda: run(whole_list))])
    return Case(f, unchanged, best)


serve({"pipeline": pipeline})
