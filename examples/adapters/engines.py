"""The rotary layers of engines, compilers and trainers, loaded without the rest of them."""

import alone
import protocol
import torch

# What vLLM's longrope asks of the engine: how long a sequence may become.
MAX_MODEL_LEN = [None]


# The keys of every rule, as a config.json has them.
KEYS = {
    "default": (), "linear": ("factor",), "proportional": ("factor",),
    "dynamic": ("factor", "original_max_position_embeddings"),
    "yarn": ("factor", "original_max_position_embeddings", "beta_fast", "beta_slow", "truncate", "attention_factor", "mscale", "mscale_all_dim"),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
    "longrope": ("short_factor", "long_factor", "original_max_position_embeddings", "factor", "attention_factor"),
}


def scaling(config, kinds, extra=("mrope_section", "mrope_interleaved")):
    """The rule of a config as `rope_parameters` has it, for an engine that knows the rules `kinds`."""
    kind = config.get("rope_type", "default")
    if kind not in kinds:
        raise protocol.Unsupported("rope_type %s" % kind)
    return {"rope_type": kind, **{name: config[name] for name in KEYS[kind] + extra if name in config}}


def named(config, width):
    """Marks a config as that of a model which the engine builds by a name of its own: only the head's width is compared."""
    if protocol.slice_of(config) != (width, width, 0):
        raise protocol.Unsupported("a head that is not the model's")
    config.allow(*config.items)


class Layer(torch.nn.Module):
    """What the engines derive their operators from: on a CPU without compiled kernels it calls forward_native."""

    def __init__(self, *_, **__):
        super().__init__()

    @classmethod
    def register(cls, *_, **__):
        return lambda found: found

    @classmethod
    def enabled(cls):
        return False

    def forward(self, *args, **kwargs):
        return self.forward_native(*args, **kwargs)


class Setting:
    """A setting of SGLang, at its default."""

    def __init__(self, value):
        self.value = value

    def get(self):
        return self.value


def vllm():
    """vllm.model_executor.layers.rotary_embedding, forward_native."""

    class Config:
        class model_config:
            pass

    def current():
        Config.model_config.max_model_len = MAX_MODEL_LEN[0]
        return Config

    alone.package(
        "vllm",
        ["vllm.model_executor.layers.rotary_embedding"],
        {"vllm.model_executor.custom_op": {"CustomOp": Layer}, "vllm.config": {"get_current_vllm_config": current}},
    )
    import vllm.model_executor.layers.rotary_embedding as found

    return found


def sglang():
    """sglang.srt.layers.rotary_embedding on a CPU without AMX, at the default settings."""

    class Settings:
        SGLANG_ROPE_CACHE_FP32 = Setting(False)
        SGLANG_ROPE_CACHE_ALIGN = Setting(128)

    no, yes = (lambda *_, **__: False), (lambda *_, **__: True)
    platforms = {name: no for name in ("is_cuda", "is_hip", "is_npu", "is_xpu", "is_musa", "is_mps", "cpu_has_amx_support")}
    utils = dict(platforms, is_cpu=yes, get_bool_env_var=no, get_device=lambda: "cpu", get_compiler_backend=lambda: "eager")
    alone.package(
        "sglang",
        ["sglang.srt.layers.rotary_embedding"],
        {
            "sglang.kernels.fused_op": {"BaseFusedOp": Layer},
            "sglang.srt.environ": {"envs": Settings},
            "sglang.srt.utils": utils,
            "sglang.srt.runtime_context": {"publish_role": lambda: None},
        },
    )
    import sglang.srt.layers.rotary_embedding.factory as found

    return found


def exllamav3():
    """exllamav3.util.rope; its CUDA kernel is not there, apply_torch is."""
    alone.package("exllamav3", ["exllamav3.util.rope"])
    import exllamav3.util.rope as found

    return found


