"""Tensors of every kind, right answers in kind, and what is refused."""

import array
import subprocess
import sys

import pytest
from frameworks import drawn, jax, kinds, ml_dtypes, numpy, torch

import ropewalk

CONFIG = {"head_dim": 8, "layout": "half", "rope_theta": 10000}


def tensor(shape=(2, 3, 5, 8), dtype="float32", seed=1):
    return drawn(*shape, dtype=dtype, seed=seed)


def test_the_import_is_quick_and_touches_no_framework():
    code = (
        "import sys, ropewalk; print([m for m in ('numpy', 'torch', 'jax', 'ml_dtypes', 'pytest') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
    resource = pytest.importorskip("resource")

    def seconds(code):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.check_call([sys.executable, "-c", code])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # Of the processor: other processes do not count.
    assert min(seconds("import ropewalk") - seconds("pass") for _ in range(5)) < 0.1


@pytest.mark.parametrize("kind", kinds())
def test_what_comes_back_is_of_the_same_kind(kind):
    q = kind(tensor())
    want = ropewalk.rotate(q, range(5), CONFIG)
    assert type(want) is type(q) and want.shape == q.shape and want.dtype == q.dtype
    cos, sin = ropewalk.table(CONFIG, range(5), like=q)
    assert type(cos) is type(q) and tuple(cos.shape) == (5, 4)
    half = [numpy.asarray(part) for part in (q[..., :4], q[..., 4:])]
    c, s = numpy.asarray(cos), numpy.asarray(sin)
    own = numpy.concatenate([half[0] * c - half[1] * s, half[1] * c + half[0] * s], -1)
    assert numpy.abs(own - numpy.asarray(want)).max() < 1e-6
    assert type(ropewalk.inv_freq(CONFIG, like=q)) is type(q)


@pytest.mark.parametrize("kind", kinds())
def test_views_are_read_as_they_lie(kind):
    plain = tensor((2, 3, 10, 8))
    want = numpy.asarray(ropewalk.rotate(plain, range(10), CONFIG))
    turned = kind(numpy.ascontiguousarray(plain.swapaxes(1, 2)))
    swapped = turned.transpose(1, 2) if torch and isinstance(turned, torch.Tensor) else turned.swapaxes(1, 2)
    assert numpy.array_equal(numpy.asarray(ropewalk.rotate(swapped, range(10), CONFIG)), want)
    assert numpy.array_equal(
        numpy.asarray(ropewalk.rotate(turned, range(10), CONFIG, axes="bshd")), want.swapaxes(1, 2)
    )
    strided = kind(plain)[:, :, ::2]
    assert numpy.array_equal(numpy.asarray(ropewalk.rotate(strided, range(0, 10, 2), CONFIG)), want[:, :, ::2])
    ropewalk.testing.assert_rotated(kind(want)[:, :, ::2], strided, range(0, 10, 2), CONFIG)


def test_backward_and_expanded_views():
    q = tensor((1, 1, 5, 8))
    backward = q[:, :, ::-1]
    same = ropewalk.rotate(numpy.ascontiguousarray(backward), range(5), CONFIG)
    assert numpy.array_equal(ropewalk.rotate(backward, range(5), CONFIG), same)
    wide = numpy.broadcast_to(q, (2, 3, 5, 8))
    assert numpy.array_equal(ropewalk.rotate(wide, range(5), CONFIG)[1, 2], ropewalk.rotate(q, range(5), CONFIG)[0, 0])


def test_byte_order_and_buffers():
    q = tensor((5, 8))
    want = ropewalk.rotate(q, range(5), CONFIG)
    assert numpy.array_equal(ropewalk.rotate(q.astype(">f4"), range(5), CONFIG), want)
    flat = memoryview(array.array("f", q.tobytes() and q.flatten().tolist())).cast("B").cast("f", (5, 8))
    assert numpy.array_equal(ropewalk.rotate(flat, range(5), CONFIG), want)


def test_numbers_and_integers_of_any_kind():
    q = tensor((5, 8))
    want = ropewalk.rotate(q, range(5), CONFIG)
    for kind in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
        assert numpy.array_equal(ropewalk.rotate(q, numpy.arange(5, dtype=kind), CONFIG), want)
    own = dict(CONFIG, head_dim=numpy.int64(8), rope_theta=numpy.float32(10000))
    assert numpy.array_equal(ropewalk.rotate(q, numpy.int32(0), own), want)


class OnlyDlpack:
    def __init__(self, inner):
        self.inner = inner

    def __dlpack__(self, **how):
        return self.inner.__dlpack__(**how)

    def __dlpack_device__(self):
        return self.inner.__dlpack_device__()


def test_dlpack():
    q = tensor((5, 8))
    want = ropewalk.rotate(q, range(5), CONFIG)
    assert numpy.array_equal(ropewalk.rotate(OnlyDlpack(q), range(5), CONFIG), want)
    assert numpy.array_equal(ropewalk.rotate(OnlyDlpack(q[:, ::1][::2]), range(0, 5, 2), CONFIG), want[::2])
    with pytest.raises(TypeError, match="DLPack dtype"):
        ropewalk.rotate(OnlyDlpack(q.astype("int8")), range(5), CONFIG)


@pytest.mark.skipif(not torch, reason="no torch")
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_formats_of_torch(dtype):
    q = torch.from_numpy(tensor()).to(getattr(torch, dtype)).requires_grad_()
    want = ropewalk.rotate(q, range(5), CONFIG)
    assert want.dtype == q.dtype
    exact = ropewalk.rotate(q, range(5), CONFIG, dtype="f64")
    assert torch.equal(exact.to(q.dtype), want)
    ropewalk.testing.assert_rotated(want, q, range(5), CONFIG)


@pytest.mark.skipif(not torch, reason="no torch")
def test_eight_bits_go_in():
    q = torch.from_numpy(tensor((1, 1, 5, 8)))
    for own in (torch.float8_e4m3fn, torch.float8_e5m2):
        narrow = q.to(own)
        want = ropewalk.rotate(narrow.float(), range(5), CONFIG)
        got = ropewalk.rotate(narrow, range(5), CONFIG, dtype="f32")
        assert torch.equal(got, want)
        ropewalk.testing.assert_rotated(want, narrow, range(5), CONFIG)


@pytest.mark.skipif(not ml_dtypes, reason="no ml_dtypes")
def test_bf16_of_numpy():
    q = tensor(dtype=ml_dtypes.bfloat16)
    want = ropewalk.rotate(q, range(5), CONFIG)
    assert want.dtype == ml_dtypes.bfloat16
    ropewalk.testing.assert_rotated(want, q, range(5), CONFIG)


@pytest.mark.skipif(not jax, reason="no JAX")
def test_a_traced_tensor_has_no_numbers():
    with pytest.raises(TypeError, match="traced"):
        jax.jit(lambda q: ropewalk.rotate(q, range(5), CONFIG))(jax.numpy.asarray(tensor()))


def places(axes=1):
    return [
        (range(5), [[0, 1, 2, 3, 4]] * 2),
        (7, [[7, 8, 9, 10, 11]] * 2),
        ([4, 3, 2, 1, 0], [[4, 3, 2, 1, 0]] * 2),
        ([[0, 1, 2, 3, 4], [9, 8, 7, 6, 5]], [[0, 1, 2, 3, 4], [9, 8, 7, 6, 5]]),
        ([range(5), range(3, 8)], [[0, 1, 2, 3, 4], [3, 4, 5, 6, 7]]),
        (numpy.array([[5], [100]]), [[5, 6, 7, 8, 9], [100, 101, 102, 103, 104]]),
        (numpy.arange(10, dtype="int32").reshape(2, 5), [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]),
    ]


@pytest.mark.parametrize("given, meant", places(), ids=[str(i) for i in range(7)])
def test_positions_as_people_have_them(given, meant):
    q = tensor()
    want = numpy.stack([ropewalk.rotate(q[row], meant[row], CONFIG) for row in range(2)])
    assert numpy.array_equal(ropewalk.rotate(q, given, CONFIG), want)
    ropewalk.testing.assert_rotated(want, q, given, CONFIG)


def test_packed_sequences():
    q = tensor((7, 3, 8))
    want = numpy.concatenate([ropewalk.rotate(q[a:b], range(b - a), CONFIG, axes="thd") for a, b in [(0, 2), (2, 7)]])
    for positions in (None, [0, 1, 0, 1, 2, 3, 4], [range(2), range(5)]):
        got = ropewalk.rotate(q, positions, CONFIG, axes="thd", cu_seqlens=[0, 2, 7])
        assert numpy.array_equal(got, want)
    ropewalk.testing.assert_rotated(want, q, None, CONFIG, axes="thd", cu_seqlens=numpy.array([0, 2, 7]))
    with pytest.raises(ValueError, match="cu_seqlens is .*7"):
        ropewalk.rotate(q, None, CONFIG, axes="thd", cu_seqlens=[0, 2, 6])


def test_the_rotated_slice_alone():
    config = dict(CONFIG, head_dim=16, rotary_dim=8, rotary_offset=8)
    q = tensor((3, 5, 16))
    want = ropewalk.rotate(q, range(5), config)
    assert numpy.array_equal(want[..., :8], q[..., :8])
    assert numpy.array_equal(ropewalk.rotate(q[..., 8:], range(5), config), want[..., 8:])


def test_several_axes():
    config = dict(CONFIG, mrope_section=[1, 1, 2])
    q = tensor()
    three = numpy.arange(30).reshape(3, 2, 5)
    want = ropewalk.rotate(q, three, config)
    ropewalk.testing.assert_rotated(want, q, three, config)
    assert not numpy.array_equal(want, ropewalk.rotate(q, three[0], config))
    flat = ropewalk.rotate(q, three[:, 0], config)
    assert numpy.array_equal(flat[0], want[0])


def test_keys_of_xpos_grow_otherwise():
    config = {"head_dim": 8, "layout": "half", "rope_type": "xpos", "rope_theta": 10000, "scale_base": 512}
    q = tensor((5, 8))
    queries, keys = (ropewalk.rotate(q, range(5), config, keys=keys) for keys in (False, True))
    assert not numpy.array_equal(queries, keys)


@pytest.mark.parametrize(
    "error, words, call",
    [
        (ValueError, "last axis", lambda q: ropewalk.rotate(q[..., :6], range(5), CONFIG)),
        (ValueError, "axes is 'bxd'", lambda q: ropewalk.rotate(q, range(5), CONFIG, axes="bxd")),
        (ValueError, "has shape", lambda q: ropewalk.rotate(q, range(5), CONFIG, axes="bsd")),
        (ValueError, "positions are 4", lambda q: ropewalk.rotate(q, range(4), CONFIG)),
        (ValueError, r"allowed are \[5\], \[2, 5\]", lambda q: ropewalk.rotate(q, [1, 2], CONFIG)),
        (ValueError, "ragged", lambda q: ropewalk.rotate(q, [[1, 2], [1]], CONFIG)),
        (TypeError, "integer", lambda q: ropewalk.rotate(q, [0.5] * 5, CONFIG)),
        (TypeError, "integers are needed", lambda q: ropewalk.rotate(q, numpy.ones(5), CONFIG)),
        (ValueError, "not within", lambda q: ropewalk.rotate(q, [2**63] * 5, CONFIG)),
        (ValueError, "not within", lambda q: ropewalk.rotate(q, 2**62, CONFIG)),
        (ValueError, "not within", lambda q: ropewalk.rotate(q, range(2**63, 2**63 + 5), CONFIG)),
        (ValueError, "not within", lambda q: ropewalk.rotate(q, numpy.full(5, 2**64 - 1, "uint64"), CONFIG)),
        (TypeError, "positions is bool, integers", lambda q: ropewalk.rotate(q, numpy.ones(5, bool), CONFIG)),
        (TypeError, "axes is int", lambda q: ropewalk.rotate(q, range(5), CONFIG, axes=4)),
        (TypeError, "layout is int", lambda q: ropewalk.rotate(q, range(5), CONFIG, layout=1)),
        (TypeError, "tensor has integers", lambda q: ropewalk.rotate(q.astype("int64"), range(5), CONFIG)),
        (TypeError, "masked", lambda q: ropewalk.rotate(numpy.ma.masked_array(q), range(5), CONFIG)),
        (ValueError, "config.rope_theta is nan", lambda q: ropewalk.spec(dict(CONFIG, rope_theta=float("nan")))),
        (TypeError, "config.rope_theta is object", lambda q: ropewalk.spec(dict(CONFIG, rope_theta=object()))),
        (ValueError, "like is 'tinygrad'", lambda q: ropewalk.table(CONFIG, range(5), like="tinygrad")),
        (TypeError, "cos is list", lambda q: ropewalk.testing.assert_table([1.0], [0.0], 0, CONFIG)),
        (ValueError, "cos has shape", lambda q: ropewalk.testing.assert_table(q[0, 0, 0, 0], q[0, 0, 0, 0], 0, CONFIG)),
        (TypeError, "model is NoneType", lambda q: ropewalk.watch(None)),
        (TypeError, "int8", lambda q: ropewalk.rotate(q.astype("int8"), range(5), CONFIG)),
        (TypeError, "complex64", lambda q: ropewalk.rotate(q.astype("complex64"), range(5), CONFIG)),
        (TypeError, "a tensor is needed", lambda q: ropewalk.rotate("q", range(5), CONFIG)),
        (ValueError, "rope_thet", lambda q: ropewalk.rotate(q, range(5), dict(CONFIG, rope_thet=1))),
        (ValueError, "layout", lambda q: ropewalk.rotate(q, range(5), {"head_dim": 8, "layout": "halb"})),
        (TypeError, "config is int", lambda q: ropewalk.rotate(q, range(5), 3)),
        (ValueError, "no model is called", lambda q: ropewalk.rotate(q, range(5), "llama-99b")),
        (ValueError, 'direction is "up"', lambda q: ropewalk.rotate(q, range(5), CONFIG, direction="up")),
        (TypeError, "dtype is int32", lambda q: ropewalk.rotate(q, range(5), CONFIG, dtype="int32")),
        (ValueError, "style is", lambda q: ropewalk.table(CONFIG, range(5), style="up")),
    ],
)
def test_what_does_not_fit_is_said(error, words, call):
    with pytest.raises(error, match=words):
        call(tensor())
