"""The configs to compare: released models, class defaults, written ones and random ones."""

import copy
import json
import random
from dataclasses import dataclass


@dataclass
class Case:
    """One question."""

    source: str
    name: str
    rope_type: str
    model: dict
    layer_type: str | None = None
    seq_len: int | None = None
    why: str | None = None


def innermost(model):
    """The text model of a larger one."""
    for name in ("thinker_config", "text_config", "language_config", "llm_config"):
        if isinstance(model.get(name), dict):
            return innermost(model[name])
    return model


def scaling(model):
    inner = innermost(model)
    return inner.get("rope_parameters") or inner.get("rope_scaling") or {}


def kind(parameters):
    return parameters.get("rope_type") or parameters.get("type") or "default"


def questions(source, name, model, layer_types=(None,)):
    """One per layer type and, where the length matters, around the break-point."""
    for layer in layer_types:
        parameters = scaling(model)
        inside = parameters.get(layer) or {} if layer and layer in parameters else parameters
        lengths = [None]
        # Hunyuan's alpha makes "dynamic" a rule without a length.
        if kind(inside) in ("dynamic", "longrope", "su") and "alpha" not in inside:
            whole = innermost(model).get("max_position_embeddings", 2048)
            original = inside.get("original_max_position_embeddings") or model.get(
                "original_max_position_embeddings") or whole
            if kind(inside) == "dynamic":
                original = whole
            lengths = [original - 1, original, original + 1, 2 * original]
        for length in lengths:
            label = name + (f"/{layer}" if layer else "") + (f"@{length}" if length else "")
            yield Case(source, label, kind(inside), model, layer, length)


def released(folder):
    """vectors/models: every config.json of a released model."""
    for path in sorted(folder.glob("*.json")):
        file = json.loads(path.read_text())
        model = file["config"].get("model")
        if model is None or "model_type" not in model:
            continue
        layers = [layer for layer in file.get("layer_types") or [None] if layer != "no_rope"]
        for case in questions("released", path.stem, model, layers or [None]):
            # `none` for the layers that Cohere 2's code leaves alone; one table serves the others.
            if model["model_type"] == "cohere2" and case.layer_type == "full_attention":
                continue
            yield case


# Classes that do something of their own, by the beginning of their names.
OWN = {
    "ernie4_5_vl": "Ernie 4.5 VL keeps the frequencies of h and of w together in its table and deals them out in "
                   "turn when it is used; the pairs have the frequencies that stand here",
    "minimax_m3_vl": "Transformers does not read the `rotary_dim` that this class saves",
    "eomt_dinov3": "a vision tower: `dinov3` in the flat form",
    "efficientloftr": "a share of 4, for a matcher of images",
    "moonshine": "its widths are `encoder_…` and `decoder_…`",
    "molmo2": "`rope_scaling_layers` numbers the layers that are scaled: it is refused rather than guessed",
    "clvp_encoder": "its width is that of `projection_dim`, which its rotary module reads by code of its own",
    "musicflamingo": "its audio tower and its text model have a rope each, and disagree",
}


# What else the same classes do when they are scaled.
SCALED = {
    "beam": "its full layers have no rope, and Transformers fails on parameters that name them",
    "clvp_encoder": "its width is that of `projection_dim`, which its rotary module reads by code of its own",
    "cohere_compass_text": "its parameters are one object per layer type, and Transformers fails on others",
    "neomme": "its class puts its share of the full layers into parameters that have none",
}


def own_way(model_type):
    return next((why for name, why in OWN.items() if model_type.startswith(name)), None)


def saved(classes):
    """Every config class of Transformers that rotates, as it saves its own defaults."""
    for model_type, model, layers in classes:
        for case in questions("saved by a class", model_type, model, layers):
            case.why = own_way(model_type)
            yield case


# A scaling of each kind, to be put into every model type's class.
SCALINGS = [
    {"rope_type": "linear", "factor": 3.0},
    {"rope_type": "dynamic", "factor": 2.5},
    {"rope_type": "yarn", "factor": 6.0, "original_max_position_embeddings": 3000},
    {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
     "original_max_position_embeddings": 8192},
    {"rope_type": "proportional", "partial_rotary_factor": 0.3},
]


