"""Makes the files of torch.save in tests/data/torch, and what some of them hold as safetensors.

    python3 torch_save.py ../data/torch      needs torch and safetensors
"""
import pickle
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

folder = Path(sys.argv[1])
torch.manual_seed(7)
gru = nn.GRU(2, 3, bidirectional=True)
state = gru.state_dict()
save_file(state, folder / "gru.safetensors")
torch.save(state, folder / "gru.pt")
torch.save({"epoch": 3, "loss": 0.5, "done": True, "name": "x", "model": state}, folder / "nested.pt")
torch.save(dict(gru.named_parameters()), folder / "parameters.pt")
torch.save({name: tensor.half() for name, tensor in state.items()}, folder / "half.pt")
torch.save({name: tensor.bfloat16() for name, tensor in state.items()}, folder / "bfloat16.pt")
torch.save({name: tensor.double() for name, tensor in state.items()}, folder / "double.pt")
torch.save({"weight_ih_l0": torch.zeros(2, 9).t()}, folder / "refused-strides.pt")
torch.save(gru, folder / "refused-module.pt")
torch.save([1, 2], folder / "refused-list.pt")
torch.save({"hidden": Path("x")}, folder / "refused-path.pt")
(folder / "refused-protocol0.pickle").write_bytes(pickle.dumps({"a": 1}, protocol=0))
(folder / "good-protocol4.pickle").write_bytes(pickle.dumps({"a": 1, "b": [1.5, None]}, protocol=4))
optimizer = torch.optim.Adam(gru.parameters())
gru(torch.ones(4, 1, 2))[0].sum().backward()
optimizer.step()
torch.save({"epoch": 3, "model": state, "optimizer": optimizer.state_dict()}, folder / "checkpoint.pt")
