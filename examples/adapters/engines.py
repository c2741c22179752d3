"""The rotary layers of vLLM, SGLang, LMDeploy, ExLlamaV3 and tpu-inference, loaded without the engines."""

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
