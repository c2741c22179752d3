/* A right kernel for ropewalk.h, and one fault for each macro of the command line. */
#include "ropewalk.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef FEATURES
#define FEATURES                                                                                   \
    (ROPEWALK_INT32 | ROPEWALK_INT64 | ROPEWALK_STRIDES | ROPEWALK_IN_PLACE | ROPEWALK_THREADS |   \
     ROPEWALK_PARTIAL | ROPEWALK_SCALED | ROPEWALK_KEYS)
#endif

static int64_t position(const ropewalk_call_t *c, int64_t b, int64_t t) {
    int64_t at = b * c->position_strides[0] + t * c->position_strides[1];
#ifdef NARROW
    return ((const int32_t *)c->positions)[at];
#else
    return c->position_bits == 32 ? ((const int32_t *)c->positions)[at]
                                  : ((const int64_t *)c->positions)[at];
#endif
}

static double load(const ropewalk_call_t *c, const void *from, int64_t at) {
    return c->dtype == ROPEWALK_F64 ? ((const double *)from)[at] : ((const float *)from)[at];
}

static void store(const ropewalk_call_t *c, void *to, int64_t at, double x) {
    if (c->dtype == ROPEWALK_F64)
        ((double *)to)[at] = x;
    else
        ((float *)to)[at] = (float)x;
}

static void one(const ropewalk_call_t *c, const ropewalk_tensor_t *x, int table) {
    int64_t r = c->rotary_dim, D = c->head_dim, planes = r / 2;
    int64_t dense[4] = {x->heads * c->seq * D, c->seq * D, D, 1};
    const int64_t *in = x->in_strides, *out = x->out_strides;
#ifdef DENSE
    in = out = dense;
#endif
    (void)dense;
    for (int64_t b = 0; b < c->batch; b++)
        for (int64_t h = 0; h < x->heads; h++)
            for (int64_t t = 0; t < c->seq; t++) {
                int64_t from = b * in[0] + h * in[1] + t * in[2];
                int64_t to = b * out[0] + h * out[1] + t * out[2];
#ifdef SKIPS_LAST_TOKEN
                if (t > 0 && t == c->seq - 1) continue;
#endif
                for (int64_t d = 0; d < D; d++)
                    if (d < c->rotary_offset || d >= c->rotary_offset + r) {
                        if (c->dtype == ROPEWALK_F64)
                            ((double *)x->out)[to + d] = ((const double *)x->in)[from + d];
                        else
                            ((float *)x->out)[to + d] = ((const float *)x->in)[from + d];
                    }
                for (int64_t i = 0; i < planes; i++) {
                    int64_t u = c->rotary_offset + (c->layout == ROPEWALK_HALF ? i : 2 * i);
                    int64_t v = u + (c->layout == ROPEWALK_HALF ? planes : 1);
                    double co, si, a = table ? 1 : c->attention_factor;
                    if (table) {
                        int64_t at = (b * c->seq + t) * planes + i;
                        co = load(c, c->cos, at), si = load(c, c->sin, at);
                    } else {
                        double angle = position(c, b, t) * c->inv_freq[i];
                        co = cos(angle), si = sin(angle);
                    }
                    if (c->direction != ROPEWALK_FORWARD) si = -si;
                    if (c->direction == ROPEWALK_INVERSE) a = 1 / a;
                    double p = load(c, x->in, from + u), q = load(c, x->in, from + v);
#ifdef OVERWRITES
                    store(c, x->out, to + u, a * (p * co - q * si));
                    p = load(c, x->in, from + u), q = load(c, x->in, from + v);
                    store(c, x->out, to + v, a * (p * si + q * co));
#else
                    store(c, x->out, to + u, a * (p * co - q * si));
                    store(c, x->out, to + v, a * (p * si + q * co));
#endif
                }
            }
#ifdef PAST_END
    ((float *)x->out)[c->batch * x->heads * c->seq * D] = 1;
#endif
#ifdef WRITES_INPUT
    if (x->out != x->in) ((char *)x->in)[0] ^= 1;
#endif
}

static int call(const ropewalk_call_t *c, int table) {
#ifdef SEGFAULT
    if (c->seq > 1) *(volatile int *)8 = 1;
#endif
#ifdef HANG
    if (c->position_bits == 32) sleep(600);
#endif
#ifdef WRITES_POSITIONS
    if (c->positions) ((char *)c->positions)[0] ^= 1;
#endif
    one(c, &c->q, table);
    if (c->k.heads > 0) one(c, &c->k, table);
#ifdef FLAKY
    static int calls = 0;
    if (c->batch * c->seq > 1000 && ++calls % 7 == 0) ((float *)c->q.out)[1234] = 0;
#endif
#ifdef REFUSES
    return ROPEWALK_FAILED;
#endif
    return ROPEWALK_OK;
}

int PREFIX_rotate(const ropewalk_call_t *c) { return call(c, 0); }
int PREFIX_apply(const ropewalk_call_t *c) { return call(c, 1); }

const ropewalk_about_t *PREFIX_about(void) {
    static const ropewalk_about_t about = {
#ifdef OLD
        .version = 99,
#else
        .version = ROPEWALK_VERSION,
#endif
        .dtypes = 1 << ROPEWALK_F32 | 1 << ROPEWALK_F64,
        .layouts = 1 << ROPEWALK_INTERLEAVED | 1 << ROPEWALK_HALF,
        .directions = 7,
        .features = FEATURES,
        .name = "kernel.c",
        .kernel_version = "1",
    };
    return &about;
}