def by_class(defaults):
    """Every model type whose class fills something in, as it stands and under each scaling."""
    for model_type, class_ in json.loads(defaults.read_text()).items():
        # DeepSeek V4 is asked as its class saves it, which names its ropes; towers, and what rotates only
        # where a key says so, by every.py.
        if model_type == "deepseek_v4" or {"axial", "unless_switched", "outer_rope"} & class_.keys():
            continue
        own = class_.get("rope_parameters", {})
        nested = [key for key, value in own.items() if isinstance(value, dict)]
        two = "rope_local_base_freq" in class_ or "local_rope_theta" in class_
        layers = nested or (["full_attention", "sliding_attention"] if two else [None])
        for case in questions("class defaults", model_type, {"model_type": model_type}, layers):
            case.why = own_way(model_type)
            yield case
        for inside in SCALINGS:
            # The base inside, so that the class's own cannot hide.
            parameters = {"rope_theta": 250000.0, **inside}
            if nested or two:
                parameters = {layer: dict(parameters) for layer in layers}
            model = {"model_type": model_type, "max_position_embeddings": 6000,
                     "rope_parameters": parameters}
            width, heads = class_.get("hidden_size", 0), class_.get("num_attention_heads", 1)
            # Falcon's head_dim is a property of its class.
            open_ = not {"head_dim", "qk_rope_head_dim"} & class_.keys() and model_type != "falcon"
            if open_ and width and width % heads == 0:
                model["head_dim"] = width // heads
            for case in questions("class, scaled", model_type, model, layers):
                case.why = SCALED.get(model_type)
                yield case


LLAMA = {"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32,
         "max_position_embeddings": 8192}


def by_hand():
    """What ports get wrong, each beside its neighbour."""
    def one(name, parameters, source="written", why=None, old=False, **more):
        model = {**LLAMA, **more}
        model["rope_scaling" if old else "rope_parameters"] = parameters
        for case in questions(source, name, model):
            case.why = why
            yield case

    yarn = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
            "original_max_position_embeddings": 2048}
    for name, more in {
        "plain": {}, "truncate-off": {"truncate": False}, "truncate-on": {"truncate": True},
        "beta-equal": {"beta_fast": 4.0, "beta_slow": 4.0},
        "beta-equal-no-truncate": {"beta_fast": 4.0, "beta_slow": 4.0, "truncate": False},
        "beta-1-1": {"beta_fast": 1, "beta_slow": 1}, "beta-64-2": {"beta_fast": 64, "beta_slow": 2},
        "beta-tiny": {"beta_fast": 0.5, "beta_slow": 1e-30}, "beta-huge": {"beta_fast": 1e6},
        "all-below": {"original_max_position_embeddings": 6},
        "attention-factor-1": {"attention_factor": 1.0}, "attention-factor": {"attention_factor": 0.7},
        "mscale-equal": {"mscale": 1.0, "mscale_all_dim": 1.0},
        "mscale-differ": {"mscale": 1.0, "mscale_all_dim": 0.8},
        "mscale-alone": {"mscale": 0.707}, "all-dim-alone": {"mscale_all_dim": 0.707},
        "mscale-zero": {"mscale": 0.0, "mscale_all_dim": 1.0},
        "mscale-and-attention-factor": {"mscale": 1.0, "mscale_all_dim": 0.5, "attention_factor": 1.5},
        "factor-1": {"factor": 1.0}, "factor-below-1": {"factor": 0.5},
        "low-base": {"rope_theta": 1.5}, "base-below-1": {"rope_theta": 0.5},
        "partial": {"partial_rotary_factor": 0.5}, "long-original": {"original_max_position_embeddings": 10**7},
    }.items():
        yield from one(f"yarn-{name}", {**yarn, **more})
        if "partial" not in name:
            yield from one(f"yarn-{name}-old", {**yarn, **more}, old=True)
    llama3 = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
              "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
    for name, more in {
        "plain": {}, "two-bands": {"high_freq_factor": 1.0}, "two-bands-4": {"low_freq_factor": 4.0},
        "factor-1": {"factor": 1.0}, "factor-below-1": {"factor": 0.5}, "wide": {"high_freq_factor": 1e4},
        "narrow": {"high_freq_factor": 1.0001}, "all-long": {"original_max_position_embeddings": 3},
        "all-short": {"original_max_position_embeddings": 10**9}, "fraction": {"original_max_position_embeddings": 8192.5},
    }.items():
        yield from one(f"llama3-{name}", {**llama3, **more})
    longrope = {"rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 4096,
                "short_factor": [1 + i / 64 for i in range(48)], "long_factor": [1.08 + i * 1.3 for i in range(48)]}
    phi = {"model_type": "phi3", "hidden_size": 3072, "num_attention_heads": 32, "pad_token_id": 0}
    for name, more, top in [
        ("ratio", {}, {"max_position_embeddings": 131072}),
        ("factor", {"factor": 8.0}, {"max_position_embeddings": 131072}),
        ("factor-1", {"factor": 1.0}, {"max_position_embeddings": 131072}),
        ("shorter", {}, {"max_position_embeddings": 2048}),
        ("attention-factor", {"attention_factor": 1.3}, {"max_position_embeddings": 131072}),
    ]:
        yield from one(f"longrope-{name}", {**longrope, **more}, **phi, **top)
    for name, more in {"third": {"factor": 3.0}, "tenth": {"factor": 0.1}, "huge": {"factor": 1e6}}.items():
        yield from one(f"linear-{name}", {"rope_type": "linear", "rope_theta": 10000.0, **more})
        yield from one(f"linear-{name}-old", {"type": "linear", **more}, old=True, rope_theta=77777.7)
        yield from one(f"dynamic-{name}", {"rope_type": "dynamic", "rope_theta": 10000.0, **more})
    for head, share in [(80, 0.6), (100, 0.29), (100, 0.57), (96, 0.334), (192, 0.334), (128, 0.1), (64, 0.7)]:
        for inside in ({"rope_type": "linear", "factor": 2.0}, {**yarn}, {"rope_type": "proportional"}):
            parameters = {"rope_theta": 10000.0, **inside, "partial_rotary_factor": share}
            yield from one(f"share-{head}-{share}", parameters, source="shares", head_dim=head)
        phi_like = {"model_type": "phi", "hidden_size": 32 * head, "partial_rotary_factor": share}
        yield from one(f"phi-{head}-{share}", {"rope_type": "default", "rope_theta": 10000.0}, source="shares", **phi_like)
    neox = {"model_type": "gpt_neox", "hidden_size": 6144, "num_attention_heads": 64}
    yield Case("written", "gpt-neox-old", "default", {**neox, "rotary_pct": 0.5, "rotary_emb_base": 25000})
    yield Case("written", "head-dim-null", "default", {**LLAMA, "head_dim": None, "rope_theta": 5e5})
    yield Case("written", "old-null", "default", {**LLAMA, "rope_theta": 5e5, "rope_scaling": None})
    gemma = {"model_type": "gemma3_text", "head_dim": 64, "rope_theta": 2e6, "rope_local_base_freq": 20000.0}
    for old in ({}, {"rope_type": "linear", "factor": 8.0},
                {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 4096}):
        model = {**gemma, "rope_scaling": old or None}
        yield from questions("written", "gemma3-old", model, ["full_attention", "sliding_attention"])
    bert = {"model_type": "modernbert", "global_rope_theta": 90000.0, "local_rope_theta": 9000.0}
    yield from questions("written", "modernbert-old", bert, ["full_attention", "sliding_attention"])
    both = {"full_attention": {**yarn}, "sliding_attention": {"rope_type": "default", "rope_theta": 1000.0}}
    for model_type in ("gemma3_text", "gemma4_text", "olmo3", "modernbert"):
        model = {"model_type": model_type, "max_position_embeddings": 8192, "rope_parameters": both}
        yield from questions("written", model_type, model, list(both))
    yield from gaps()