def lmdeploy():
    """lmdeploy.pytorch.nn.rotary_embedding with the default backend."""
    own = ["lmdeploy.pytorch.backends.rotary_embedding", "lmdeploy.pytorch.backends.default.rotary_embedding",
           "lmdeploy.pytorch.backends.default.apply_rotary_emb", "lmdeploy.pytorch.backends.apply_rotary_emb",
           "lmdeploy.pytorch.backends.base", "lmdeploy.pytorch.nn.rotary_embedding"]
    given = {"lmdeploy.pytorch.backends": {}, "lmdeploy.pytorch.backends.default": {}}
    alone.package("lmdeploy", own, given)
    import lmdeploy.pytorch.backends.default.rotary_embedding as default

    class Backend:
        @staticmethod
        def build_op(spec, **_):
            return default._build_rotary_embedding(spec)

    given["lmdeploy.pytorch.backends"]["get_backend"] = lambda: Backend
    import lmdeploy.pytorch.backends as backends

    backends.get_backend = lambda: Backend
    import lmdeploy.pytorch.nn.rotary_embedding as found

    return found


def tpu():
    """tpu_inference.layers.jax.rope_interface, jax on a CPU."""
    alone.package("tpu_inference", ["tpu_inference.layers.jax.rope_interface"])
    import tpu_inference.layers.jax.rope_interface as found

    return found


def genai():
    """onnxruntime_genai.models.builders.base, the model builder's class Model, without ONNX."""
    for name in ("onnx_ir", "onnxruntime", "quantization"):
        if not isinstance(next((f for f in alone.sys.meta_path if getattr(f, "package", None) == name), None), alone.Finder):
            alone.sys.meta_path.insert(0, alone.Finder(name, alone.pathlib.Path("/"), [], {}))
    own = ["onnxruntime_genai.models.builders.base"]
    alone.package("onnxruntime_genai", own)
    import onnxruntime_genai.models.builders.base as found

    return found


