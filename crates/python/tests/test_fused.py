"""Chains and attention: right kernels pass, wrong ones are named, eight bits stay eight bits."""

import json

import kernels_fused as fused
import pytest
from frameworks import drawn, kinds, ml_dtypes, numpy, torch

import ropewalk
from ropewalk.testing import assert_attention, assert_chain

ROPE = {"head_dim": 16, "layout": "half", "rope_theta": 10000}
STAGES = [{"norm": {"kind": "rms", "eps": 1e-6, "weight": "plain", "over": "head"}}, {"rotate": ROPE}]
QUANTIZE = {"quantize": {"format": "f8e4m3fn", "scale": "given", "per": "tensor"}}

Q, WEIGHT = drawn(2, 3, 5, 16), drawn(16, seed=2)


def test_a_right_chain_passes():
    assert_chain(fused.norm_rope(Q, WEIGHT, range(5)), STAGES, q=Q, q_weight=WEIGHT, positions=range(5))
    k = drawn(2, 1, 5, 16, seed=3)
    both = fused.norm_rope(Q, WEIGHT, range(5)), fused.norm_rope(k, WEIGHT, range(5))
    assert_chain(both, STAGES, q=Q, k=k, q_weight=WEIGHT, k_weight=WEIGHT, positions=range(5))


def test_a_wrong_chain_is_named():
    got = fused.norm_rope(Q, numpy.ones_like(WEIGHT), range(5))
    got[0] = fused.norm_rope(Q, WEIGHT, range(5))[0]
    with pytest.raises(ropewalk.RotationError) as caught:
        assert_chain(got, STAGES, q=Q, q_weight=WEIGHT, positions=range(5))
    error, text = caught.value, str(caught.value)
    assert error.wrong == {"q": {"batch": [1], "head": "all", "token": "all"}}
    assert "first wrong row: batch 1, head 0, token 0" in text and "What is wrong:" in text, text
    assert error.worst["index"][0] == 1 and error.worst["allowed_ulp"] < error.worst["ulp"]
    assert 0.4 < error.share <= 0.5 and error.report.verdict == "diverges"
    with pytest.raises(ropewalk.RotationError, match="the weight of the norm is not applied") as caught:
        assert_chain(
            fused.norm_rope(Q, numpy.ones_like(WEIGHT), range(5)), STAGES, q=Q, q_weight=WEIGHT, positions=range(5)
        )
    assert caught.value.fault and caught.value.remedy


@pytest.mark.parametrize("kind", kinds())
def test_right_answers_come_in_kind(kind):
    q, weight = kind(Q), kind(WEIGHT)
    want = ropewalk.chain(STAGES, q=q, q_weight=weight, positions=range(5))
    assert list(want) == ["q"] and type(want["q"]) is type(q) and want["q"].dtype == q.dtype
    assert_chain(want, STAGES, q=q, q_weight=weight, positions=range(5))
    assert numpy.abs(numpy.asarray(want["q"]) - fused.norm_rope(Q, WEIGHT, range(5))).max() < 1e-5
    out, lse = ropewalk.attention(q, q, q, causal=True, lse=True)
    assert type(out) is type(q) and out.dtype == q.dtype and out.shape == q.shape and lse.shape == q.shape[:3]
    assert_attention(out, q, q, q, lse=lse, causal=True)


def test_axes_in_any_order():
    swapped = numpy.ascontiguousarray(Q.swapaxes(1, 2))
    want = ropewalk.chain(STAGES, q=Q, q_weight=WEIGHT, positions=range(5))["q"]
    got = ropewalk.chain(STAGES, q=swapped, q_weight=WEIGHT, positions=range(5), axes="bshd")["q"]
    assert numpy.array_equal(got, want.swapaxes(1, 2))
    assert_chain(got, STAGES, q=swapped, q_weight=WEIGHT, positions=range(5), axes="bshd")
    packed = swapped.reshape(10, 3, 16)
    flat = ropewalk.chain(STAGES, q=packed, q_weight=WEIGHT, cu_seqlens=[0, 5, 10], axes="thd")["q"]
    assert numpy.array_equal(flat, got.reshape(10, 3, 16))
    wrong = flat.copy()
    wrong[7, 2] *= 2
    with pytest.raises(ropewalk.RotationError) as caught:
        assert_chain(wrong, STAGES, q=packed, q_weight=WEIGHT, cu_seqlens=[0, 5, 10], axes="thd")
    assert caught.value.worst["index"][:2] == [7, 2]
    assert caught.value.wrong["q"] == {"batch": "all", "head": [2], "token": [7]}