def gaps():
    """Where the two are known to differ; the page says why."""
    def gap(name, why, parameters, layer=None, **more):
        model = {**LLAMA, "rope_parameters": parameters, **more}
        for case in questions("known differences", name, model, [layer]):
            case.why = why
            yield case

    yarn = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0}
    missing = "`original_max_position_embeddings` is missing: Transformers takes `max_position_embeddings`, here it is `missing_key`"
    yield from gap("no-original", missing, yarn)
    yield from gap("no-original", missing, {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0,
                                            "low_freq_factor": 1.0, "high_freq_factor": 4.0})
    yarn["original_max_position_embeddings"] = 2048
    yield from gap("no-factor", "`factor` is null: Transformers takes the ratio of the lengths, here it is `missing_key`",
                   {**yarn, "factor": None})
    yield from gap("beta-0", "a beta of 0: Transformers takes 32 or 1, here it is `invalid_value`", {**yarn, "beta_fast": 0})
    yield from gap("betas-exchanged", "beta_fast < beta_slow: Transformers warns and ramps downwards, here it is `invalid_value`",
                   {**yarn, "beta_fast": 1, "beta_slow": 32})
    yield from gap("low-above-high", "low_freq_factor > high_freq_factor: Transformers warns, here it is `invalid_value`",
                   {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 4.0,
                    "high_freq_factor": 1.0, "original_max_position_embeddings": 8192})
    yield from gap("uneven", "hidden_size no multiple of the heads: Transformers rounds the quotient down, here it is `invalid_value`",
                   {"rope_type": "default", "rope_theta": 10000.0}, hidden_size=4100, num_attention_heads=32)
    yield from gap("two-originals", "the length outside and inside differ: Transformers lets the outer one win, here it is `invalid_value`",
                   yarn, original_max_position_embeddings=1024)
    yield from gap("gemma3-type", "Gemma 3's class overlooks the old key `type` inside rope_scaling, and scales nothing",
                   None, model_type="gemma3_text", rope_scaling={"type": "linear", "factor": 8.0},
                   layer="full_attention")
    yield from gap("share-ignored", "a share under `default` in a class without one: `LlamaRotaryEmbedding` does not read it",
                   {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5})