class CTranslate2:
    """CTranslate2: the loaders of its converter, and RotaryEmbeddings and Alibi of its compiled library."""

    def __init__(self):
        import ctypes
        import glob
        import pathlib

        import ctranslate2

        self.c, self.library = ctypes, ctranslate2
        found = glob.glob(str(pathlib.Path(ctranslate2.__file__).parent.parent / "ctranslate2.libs" / "libctranslate2*"))
        compiled = ctypes.CDLL(found[0])
        long, real, flag, at = ctypes.c_long, ctypes.c_float, ctypes.c_bool, ctypes.c_void_p
        scope = "_ZN11ctranslate26layers"
        self.new = compiled[scope + "16RotaryEmbeddingsC1ElbNS0_17RotaryScalingTypeEfflPKNS_11StorageViewES5_ffllb"]
        self.new.argtypes = [at, long, flag, ctypes.c_int, real, real, long, at, at, real, real, long, long, flag]
        self.turn = compiled[scope + "16RotaryEmbeddings5applyERNS_11StorageViewElb"]
        self.turn.argtypes = [at, at, long, flag]
        self.new_alibi = compiled[scope + "5AlibiC1Ebbl"]
        self.new_alibi.argtypes = [at, flag, flag, long]
        self.add_alibi = compiled[scope + "5Alibi5applyERNS_11StorageViewEf"]
        self.add_alibi.argtypes = [at, at, real]
        for function in (self.new, self.turn, self.new_alibi, self.add_alibi):
            function.restype = None

    def view(self, array):
        """An array as the library's StorageView, and where that lies: pybind11 keeps it behind the object's header."""
        made = self.library.StorageView.from_array(array)
        return made, self.c.c_void_p.from_address(id(made) + 16).value

    def loader(self, name):
        """A loader of the converter, by the name of its config class."""
        from ctranslate2.converters import transformers as found

        return found._MODEL_LOADERS[name]

    def written(self, rope, head, longest, version="v5", model="llama"):
        """What the loaders write for the attention of a model with this rope, as a dict.

        The model is Llama, or Phi-3 for longrope; Gemma 3, whose full_attention layer has the rope; Falcon."""
        import types

        import transformers

        special = dict(pad_token_id=0, bos_token_id=0, eos_token_id=0)
        if model == "gemma3":
            config = transformers.Gemma3TextConfig(
                hidden_size=8, num_attention_heads=1, num_key_value_heads=1, head_dim=head, num_hidden_layers=2, intermediate_size=8,
                vocab_size=16, layer_types=["sliding_attention", "full_attention"], **special,
                rope_parameters={"full_attention": rope, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}},
            )
            spec = self.loader("Gemma3TextConfig").get_model_spec(transformers.Gemma3ForCausalLM(config))
            return vars(spec.decoder.layer[1].self_attention)
        if model == "falcon":
            config = transformers.FalconConfig(
                hidden_size=head, num_attention_heads=1, num_hidden_layers=1, vocab_size=16, alibi=False, rope_theta=rope["rope_theta"], **special,
            )
            spec = self.loader("FalconConfig").get_model_spec(transformers.FalconForCausalLM(config))
            return vars(spec.decoder.layer[0].self_attention)
        small = dict(hidden_size=head, num_attention_heads=1, num_key_value_heads=1, num_hidden_layers=1,
                     intermediate_size=8, vocab_size=16, max_position_embeddings=longest, pad_token_id=0)
        if rope["rope_type"] == "longrope":
            rope = dict(rope, type="longrope")
            config = transformers.Phi3Config(**small, original_max_position_embeddings=rope["original_max_position_embeddings"])
            model = transformers.Phi3ForCausalLM(config)
            # The loader wants the layers of the file that Phi-3 brings along.
            for layer in model.model.layers:
                layer.self_attn.rotary_emb = types.SimpleNamespace(long_factor=rope["long_factor"], short_factor=rope["short_factor"])
            name = "Phi3Config"
        else:
            config = transformers.LlamaConfig(**small)
            model = transformers.LlamaForCausalLM(config)
            name = "LlamaConfig"
        said = types.SimpleNamespace(**config.to_dict())
        if rope["rope_type"] == "longrope":
            # So has that file's config.
            said.original_max_position_embeddings, said.rope_theta = rope["original_max_position_embeddings"], rope["rope_theta"]
        said.rope_scaling = dict(rope)
        if version == "v4":
            said.rope_theta = said.rope_scaling.pop("rope_theta")
            if rope["rope_type"] == "default":
                said.rope_scaling = None
        model.config = said
        return vars(self.loader(name).get_model_spec(model).decoder.layer[0].self_attention)

    def layer(self, written):
        """RotaryEmbeddings as make_rotary_embeddings makes it: with these defaults for what was not written."""
        def number(name, absent):
            value = written.get(name)
            return absent if value is None else value.item() if hasattr(value, "item") else value

        made = self.c.create_string_buffer(4096)
        factors = [written.get("rotary_scaling_%s_factor" % name) for name in ("long", "short")]
        views = [(None, None) if f is None else self.view(f.numpy().copy()) for f in factors]
        made.views = views
        self.new(
            made, number("rotary_dim", -1), bool(written.get("rotary_interleave", True)), number("rotary_scaling_type", -1),
            number("rotary_scaling_factor", 1.0), number("rotary_base", 10000.0), 2048, views[0][1], views[1][1],
            number("rotary_low_freq_factor", 1.0), number("rotary_high_freq_factor", 4.0),
            number("original_max_position_embeddings", 0), number("max_position_embeddings", 0), True,
        )
        return made

    def alibi(self, positive, scaled):
        """Alibi as a decoder makes it."""
        made = self.c.create_string_buffer(4096)
        self.new_alibi(made, positive, scaled, 2048)
        return made

    def biased(self, layer, scores, scale):
        """Scores [batch, heads, queries, keys] with what Alibi adds to them."""
        import numpy

        made, at = self.view(scores)
        self.add_alibi(layer, at, scale)
        return numpy.array(made)

    def apply(self, layer, x, offset):
        """x [batch, heads, tokens, width] rotated, its first token at position `offset`."""
        import numpy

        made, at = self.view(x)
        self.turn(layer, at, offset, False)
        return numpy.array(made)


def part(*names):
    """A module whose Config keeps what is said of it, and builds nothing."""
    import dataclasses

    config = dataclasses.make_dataclass("Config", [(name, object, None) for name in names], kw_only=True)
    config.build = lambda self: alone.Nothing()
    return type("Part", (torch.nn.Module,), {"Config": config})


