"""Norm, rotation and cast as Transformers' models and PyTorch do them, one after the other, in the format of the
request: `--model qwen3` (RMSNorm of heads), `olmo2` (of all heads of a token), `gemma3` (1 + w), `llama4`
(rotation first, then a norm without weights), and `torch` (torch.nn.functional's rms_norm and layer_norm).

A cast to eight bits is torch's `.to`, of x / scale in f32; `saturate` is a clamp before it, as engines do. Scales
that are made are `amax / largest` in f32. Caches are written by torch's indexing.
"""

import chaining
import protocol
import torch

options = protocol.arguments(model=["qwen3", "olmo2", "gemma3", "llama4", "torch"])
TORCH = {"f64": torch.float64, "f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


def norm_of(asked, name):
    """The module of a tensor's norm, with its weights."""
    part = asked.norm
    kind, eps, weight, over = part["kind"], part["eps"], part["weight"], part["over"]
    width, heads = asked.tensors[name].shape[3], asked.tensors[name].shape[1]
    w, b = asked.parameter(name, "weight"), asked.parameter(name, "bias")
    dtype = TORCH[asked.tensors[name].dtype]
    if w is not None and TORCH[w.dtype] != dtype:
        raise protocol.Unsupported("weights of another format")
    if options.model == "torch":
        if weight == "one_plus":
            raise protocol.Unsupported("1 + w")
        shape = (width,) if over == "head" else (heads, width)
        flat = lambda t: None if t is None else t.torch().reshape(shape)

        def plain(x):
            x = x.transpose(1, 2)
            call = torch.nn.functional.rms_norm if kind == "rms" else torch.nn.functional.layer_norm
            more = (flat(w), flat(b)) if kind == "layer" else (flat(w),)
            return call(x, shape, *more, eps=eps).transpose(1, 2)

        return plain
    wanted = {"qwen3": ("plain", "head"), "olmo2": ("plain", "heads"), "gemma3": ("one_plus", "head"), "llama4": ("none", "head")}
    if kind != "rms" or (weight, over) != wanted[options.model] or b is not None:
        raise protocol.Unsupported("another norm")
    if options.model == "qwen3":
        from transformers.models.qwen3.modeling_qwen3 import Qwen3RMSNorm as made
    elif options.model == "olmo2":
        from transformers.models.olmo2.modeling_olmo2 import Olmo2RMSNorm as made
    elif options.model == "gemma3":
        from transformers.models.gemma3.modeling_gemma3 import Gemma3RMSNorm as made
    else:
        from transformers.models.llama4.modeling_llama4 import Llama4TextL2Norm

        return Llama4TextL2Norm(eps)
    module = made(width * (heads if over == "heads" else 1), eps)
    module.weight = torch.nn.Parameter(w.torch().reshape(-1))
    if over == "heads":
        return lambda x: module(x.transpose(1, 2).flatten(2)).unflatten(2, (heads, width)).transpose(1, 2)
    return module


def rotation(asked, dtype):
    """cos and sin as Transformers makes them, and the rotation of its model."""
    head = protocol.whole(asked.rope)
    interleaved = asked.rope["layout"] == "interleaved"
    if asked.rope.get("rope_type", "default") != "default":
        raise protocol.Unsupported("rope_type")
    if interleaved != (options.model == "llama4"):
        raise protocol.Unsupported("layout")
    inv_freq = 1.0 / (asked.rope["rope_theta"] ** (torch.arange(0, head, 2, dtype=torch.int64).to(torch.float) / head))
    places = torch.from_numpy(asked.positions)
    angles = (inv_freq[None, :, None].float().expand(len(places), -1, 1) @ places[:, None, :].float()).transpose(1, 2)
    if interleaved:
        from transformers.models.llama4.modeling_llama4 import apply_rotary_emb

        table = torch.polar(torch.ones_like(angles), angles)

        def llama4(x):
            x = x.transpose(1, 2)
            return apply_rotary_emb(x, x, table)[0].transpose(1, 2)

        return llama4
    from transformers.models.qwen3.modeling_qwen3 import apply_rotary_pos_emb

    whole = torch.cat((angles, angles), -1)
    cos, sin = whole.cos().to(dtype), whole.sin().to(dtype)
    return lambda x: apply_rotary_pos_emb(x, x, cos, sin)[0]


def cast(asked, name, x, out):
    """x / scale in eight bits."""
    part = asked.quantize
    kind = getattr(torch, protocol.EIGHT[part["format"]])
    largest, how = torch.finfo(kind).max, part["scale"]
    blocks = x.float().unflatten(3, (-1, asked.groups(name)))
    if how == "given":
        scale = asked.parameter(name, "scale").torch()
    else:
        amax = blocks.abs().amax(asked.blocks(name))
        scale = amax / largest
        if how == "amax_pow2":
            scale = torch.exp2(torch.ceil(torch.log2(scale)))
        scale = torch.where(amax == 0, torch.ones_like(scale), scale)
        out[name + "_scale"] = scale
    y = blocks / asked.spread(scale)
    if part.get("overflow", "saturate") == "saturate":
        y = y.clamp(-largest, largest)
    return y.flatten(3).to(kind)


def chain(config, input, dtype):
    asked = chaining.Question(config, input)
    if any(part.dtype != dtype for part in asked.tensors.values()):
        raise protocol.Unsupported("mixed formats")
    made, out = {name: part.torch() for name, part in asked.tensors.items()}, {}
    with torch.no_grad():
        turn = None if asked.rope is None else rotation(asked, TORCH[dtype])
        for name in made:
            for stage in asked.order:
                if stage == "norm" and asked.normed(name):
                    made[name] = norm_of(asked, name)(made[name])
                elif stage == "rotate" and name != "v":
                    made[name] = turn(made[name])
                elif stage == "quantize" and asked.quantized(name):
                    made[name] = cast(asked, name, made[name], out)
    reply = asked.outputs(made)
    asked.check()
    return dict(reply, **out)


protocol.serve(
    "torch-chain" if options.model == "torch" else "transformers-chain-" + options.model,
    {"chain": chain},
    package="torch" if options.model == "torch" else "transformers",
    homepage="https://github.com/huggingface/transformers" if options.model != "torch" else "https://pytorch.org",
    dtypes=["f32", "bf16", "f16"],
    directions=["forward"],
    partial=False,
)
