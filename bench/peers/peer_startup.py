"""One training step in PyTorch with random data, as bin/train does it in startup.py: batch 2, 16 classes."""
import torch
from torch.nn import functional as F

import nets

net, size = nets.make("sphereface20")
head = torch.nn.Linear(nets.EMBEDDING, 16, bias=False)
optimizer = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)
loss = F.cross_entropy(head(net(torch.randn(2, 3, *size))), torch.tensor([0, 1]))
loss.backward()
optimizer.step()
print("loss", loss.item(), flush=True)