def torchtitan():
    """torchtitan's rotary file, and its registries of models without the layers around the attention."""
    import importlib
    import types

    class Module(torch.nn.Module):
        class Config:
            def build(self):
                """The class in which this one stands."""
                return getattr(alone.sys.modules[type(self).__module__], type(self).__qualname__.split(".")[0])(self)

    class Plain(types.SimpleNamespace):
        def build(self):
            return alone.Nothing()

    scope = "torchtitan.models."
    layer = part("attention", "attention_norm", "ffn_norm", "feed_forward", "moe")
    model = part("vocab_size", "dim", "tok_embeddings", "norm", "lm_head", "layers", "mtp_layers", "enable_weight_tying")
    plain = type("Plain", (), {"Config": Plain})
    parts = {"Embedding": plain, "Linear": plain, "RMSNorm": plain, "TransformerBlock": layer}
    common = dict(parts)
    given = {
        "torchtitan.protocols.module": {"Module": Module}, scope + "common": common,
        scope + "common.config_utils": {"make_gqa_config": lambda **said: types.SimpleNamespace(**said)},
        scope + "common.attention": {"BaseAttention": Module, "FlexAttention": plain}, scope + "common.decoder": parts,
        scope + "common.linear": parts, scope + "common.nn_modules": parts,
        scope + "llama3.model": {"Llama3Model": model, "Llama3TransformerBlock": layer}, scope + "deepseek_v3.mtp": {"MTPDecoder": model},
    }
    for name in ("parallelize", "sharding", "state_dict_adapter"):
        given.update({scope + "llama3." + name: {}, scope + "deepseek_v3." + name: {}})
    alone.package("torchtitan", [scope + "common.rope", scope + "llama3", scope + "deepseek_v3"], given)
    rope = importlib.import_module(scope + "common.rope")
    importlib.import_module(scope + "common").__dict__.update(RoPE=rope.RoPE, ComplexRoPE=rope.ComplexRoPE, CosSinRoPE=rope.CosSinRoPE)

    def attention(name, flavor):
        """What a registry has for the first layer's attention, and that attention where its file is its own."""
        found = importlib.import_module(scope + name)
        more = {"moe_comm_backend": "standard"} if name == "deepseek_v3" else {}
        said = getattr(found, name.replace("deepseek_v3", "deepseekv3") + "_configs")[flavor](attn_backend="flex", **more).layers[0].attention
        return said, said.build() if isinstance(said, Module.Config) else None

    return types.SimpleNamespace(ComplexRoPE=rope.ComplexRoPE, CosSinRoPE=rope.CosSinRoPE, yarn=rope._yarn_inv_freq, attention=attention)


def megatron():
    """Megatron Core's rotary embeddings; torch.cuda's device is a CPU."""
    import types

    torch.cuda.current_device = lambda: "cpu"
    scope = "megatron.core.models.common.embeddings."
    own = [scope + name for name in ("rotary_pos_embedding", "yarn_rotary_pos_embedding", "rope_utils")]
    alone.package("megatron", own, {"megatron.core.utils": {"internal_api": lambda function: function}})
    import megatron.core.models.common.embeddings.rope_utils as utils
    import megatron.core.models.common.embeddings.rotary_pos_embedding as rotary
    import megatron.core.models.common.embeddings.yarn_rotary_pos_embedding as yarn

    group = types.SimpleNamespace(size=lambda: 1, rank=lambda: 0)

    def apply(t, freqs, interleaved, mscale, cu_seqlens=None, **more):
        said = dict(apply_rope_fusion=False, rotary_interleaved=interleaved, multi_latent_attention=False, mrope_section=None)
        return utils.apply_rotary_pos_emb(t, freqs, types.SimpleNamespace(**said | more), cu_seqlens, mscale, group)

    def fuse():
        """Puts Transformer Engine's rotation where Megatron Core has it: its own code for `fused=False`, which needs no GPU."""
        rope = "transformer_engine.pytorch.attention.rope"
        alone.package("transformer_engine", [rope])
        absent("transformer_engine_torch")
        import importlib

        turn = importlib.import_module(rope).apply_rotary_pos_emb
        utils.fused_apply_rotary_pos_emb = lambda t, freqs, interleaved=False: turn(t, freqs, tensor_format="sbhd", interleaved=interleaved)
        utils.fused_apply_rotary_pos_emb_thd = lambda t, cu_seqlens, freqs, cp_size=1, cp_rank=0: turn(
            t, freqs, tensor_format="thd", cu_seqlens=cu_seqlens, cp_size=cp_size, cp_rank=cp_rank
        )

    return types.SimpleNamespace(
        RotaryEmbedding=rotary.RotaryEmbedding, MultimodalRotaryEmbedding=rotary.MultimodalRotaryEmbedding,
        YarnRotaryEmbedding=yarn.YarnRotaryEmbedding, apply=apply, fuse=fuse, group=group, utils=utils,
    )


