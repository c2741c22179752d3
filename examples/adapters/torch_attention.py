"""PyTorch on a CPU: scaled_dot_product_attention by the backend of `--backend` (`flash` and `math` through the
operators below it, which return the logarithm or take any mask; `default` is what the function chooses), and
flex_attention, not compiled.

Masks, ALiBi and T5's bias go in as `attn_mask`: True where a key is left, or numbers in the format of q with −∞
elsewhere. A mask that is the triangle goes in as `is_causal`, and no mask where all keys are left. Keys and values
of grouped heads go in as they are (`enable_gqa`). The logarithm comes out in f32, whatever the
format, and is cast to what is asked for. Where v is of another width, zeros are appended but for `math`.
"""

import attending
import protocol
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.flex_attention import AuxRequest, create_block_mask, flex_attention
from torch.nn.functional import scaled_dot_product_attention

TORCH = {"f64": torch.float64, "f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
options = protocol.arguments(backend=["default", "math", "flash", "flex"], bias=["model", "f32"])
BACKENDS = {"math": SDPBackend.MATH, "default": [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]}
TAKES = {"default": (), "math": (), "flash": ("lse",), "flex": ("softcap", "lse")}


def attention(config, input, dtype):
    asked = attending.Question(config, input, take=TAKES[options.backend])
    if asked.one_format() != dtype:
        raise protocol.Unsupported("mixed formats")
    if not asked.grouped():
        raise protocol.Unsupported("heads that are no multiple of the key heads")
    bias = asked.bias()
    asked.check()
    config.check()
    input.check()
    answer = flex if options.backend == "flex" else sdpa
    return answer(asked, bias, dtype)


def sdpa(asked, bias, dtype):
    parts = (asked.q, asked.k, asked.v) if options.backend == "math" else asked.padded()
    # Zeros that are appended change 1/√D.
    scale = asked.factor() if parts[0].shape[3] != asked.dim else asked.scale
    q, k, v = (part.torch() for part in parts)
    allowed = torch.from_numpy(asked.allowed())[:, None]
    more = {"scale": scale}
    if bias is not None:
        numbers = torch.from_numpy(bias).to(torch.float32 if options.bias == "f32" else TORCH[dtype])
        more["attn_mask"] = numbers.masked_fill(~allowed, -torch.inf)
    elif asked.triangle():
        more["is_causal"] = True
    elif not allowed.all():
        more["attn_mask"] = allowed
    if options.backend == "flash":
        if asked.heads != asked.key_heads:
            k, v = asked.repeated(parts[1]).torch(), asked.repeated(parts[2]).torch()
        mask = more.get("attn_mask")
        if mask is not None and mask.dtype == torch.bool:
            # What the function does to a mask before it calls the operator.
            more["attn_mask"] = torch.zeros(mask.shape, dtype=q.dtype).masked_fill(~mask, -torch.inf)
        out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, **more)
        made = {"out": out[..., : asked.width]}
        return dict(made, lse=lse.to(TORCH[dtype])) if asked.lse else made
    grouped = asked.heads != asked.key_heads
    with sdpa_kernel(BACKENDS[options.backend]):
        out = scaled_dot_product_attention(q, k, v, enable_gqa=grouped, **more)
    return {"out": out[..., : asked.width]}


def flex(asked, bias, dtype):
    q, k, v = (part.torch() for part in (asked.q, asked.k, asked.v))
    allowed = torch.from_numpy(asked.allowed())
    numbers = None if bias is None else torch.from_numpy(bias).to(torch.float64 if dtype == "f64" else torch.float32)

    def score(s, b, h, i, j):
        if asked.softcap is not None:
            s = asked.softcap * torch.tanh(s / asked.softcap)
        return s if numbers is None else s + numbers[b, h, i, j]

    mask = create_block_mask(lambda b, h, i, j: allowed[b, i, j], asked.batch, None, asked.queries, asked.keys, device="cpu")
    out, aux = flex_attention(
        q, k, v, score_mod=score, block_mask=mask, scale=asked.scale, enable_gqa=asked.heads != asked.key_heads,
        return_aux=AuxRequest(lse=True),
    )
    return {"out": out, "lse": aux.lse.to(TORCH[dtype])} if asked.lse else {"out": out}


protocol.serve(
    "torch-attention-" + options.backend,
    {"attention": attention},
    package="torch",
    homepage="https://pytorch.org",
    dtypes=["f64", "f32", "bf16", "f16"],
)