def random_configs(count, seed):
    """Valid configs of every rope_type, of random shape and spelling."""
    draw = random.Random(seed)
    log = lambda low, high: low * (high / low) ** draw.random()
    for index in range(count):
        for rope_type in ("default", "linear", "dynamic", "yarn", "longrope", "llama3", "proportional"):
            head = draw.choice([32, 64, 64, 80, 96, 100, 112, 128, 128, 160, 192, 256])
            model = {"model_type": draw.choice(["llama", "qwen2", "mistral", "qwen3", "olmo2", "granite"]),
                     "num_attention_heads": 16, "max_position_embeddings": int(log(256, 2e6))}
            if draw.random() < 0.5:
                model |= {"hidden_size": 2048, "head_dim": head}
            else:
                model |= {"hidden_size": 16 * head}
                if model["model_type"] == "qwen3":  # whose class would fill in 128
                    model["head_dim"] = head
            theta = draw.choice([10000, 500000.0, 1e6, round(log(50, 1e8), 3)])
            original = draw.choice([256, 2048, 4096, 8192, int(log(64, 1e6))])
            inside, width = {"rope_type": rope_type}, head
            # Only the shared functions read a share.
            if rope_type != "default" and draw.random() < 0.4:
                share = round(draw.uniform(0.1, 1), draw.choice([1, 2, 4]))
                if (rope_type == "proportional" or int(head * share) % 2 == 0) and int(head * share) > 2:
                    inside["partial_rotary_factor"] = share
                    width = int(head * share)
            if rope_type not in ("default", "proportional", "longrope"):
                inside["factor"] = draw.choice([1.0, 2, 4.0, 8.0, 40, round(log(1, 100), 2)])
            if rope_type in ("yarn", "longrope", "llama3"):
                inside["original_max_position_embeddings"] = original
            if rope_type == "yarn":
                yarn_options(inside, draw)
            if rope_type == "longrope":
                for name in ("short_factor", "long_factor"):
                    inside[name] = [round(log(1, 70), draw.choice([1, 4, 12])) for _ in range(width // 2)]
                if draw.random() < 0.5:
                    inside["factor"] = round(log(1, 64), 2)
                if draw.random() < 0.2:
                    inside["attention_factor"] = round(log(0.5, 2), 5)
            if rope_type == "llama3":
                low = draw.choice([1.0, 1, 2, round(log(0.2, 8), 2)])
                inside |= {"low_freq_factor": low, "high_freq_factor": low * draw.choice([1, 4, 1.5, 32])}
            if rope_type == "proportional" and draw.random() < 0.5:
                inside["factor"] = draw.choice([2.0, 8, 3.3])
            yield from questions("random", f"{rope_type}-{index}", spelt(model, inside, theta, draw))


def yarn_options(inside, draw):
    if draw.random() < 0.4:
        inside["truncate"] = draw.random() < 0.5
    if draw.random() < 0.5:
        slow = draw.choice([1, 1.0, 2, 0.5])
        inside |= {"beta_slow": slow, "beta_fast": slow * draw.choice([1, 2, 16, 32, 64])}
    option = draw.random()
    if option < 0.2:
        inside["attention_factor"] = round(draw.uniform(0.5, 2), 4)
    elif option < 0.5:
        inside |= {"mscale": draw.choice([1.0, 0.707, 0.5]), "mscale_all_dim": draw.choice([1.0, 0.707, 0.8])}
    elif option < 0.6:
        inside[draw.choice(["mscale", "mscale_all_dim"])] = 0.707


def spelt(model, inside, theta, draw):
    """The same parameters as Transformers 5 or 4 writes them."""
    inside, model = copy.deepcopy(inside), dict(model)
    match draw.randrange(3):
        case 0:
            model["rope_parameters"] = {"rope_theta": theta, **inside}
        case 1:
            model["rope_theta"] = theta
            model["rope_scaling"] = inside
        case 2:
            model["rope_theta"] = theta
            name = inside.pop("rope_type")
            # Transformers knows the old key, and of the old names only these.
            model["rope_scaling"] = {"type": name, **inside}
    return model