def executorch():
    """ExecuTorch's rope of examples/models/llama, its copy for Core ML, and the static model for Qualcomm."""
    import importlib
    import types

    scope = "executorch.examples."
    llama, coreml = scope + "models.llama.", scope + "apple.coreml.llama.llama_transformer"
    model = scope + "qualcomm.oss_scripts.llama.model"
    alone.package("executorch", [llama + "rope", llama + "model_args", coreml, model + ".static_llama", model + ".apply_rope"])

    def static():
        importlib.import_module(model).ROTARY_EMB_REGISTRY = importlib.import_module(model + ".apply_rope").ROTARY_EMB_REGISTRY
        return importlib.import_module(model + ".static_llama")

    rope, args = importlib.import_module(llama + "rope"), importlib.import_module(llama + "model_args")
    return types.SimpleNamespace(
        Rope=rope.Rope, ModelArgs=args.ModelArgs, file=rope, coreml=lambda: importlib.import_module(coreml), static=static,
    )


def litert():
    """LiteRT Torch: its rope, the composite that export replaces attention with, and the builders of its models."""
    import importlib
    import types

    class Builder:
        """The graph's marks around a composite; what is between them is the arithmetic of a CPU."""

        def __init__(self, **_):
            pass

        def mark_inputs(self, *given):
            return given

        def mark_outputs(self, *given):
            return given[0] if len(given) == 1 else given

    scope = "litert_torch.generative."
    rotary, composite = scope + "layers.rotary_position_embedding", scope + "export_hf.experimental.composites.rope"
    patches = [scope + "export_hf.model_ext.%s.patch" % name for name in ("gemma3", "qwen3")]
    models = type("Builder", (alone.Nothing,), {"DecoderOnlyModel": object})()
    keep = types.SimpleNamespace(register_patch=lambda _: lambda f: f, register_model_patch=lambda _: lambda f: f)
    alone.package(
        "litert_torch", [rotary, composite, scope + "examples.llama.llama", *patches],
        {"litert_torch.backend": {"composite": types.SimpleNamespace(StableHLOCompositeBuilder=Builder)},
         scope + "utilities": {"model_builder": models},
         scope + "export_hf.core": {"patches": keep}, scope + "export_hf.model_ext": {"patches": keep}},
    )
    rotary, composite = importlib.import_module(rotary), importlib.import_module(composite)
    return types.SimpleNamespace(
        rotary=rotary, composite=composite.apply_mldrift_compatible_rope, file=composite,
        llama=lambda: importlib.import_module(scope + "examples.llama.llama"),
        patch=lambda name: importlib.import_module(scope + "export_hf.model_ext.%s.patch" % name),
    )


def timm():
    """timm.layers.pos_embed_sincos."""
    same, asserted = (lambda function: function), (lambda condition, message: None)
    alone.package(
        "timm", ["timm.layers.pos_embed_sincos", "timm.layers.grid"],
        {"timm.layers._fx": {"register_notrace_function": same}, "timm.layers.trace_utils": {"_assert": asserted}},
    )
    import timm.layers.pos_embed_sincos as found

    return found


def absent(*names):
    """Empty stand-ins for packages that are not there and are imported on the way."""
    import importlib.util

    for name in names:
        if importlib.util.find_spec(name) is None:
            alone.sys.meta_path.insert(0, alone.Finder(name, alone.pathlib.Path("/"), [], {}))


