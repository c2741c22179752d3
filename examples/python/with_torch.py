"""A kernel of torch, from its first test to a named fault. Run: python examples/python/with_torch.py

Lines that begin with `# %%` are cells, for editors that know them.
"""

# %% A kernel, as a model has it: tables in the model's own bf16.
import torch

import ropewalk


def rope(q, k, positions, inv_freq, attention_factor):
    angle = positions[:, None, :, None].float() * inv_freq
    cos, sin = ((turn(angle) * attention_factor).to(q.dtype) for turn in (torch.cos, torch.sin))
    cos, sin = (torch.cat([part, part], -1) for part in (cos, sin))

    def half(x):
        a, b = x.chunk(2, -1)
        return torch.cat([-b, a], -1)

    return q * cos + half(q) * sin, k * cos + half(k) * sin


# %% It is right, in bf16 and in f32: three roundings of bf16 are what this way of computing has.
report = ropewalk.audit(rope, model="llama-3.1-8b", dtypes=["bf16", "f32"])
report.raise_if_wrong()
print(report)

# %% Its sibling is not: angles are made in the model's format, as under autocast.


def autocast(q, k, positions, inv_freq, attention_factor):
    angle = (positions[:, None, :, None].to(q.dtype) * inv_freq.to(q.dtype)).float()
    cos, sin = ((turn(angle) * attention_factor).to(q.dtype) for turn in (torch.cos, torch.sin))
    cos, sin = (torch.cat([part, part], -1) for part in (cos, sin))

    def half(x):
        a, b = x.chunk(2, -1)
        return torch.cat([-b, a], -1)

    return q * cos + half(q) * sin, k * cos + half(k) * sin


report = ropewalk.audit(autocast, model="llama-3.1-8b", dtypes=["bf16"], twice=False)
assert report.verdict == "diverges"
print(report.short())

# %% Tensors that are there already, in a line: packed sequences, grouped heads, a strided view.
spec = ropewalk.spec("llama-3.1-8b")
packed = torch.randn(40, 2 * 128 * 8).bfloat16().view(40, 16, 128)
q, k = packed[:, :12], packed[:, 12:]
for x in (q, k):
    turned = ropewalk.rotate(x, None, spec, axes="thd", cu_seqlens=[0, 7, 40])
    ropewalk.testing.assert_rotated(turned, x, None, spec, axes="thd", cu_seqlens=torch.tensor([0, 7, 40]))
print("packed: right")
