"""What Transformers adds to scores and embeddings: ALiBi's slopes, T5's buckets, sinusoids.

Its own functions are run on the CPU; the rows that come back compare them with Ropewalk.
"""

import importlib
import inspect
import json
import struct
import subprocess

import torch

ALIBI = {
    "bloom": lambda code, heads: code.build_alibi_tensor(torch.ones(1, 2), heads, torch.float32)[:, 0, 1],
    "falcon": lambda code, heads: code.build_alibi_tensor(torch.ones(1, 2), heads, torch.float32)[:, 0, 1],
    "mpt": lambda code, heads: -code.build_mpt_alibi_tensor(heads, 2)[:, 0, 0],
}
HEADS = [1, 2, 8, 12, 16, 24, 32, 71, 112]


def code_of(name):
    return importlib.import_module(f"transformers.models.{name}.modeling_{name}")


def ask(ropewalk, operation, dtype, config, inputs):
    line = {"cmd": "run", "id": "a", "operation": operation, "dtype": dtype, "config": config, "input": inputs}
    run = subprocess.run([ropewalk, "compute"], input=json.dumps(line), capture_output=True, text=True)
    reply = json.loads(run.stdout) if run.stdout else {}
    if "output" not in reply:
        return None, (reply.get("rejected") or run.stderr or run.stdout).strip()
    tensor = next(iter(reply["output"].values()))
    size, code = {"f32": (8, "f"), "i32": (8, "i")}[dtype]
    rows = "".join(tensor["bits"])
    return [struct.unpack(">" + code, bytes.fromhex(rows[i:i + size]))[0] for i in range(0, len(rows), size)], None


def alibi(ropewalk):
    keys = {"bloom": {}, "falcon": {"alibi": True}, "mpt": {}}
    for name, slopes in ALIBI.items():
        worst = None
        for heads in HEADS:
            try:
                there = slopes(code_of(name), heads).float().tolist()
            except Exception:  # MPT's needs heads that fit
                continue
            model = {"model_type": name, "num_attention_heads": heads, **keys[name]}
            if name == "mpt":
                model = {"model_type": name, "n_heads": heads}
            here, refusal = ask(ropewalk, "alibi_slopes", "f32", {"model": model}, {})
            if refusal:
                yield name, "ALiBi slopes", "refused", refusal
                break
            # Falcon computes in bf16: eight bits.
            room = 2**-7 if name == "falcon" else 2**-20
            off = [abs(a - b) / b for a, b in zip(there, here)]
            worst = max(off + [worst or 0.0])
            if worst > room:
                yield name, "ALiBi slopes", "differs", f"{heads} heads: off by {worst:.1e}"
                break
        else:
            rest = ", which is its bf16" if worst > 2**-22 else ""
            yield name, "ALiBi slopes", "agree", f"{len(HEADS)} numbers of heads, within {worst:.0e}{rest}"


def buckets(ropewalk):
    for name in ["t5", "mt5", "umt5", "longt5", "switch_transformers", "pop2piano", "pix2struct", "udop"]:
        code = code_of(name)
        # UDOP's is a class for each axis; its one-dimensional bias is T5's.
        own = [v for v in vars(code).values() if inspect.isclass(v) and v.__module__ == code.__name__
               and "_relative_position_bucket" in vars(v)]
        if not own:
            yield name, "T5 buckets", "not asked", "its code has no such function"
            continue
        model = {"model_type": "pix2struct_text_model" if name == "pix2struct" else name}
        if name == "udop":
            model = {"model_type": "t5"}
        distances = torch.arange(-300, 301)
        verdict = "agree", "601 distances, encoder and decoder"
        for part, both in (("encoder", True), ("decoder", False)):
            function = own[0]._relative_position_bucket
            if "self" in inspect.signature(function).parameters:
                stub = type("Stub", (), {"relative_attention_num_buckets": 32, "relative_attention_max_distance": 128,
                                         "has_relative_attention_bias": True, "is_decoder": not both})()
                there = function(stub, distances[None])[0].tolist()
            else:
                there = function(distances, bidirectional=both, num_buckets=32, max_distance=128).tolist()
            here, refusal = ask(ropewalk, "t5_bucket", "i32", {"model": model, "layer_type": part},
                                {"query_positions": [300], "key_positions": list(range(601))})
            if refusal:
                verdict = "refused", refusal
            elif here != there:
                first = next(i for i, (a, b) in enumerate(zip(here, there)) if a != b)
                verdict = "differs", f"{part}, distance {first - 300}: {there[first]} there, {here[first]} here"
        yield name, "T5 buckets", *verdict


def sinusoids(ropewalk):
    """Each class's table against the eight flat configs: the first that has its numbers is named."""
    width, positions = 16, [0, 1, 2, 5, 100, 1000]
    for name in ["autoformer", "fsmt", "informer", "kosmos2", "kosmos2_5", "m2m_100", "marian", "musicgen",
                 "musicgen_melody", "nllb_moe", "pegasus", "pegasus_x", "seamless_m4t", "seamless_m4t_v2",
                 "speech_to_text", "speecht5", "time_series_transformer", "trocr", "xglm"]:
        code = code_of(name)
        cls = next(v for k, v in vars(code).items() if inspect.isclass(v) and "Sinusoidal" in k
                   and v.__module__ == code.__name__)
        try:
            there = table(cls, width)
        except Exception as error:
            yield name, "sinusoid", "not asked", f"{type(error).__name__}: {error}"
            continue
        found = None
        for layout in ("concatenated", "interleaved"):
            for divisor in ("half", "half_minus_one"):
                for order in ("sin_first", "cos_first"):
                    config = {"dim": width, "layout": layout, "divisor": divisor, "order": order}
                    here, _ = ask(ropewalk, "sinusoidal", "f32", config, {"positions": positions})
                    wanted = [x for p in positions for x in there[p]]
                    if max(abs(a - b) for a, b in zip(here, wanted)) < 2e-4:
                        found = found or f"{layout}, {divisor}, {order}"
        yield name, "sinusoid", "agree" if found else "differs", found or "none of the flat configs"


def table(cls, width):
    if hasattr(cls, "get_embedding"):
        keys = inspect.signature(cls.get_embedding).parameters
        return cls.get_embedding(1002, width, *[None] * (len(keys) - 2)).tolist()
    if hasattr(cls, "create_weight"):
        return cls(1002, width).create_weight().tolist()
    sizes = (width,) if "embed_dim" in inspect.signature(cls.__init__).parameters else (1002, width)
    made = cls(*sizes)
    weight = getattr(made, "weight", None)
    if weight is not None:
        return weight.tolist()
    return made(torch.zeros(1, 1002, width))[0].tolist()


def rows(ropewalk):
    yield from alibi(ropewalk)
    yield from buckets(ropewalk)
    yield from sinusoids(ropewalk)