def easydel():
    """easydel.layers.rotary, jax on a CPU."""
    import dataclasses

    absent("flax", "chex", "jaxtyping", "eformer", "ejkernel")
    import chex
    import flax.nnx

    chex.dataclass = dataclasses.dataclass
    flax.nnx.Module = object
    same = lambda function=None, **_: function or (lambda f: f)
    alone.package(
        "easydel", ["easydel.layers.rotary"],
        {"easydel.utils": {"ejit": same}, "easydel.layers.norms": {"lowfloats": ()}, "easydel.utils.compiling_utils": {"hash_fn": id}},
    )
    import easydel.layers.rotary as found

    return found


def olmo_core():
    """olmo_core.nn.rope."""
    import dataclasses
    import enum

    class Config:
        def as_dict(self, **_):
            return {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if getattr(self, field.name) is not None}

    alone.package(
        "olmo_core", ["olmo_core.nn.rope", "olmo_core.nn.buffer_cache", "olmo_core.exceptions"],
        {"olmo_core.config": {"Config": Config, "StrEnum": enum.StrEnum}, "olmo_core.nn.config": {"ModuleConfig": Config}},
    )
    import olmo_core.nn.rope as found

    return found


def tunix(name):
    """tunix.models.NAME.model."""
    import importlib

    absent("flax", "jaxtyping", "qwix", "einops")
    import flax.nnx

    flax.nnx.Module = object
    alone.package("tunix", ["tunix.models.%s.model" % name], {"tunix.generate.mappings": {"BackendMappingMixin": type("Mixin", (), {})}})
    return importlib.import_module("tunix.models.%s.model" % name)


class Turned(Exception):
    """Ends a layer as soon as queries and keys are turned."""


def lent(module, name, run, *given):
    """What a layer's calls of the rotation `module.name` answer, where they are lent these tensors for their own.

    Everything else of a call, positions and base among them, is what the layer gives."""
    turn, found = getattr(module, name), []

    def call(_, *rest, **named):
        found.append(turn(given[len(found)], *rest, **named))
        if len(found) == len(given):
            raise Turned
        return found[-1]

    setattr(module, name, call)
    try:
        run()
    except Turned:
        return found
    finally:
        setattr(module, name, turn)
    raise AssertionError("the layer turned %d tensors" % len(found))


def mistral():
    """mistral_inference.transformer."""
    absent("fire", "simple_parsing", "xformers", "mistral_common", "safetensors")
    import simple_parsing.helpers

    simple_parsing.helpers.Serializable = type("Serializable", (), {"from_dict": classmethod(lambda made, said: made(**said))})
    base, mixin = type("ModelBase", (torch.nn.Module,), {}), type("LoRALoaderMixin", (), {})
    alone.package(
        "mistral_inference", ["mistral_inference.transformer", "mistral_inference.rope", "mistral_inference.args"],
        {"mistral_inference.model": {"ModelBase": base}, "mistral_inference.lora": {"LoRALoaderMixin": mixin}},
    )
    import types

    import mistral_inference.args as args
    import mistral_inference.rope as rope
    import mistral_inference.transformer as transformer

    def table(params):
        """freqs_cis of a Transformer with these params, which has no weights."""
        said = args.TransformerArgs.from_dict(params)
        made = types.SimpleNamespace(args=said, _precomputed_freqs_cis=None, device=torch.device("cpu"))
        return transformer.Transformer.freqs_cis.fget(made)

    return types.SimpleNamespace(rope=rope, Transformer=transformer.Transformer, table=table)


def fairseq2():
    """fairseq2's rotary encoders."""
    import importlib
    import types

    scope = "fairseq2."
    own = [scope + name for name in ("nn.position_encoder", "ops", "models.llama.factory", "models.olmo.yarn_rope", "utils.tensor", "data_type", "device")]
    alone.package("fairseq2", own)
    encoder = importlib.import_module(scope + "nn.position_encoder")
    importlib.import_module("fairseq2.nn").PositionEncoder = encoder.PositionEncoder
    return types.SimpleNamespace(
        RotaryEncoder=encoder.RotaryEncoder, ReferenceRotaryEncoder=encoder.ReferenceRotaryEncoder,
        init_llama_rope_freqs=importlib.import_module(scope + "models.llama.factory").init_llama_rope_freqs,
        YaRNRotaryEncoder=importlib.import_module(scope + "models.olmo.yarn_rope").YaRNRotaryEncoder,
    )
