/* ropewalk.h: the C interface of a kernel that `ropewalk audit --lib ./kernel.so` judges.
 *
 * A library exports ropewalk_about and one or both of ropewalk_rotate and ropewalk_apply; with
 * `--symbol NAME` these are NAME_about, NAME_rotate, NAME_apply, so that one library can hold
 * several kernels. Everything is called from one thread unless ROPEWALK_THREADS is claimed. The
 * library is loaded by a process of its own: it may crash or hang, and is reported as doing so.
 *
 * docs/library-door.md says what is tried beyond plain calls.
 */
#ifndef ROPEWALK_H
#define ROPEWALK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ROPEWALK_VERSION 1

/* Formats of q, k, cos and sin, in and out. */
enum { ROPEWALK_F64 = 0, ROPEWALK_F32 = 1, ROPEWALK_BF16 = 2, ROPEWALK_F16 = 3 };

/* Pair i of a rotated slice: (2i, 2i + 1), or (i, i + rotary_dim / 2). */
enum { ROPEWALK_INTERLEAVED = 0, ROPEWALK_HALF = 1 };

/* With a = attention_factor and R the rotation by +angle (counter-clockwise):
 * a R, its inverse R^T / a, its transpose a R^T. */
enum { ROPEWALK_FORWARD = 0, ROPEWALK_INVERSE = 1, ROPEWALK_BACKWARD = 2 };

/* What a call returns. */
enum {
    ROPEWALK_OK = 0,
    ROPEWALK_UNSUPPORTED = 1, /* a sound call that this kernel does not do */
    ROPEWALK_INVALID = 2,     /* a call that breaks a rule */
    ROPEWALK_FAILED = 3       /* something went wrong inside */
};

/* What is claimed. What is not claimed is not tried. */
enum {
    ROPEWALK_INT32 = 1 << 0,    /* positions of 32 bits, signed */
    ROPEWALK_INT64 = 1 << 1,    /* positions of 64 bits, signed */
    ROPEWALK_STRIDES = 1 << 2,  /* strides are honoured; without it, all tensors are contiguous */
    ROPEWALK_IN_PLACE = 1 << 3, /* out may be in */
    ROPEWALK_THREADS = 1 << 4,  /* several threads may call at once, on tensors of their own */
    ROPEWALK_PARTIAL = 1 << 5,  /* rotary_dim < head_dim, rotary_offset >= 0: the rest is copied */
    ROPEWALK_SCALED = 1 << 6,   /* inv_freq and attention_factor are read, so that every scaling
                                   rule works; without it, only base^(-2i/rotary_dim) is asked */
    ROPEWALK_KEYS = 1 << 7      /* k is rotated too; without it, k.heads is always 0 */
};

typedef struct {
    uint32_t version;      /* ROPEWALK_VERSION */
    uint32_t dtypes;       /* bits 1 << ROPEWALK_F32 ... */
    uint32_t layouts;      /* bits 1 << ROPEWALK_HALF ... */
    uint32_t directions;   /* bits 1 << ROPEWALK_FORWARD ... */
    uint32_t features;     /* the bits above */
    uint32_t max_head_dim; /* 0: no limit */
    int64_t min_position;  /* both 0: no limit but that of their width */
    int64_t max_position;
    const char *name;
    const char *kernel_version; /* may be NULL */
    const char *homepage;       /* may be NULL */
} ropewalk_about_t;

/* [batch, heads, seq, head_dim], read from `in`, written to `out`. Strides are in elements, in
 * the order of the dimensions; the last one is 1. heads == 0: there is no such tensor. */
typedef struct {
    const void *in;
    void *out;
    int64_t in_strides[4];
    int64_t out_strides[4];
    int64_t heads;
} ropewalk_tensor_t;

typedef struct {
    uint32_t version; /* ROPEWALK_VERSION */
    int32_t dtype;
    int32_t layout;
    int32_t direction;
    int64_t batch;
    int64_t seq;
    int64_t head_dim;
    int64_t rotary_dim;    /* coordinates rotary_offset to rotary_offset + rotary_dim turn */
    int64_t rotary_offset; /* and all others are copied */
    ropewalk_tensor_t q;
    ropewalk_tensor_t k;

    /* ropewalk_rotate: the token at [b, t] has position positions[b * strides[0] + t * strides[1]].
     * Pair i turns by position * inv_freq[i]; the turned pair is multiplied by attention_factor.
     * inv_freq holds rotary_dim / 2 correctly rounded doubles, scaling included; rope_theta is
     * the base they came from, and where nothing scales, inv_freq[i] = rope_theta^(-2i/rotary_dim),
     * which a kernel may compute itself. */
    const void *positions;
    int64_t position_strides[2];
    int32_t position_bits; /* 32 or 64 */
    int32_t reserved;
    double rope_theta;
    double attention_factor;
    const double *inv_freq;

    /* ropewalk_apply: pair i of the token at [b, t] turns by the angle whose cosine is
     * cos[(b * seq + t) * rotary_dim / 2 + i], and the sine likewise; both in the call's dtype. */
    const void *cos;
    const void *sin;
} ropewalk_call_t;

const ropewalk_about_t *ropewalk_about(void);
int ropewalk_rotate(const ropewalk_call_t *call);
int ropewalk_apply(const ropewalk_call_t *call);

#ifdef __cplusplus
}
#endif

#endif