@pytest.mark.skipif(not ml_dtypes, reason="no ml_dtypes")
def test_eight_bits_are_judged_as_eight_bits():
    stages, scale = [*STAGES, QUANTIZE], numpy.float32(0.05)
    given = {"q": Q.astype(ml_dtypes.bfloat16), "q_weight": WEIGHT, "q_scale": scale, "positions": range(5)}
    want = ropewalk.chain(stages, **given)["q"]
    assert want.dtype == ml_dtypes.float8_e4m3fn
    got = fused.quantized(fused.norm_rope(given["q"].astype("float32"), WEIGHT, range(5)), scale, want.dtype)
    assert_chain(got, stages, **given)
    assert_chain(got, stages, **{**given, "q_scale": float(scale)})
    truncated = fused.quantized(fused.norm_rope(Q, WEIGHT, range(5)), scale * 1.5, want.dtype)
    with pytest.raises(ropewalk.RotationError, match="f8e4m3fn") as caught:
        assert_chain(truncated, stages, **given)
    assert isinstance(caught.value.worst["got"], float)
    with pytest.raises(TypeError, match="output q has dtype f32, f8e4m3fn was asked for"):
        assert_chain(got.astype("float32"), stages, **given)
    named = [*STAGES, {"quantize": {**QUANTIZE["quantize"], "format": ml_dtypes.float8_e4m3fn}}]
    assert_chain(got, named, **given)


@pytest.mark.skipif(not ml_dtypes, reason="no ml_dtypes")
def test_scales_that_are_made_and_caches():
    quantize = {"quantize": {"format": "f8e4m3fn", "scale": "amax", "per": "token", "only": ["k", "v"]}}
    stages = [*STAGES, quantize, {"store": {"block_size": 4, "layout": "NHD"}}]
    k, v = drawn(2, 2, 5, 16, seed=4), drawn(2, 2, 5, 16, seed=5)
    cache = numpy.zeros((4, 4, 2, 16), ml_dtypes.float8_e4m3fn)
    given = dict(q=Q, k=k, v=v, q_weight=WEIGHT, k_weight=WEIGHT, positions=[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]])
    given |= dict(key_cache=cache, value_cache=cache, slots=numpy.array([0, 1, 2, 3, 4, 8, 9, -1, 11, 12]))
    made = ropewalk.chain(stages, **given)
    assert list(made) == ["q", "key_cache", "value_cache", "k_scale", "v_scale"]
    assert made["k_scale"].shape == (2, 2, 5) and made["key_cache"].dtype == cache.dtype
    assert_chain(made, stages, **given)
    # Two rows of a block are exchanged.
    wrong = dict(made, value_cache=made["value_cache"].copy())
    wrong["value_cache"][0, [1, 2]] = made["value_cache"][0, [2, 1]]
    with pytest.raises(ropewalk.RotationError) as caught:
        assert_chain(wrong, stages, **given)
    assert list(caught.value.wrong) == ["value_cache"]
    assert caught.value.wrong["value_cache"]["block"] == [0] and caught.value.wrong["value_cache"]["row"] == ["1..2"]
    turned = {name: part.swapaxes(1, 2) if name in ("q", "k", "v") else part for name, part in given.items()}
    lying = ropewalk.chain(stages, axes="bshd", **turned)
    assert numpy.array_equal(lying["k_scale"], made["k_scale"].swapaxes(1, 2))
    assert_chain(lying, stages, axes="bshd", **turned)


