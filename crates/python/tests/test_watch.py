"""A running model of Transformers, judged in flight."""

import pytest

import ropewalk

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


def model(**more):
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, **more,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_right_model(dtype):
    own = model()
    frequencies = own.model.rotary_emb.inv_freq.clone()
    own = own.to(getattr(torch, dtype))
    # A cast of the whole model rounds its frequencies too (f1-inv-freq-in-bf16).
    own.model.rotary_emb.inv_freq = frequencies
    with ropewalk.watch(own) as watched:
        own.generate(torch.arange(10)[None], max_new_tokens=4, do_sample=False, pad_token_id=0)
    watched.assert_all_right()
    what = {one.what for one in watched.seen}
    assert what == {"table", "q", "k"}, watched


def test_a_wrong_one_is_named(monkeypatch):
    own = model()
    own.model.rotary_emb.inv_freq.mul_(0.5)
    with ropewalk.watch(own) as watched:
        own(torch.arange(10)[None])
    with pytest.raises(ropewalk.RotationError, match="rotary_emb"):
        watched.assert_all_right()
    home = __import__("sys").modules[type(own).__module__]
    assert home.apply_rotary_pos_emb.__module__ == type(own).__module__ and not watched._undo


def test_nothing_watched_is_not_right():
    with ropewalk.watch(model()) as watched:
        pass
    with pytest.raises(ropewalk.NotJudged):
        watched.assert_all_right()
