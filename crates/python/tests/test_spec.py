"""Configs as people have them, tables and frequencies."""

import json

import pytest

import ropewalk

numpy = pytest.importorskip("numpy")
LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "rope_theta": 500000.0,
    "max_position_embeddings": 131072,
    "rope_scaling": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    },
}


def test_ways_of_saying_the_same(tmp_path):
    named = ropewalk.spec("llama-3.1-8b")
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))

    class Config:
        def to_dict(self):
            return LLAMA

    for other in (
        LLAMA,
        Config(),
        tmp_path,
        tmp_path / "config.json",
        str(tmp_path / "config.json"),
        named,
        named.config,
    ):
        assert ropewalk.spec(other).config["rope_theta"] == named.config["rope_theta"], other
        assert numpy.array_equal(ropewalk.inv_freq(other), named.inv_freq()), other
    assert named.head_dim == 128 and named.rotary_dim == 128 and named.layout == "half" and named.rope_type == "llama3"
    assert ropewalk.spec(named, layout="gptj").layout == "interleaved"
    assert "llama-3.1-8b" in ropewalk.models()
    json.loads(json.dumps(named.config))


def test_layers_of_a_model():
    full = ropewalk.spec("gemma-3-27b", layer_type="full_attention")
    local = ropewalk.spec("gemma-3-27b", layer_type="sliding_attention")
    assert full.config["rope_theta"] != local.config["rope_theta"]


def test_factors():
    yarn = {
        "head_dim": 8, "layout": "half", "rope_theta": 10000, "rope_type": "yarn", "factor": 40,
        "original_max_position_embeddings": 4096,
    }  # fmt: skip
    own = ropewalk.spec(yarn)
    assert abs(own.attention_factor - (0.1 * numpy.log(40) + 1)) < 1e-12
    assert ropewalk.spec("llama-3.1-8b").attention_factor == 1


def test_styles_of_tables():
    config = {"head_dim": 8, "layout": "interleaved", "rope_theta": 10000}
    cos, sin = ropewalk.table(config, [[0, 1], [2, 3]], dtype="f64")
    assert cos.shape == (2, 2, 4) and numpy.allclose(cos**2 + sin**2, 1)
    wide, _ = ropewalk.table(config, [[0, 1], [2, 3]], dtype="f64", style="hf")
    assert numpy.array_equal(wide, numpy.repeat(cos, 2, -1))
    half, _ = ropewalk.table(dict(config, layout="half"), [[0, 1], [2, 3]], dtype="f64", style="hf")
    assert numpy.array_equal(half, numpy.concatenate([cos, cos], -1))
    both = ropewalk.table(config, range(4), dtype="f64", style="concat")
    assert numpy.array_equal(both, numpy.concatenate([cos.reshape(4, 4), sin.reshape(4, 4)], -1))
    turns = ropewalk.table(config, range(4), style="complex")
    assert turns.dtype == numpy.complex64
    for table in (both, turns):
        ropewalk.testing.assert_table(table, None, range(4), config)
    for pair in ((cos, sin), (wide, ropewalk.table(config, [[0, 1], [2, 3]], dtype="f64", style="hf")[1])):
        ropewalk.testing.assert_table(*pair, [[0, 1], [2, 3]], config)


def test_wrong_tables_are_named():
    config = {"head_dim": 32, "layout": "half", "rope_theta": 500000}
    cos, sin = ropewalk.table(dict(config, rope_theta=10000), range(300))
    with pytest.raises(ropewalk.RotationError) as caught:
        ropewalk.testing.assert_table(cos, sin, range(300), config)
    assert "c1-base-ignored" in caught.value.faults, str(caught.value)
    cos, sin = ropewalk.table(config, range(3000))
    ropewalk.testing.assert_table(cos, sin, range(3000), config)
    sin = sin.copy()
    sin[2500, 3] += 0.01
    with pytest.raises(ropewalk.RotationError, match=r"sin\[2500\]\[3\]"):
        ropewalk.testing.assert_table(cos, sin, range(3000), config)
    with pytest.raises(ValueError, match="3000"):
        ropewalk.testing.assert_table(cos[:9], sin[:9], range(3000), config)


def test_frequencies():
    own = ropewalk.spec("llama-3.1-8b")
    right = ropewalk.inv_freq(own)
    ropewalk.testing.assert_inv_freq(right, own)
    ropewalk.testing.assert_inv_freq(right, own, attention_factor=1.0)
    plain = 1 / 500000 ** (numpy.arange(0, 128, 2, dtype="f4") / 128)
    with pytest.raises(ropewalk.RotationError) as caught:
        ropewalk.testing.assert_inv_freq(plain.astype("f4"), own)
    assert caught.value.faults == ["d1-scaling-ignored"], str(caught.value)
    dynamic = {
        "head_dim": 8, "layout": "half", "rope_theta": 10000, "rope_type": "dynamic", "factor": 2,
        "original_max_position_embeddings": 2048,
    }  # fmt: skip
    longer = ropewalk.inv_freq(dynamic, seq_len=8192)
    assert not numpy.array_equal(longer, ropewalk.inv_freq(dynamic, seq_len=2048))