@pytest.mark.skipif(not torch, reason="no torch")
def test_eight_bits_of_torch():
    stages = [*STAGES, QUANTIZE]
    q, weight = torch.from_numpy(Q).bfloat16(), torch.from_numpy(WEIGHT)
    want = ropewalk.chain(stages, q=q, q_weight=weight, q_scale=0.05, positions=range(5))["q"]
    assert want.dtype == torch.float8_e4m3fn
    assert_chain(want, stages, q=q, q_weight=weight, q_scale=0.05, positions=range(5))
    named = [*STAGES, {"quantize": {**QUANTIZE["quantize"], "format": torch.float8_e4m3fn}}]
    assert_chain(want.transpose(1, 2), named, axes="bshd", q=q.transpose(1, 2), q_weight=weight, q_scale=0.05,
                 positions=range(5))  # fmt: skip
    # What goes in as eight bits, too.
    k = torch.from_numpy(drawn(1, 2, 6, 16)).to(torch.float8_e5m2)
    out = ropewalk.attention(k.float(), k, k, causal=True)
    assert out.dtype == torch.float32
    assert_attention(out, k.float(), k, k, causal=True)


@pytest.mark.skipif(not ml_dtypes, reason="no ml_dtypes")
def test_what_is_rotated_into_eight_bits():
    want = ropewalk.rotate(Q, range(5), ROPE, dtype="float8_e4m3fn")
    assert want.dtype == ml_dtypes.float8_e4m3fn
    ropewalk.testing.assert_rotated(want, Q, range(5), ROPE)
    swapped = numpy.ascontiguousarray(want.swapaxes(1, 2))
    ropewalk.testing.assert_rotated(swapped, Q.swapaxes(1, 2), range(5), ROPE, axes="bshd")
    assert ropewalk.rotate(want, range(5), ROPE).dtype == want.dtype
    wrong = want.copy()
    wrong[1, 2, 3] = Q[1, 2, 3].astype(want.dtype)
    with pytest.raises(ropewalk.RotationError) as caught:
        ropewalk.testing.assert_rotated(wrong, Q, range(5), ROPE)
    assert caught.value.wrong == {"batch": [1], "head": [2], "token": [3]}
    with pytest.raises(TypeError, match="allowed are f64, f32, bf16, f16"):
        ropewalk.table(ROPE, range(5), dtype="float8_e4m3fn")


def test_right_attention_passes():
    q, k, v = drawn(2, 4, 6, 16), drawn(2, 2, 6, 16, seed=2), drawn(2, 2, 6, 8, seed=3)
    for how in (
        dict(causal=True),
        dict(causal=True, scale=0.3, softcap=5.0),
        dict(causal=True, window=[2, None], sinks=drawn(4, seed=4)),
        dict(causal=True, alibi={"num_heads": 4, "slopes": "code", "form": "distance"}),
        dict(causal=False, key_lengths=[4, 6]),
        dict(causal=True, rope=ROPE, query_positions=range(10, 16), key_positions=range(10, 16)),
    ):
        out, lse = fused.attention(q, k, v, **how)
        assert_attention(out, q, k, v, **how)
        assert_attention(out, q, k, v, lse=lse, **how)


def test_wrong_attention_is_named():
    q, k, v = drawn(1, 2, 2, 16), drawn(1, 2, 7, 16, seed=2), drawn(1, 2, 7, 16, seed=3)
    how = dict(causal=True, query_positions=[5, 6])
    out, _ = fused.attention(q, k, v, **how)
    assert_attention(out, q, k, v, **how)
    # The mask of the upper left corner.
    wrong, _ = fused.attention(q, k, v, causal=True, query_positions=[0, 1])
    with pytest.raises(ropewalk.RotationError) as caught:
        assert_attention(wrong, q, k, v, **how)
    text = str(caught.value)
    assert "first wrong row: batch 0, head 0, query 0" in text and "What is wrong:" in text, text
    assert caught.value.wrong["out"]["query"] == "all" and caught.value.worst["position"] in (5, 6)


def test_a_logarithm_of_another_format_is_judged_by_itself():
    pytest.importorskip("ml_dtypes")
    q = drawn(1, 2, 6, 16, dtype=ml_dtypes.bfloat16)
    out, lse = fused.attention(*[q.astype("float32")] * 3, causal=True)
    assert_attention(out.astype(q.dtype), q, q, q, lse=lse, causal=True)
    with pytest.raises(ropewalk.RotationError, match="lse"):
        assert_attention(out.astype(q.dtype), q, q, q, lse=lse / numpy.log(numpy.float32(2)), causal=True)


def test_what_cannot_be_judged_does_not_pass():
    nothing = numpy.full_like(Q, numpy.nan)
    with pytest.raises(ropewalk.NotJudged, match="nothing of q can be judged"):
        assert_chain(nothing, STAGES, q=nothing, q_weight=WEIGHT, positions=range(5))
    assert_chain(nothing, STAGES, q=nothing, q_weight=WEIGHT, positions=range(5), allow_unjudged=True)
    # One output of two.
    got = ropewalk.chain(STAGES, q=Q, q_weight=WEIGHT, positions=range(5))["q"]
    with pytest.raises(ropewalk.NotJudged, match="nothing of k can be judged"):
        assert_chain((got, nothing), STAGES, q=Q, k=nothing, q_weight=WEIGHT, k_weight=WEIGHT, positions=range(5))


@pytest.mark.parametrize(
    "error, words, call",
    [
        (ValueError, "q is missing", lambda: assert_chain(Q, STAGES, positions=range(5))),
        (ValueError, "q_weight", lambda: assert_chain(Q, STAGES, q=Q, positions=range(5))),
        (ValueError, "positions", lambda: assert_chain(Q, STAGES, q=Q, q_weight=WEIGHT)),
        (ValueError, "output q has shape", lambda: chained(Q[:1])),
        (TypeError, "output q has dtype f16", lambda: chained(Q.astype("float16"), dtype="f32")),
        (ValueError, "output out is none of this operation", lambda: chained({"q": Q, "out": Q})),
        (ValueError, "output q is missing", lambda: chained({})),
        (ValueError, "q_wait", lambda: chained(Q, q_wait=WEIGHT)),
        (ValueError, "2 tensors, q are the outputs", lambda: chained((Q, Q))),
        (ValueError, "epsilon", lambda: ropewalk.chain([{"norm": {"epsilon": 1}}, {"rotate": ROPE}], q=Q)),
        (TypeError, "stages must be a list", lambda: ropewalk.chain(3, q=Q)),
        (TypeError, "a tensor is needed", lambda: ropewalk.chain(STAGES, q="q")),
        (ValueError, "query_positions is missing", lambda: ropewalk.attention(Q, Q[:, :, :3], Q[:, :, :3])),
        (TypeError, "no masks, allowed are causal", lambda: assert_attention(Q, Q, Q, Q, masks=1)),
        (ValueError, "window", lambda: assert_attention(Q, Q, Q, Q, window=3)),
        (ValueError, "output out has shape", lambda: assert_attention(Q[:1], Q, Q, Q, causal=True)),
        (ValueError, "lse has shape", lambda: assert_attention(Q, Q, Q, Q, lse=Q, causal=True)),
        (ValueError, "profile is", lambda: chained(Q, profile="mine")),
    ],
)
def test_what_does_not_fit_is_said(error, words, call):
    with pytest.raises(error, match=words):
        call()


def chained(actual, **how):
    assert_chain(actual, STAGES, **{"q": Q, "q_weight": WEIGHT, "positions": range(5), **how})


def test_the_program_says_the_same(tmp_path, monkeypatch):
    """`ropewalk judge --operation` and the assertion count the same wrong elements."""
    monkeypatch.chdir(tmp_path)
    got = ropewalk.chain(STAGES, q=Q, q_weight=WEIGHT, positions=range(5))["q"]
    got[1, 2, 3] *= 1.01
    for name, part in (("q", Q), ("w", WEIGHT), ("out", got)):
        numpy.save(f"{name}.npy", part)
    (tmp_path / "fused.json").write_text(json.dumps({"stages": STAGES}))
    words = (
        "judge --operation chain --config fused.json --input q=q.npy --input q_weight=w.npy --answer q=out.npy --json"
    )
    positions = "positions=[[0,1,2,3,4],[0,1,2,3,4]]"
    code, said = fused.program([*words.split(), "--input", positions])
    assert code == 1, said
    counts = json.loads(said.splitlines()[-1])["counts"]
    with pytest.raises(ropewalk.RotationError) as caught:
        assert_chain(got, "fused.json", q=Q, q_weight=WEIGHT, positions=range(5))
    own = caught.value.report.footer["counts"]
    assert own["elements_wrong"] == counts["elements_wrong"] > 0
    assert own["elements_judged"] == counts["elements_judged"]
    assert caught.value.wrong == {"q": {"batch": [1], "head": [2], "token": [3]}}
