/* A Ropewalk adapter in C and nothing else: rotate in f32. cc -O2 -o adapter adapter.c -lm
 * It checks nothing, so it is asked sound questions only: ropewalk audit --sound --exec ./adapter */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *CLAIM = "{\"protocol\":1,\"kernel\":{\"name\":\"minimal in C\"},\"capabilities\":[{"
    "\"operations\":[\"rotate\"],\"dtypes\":[\"f32\"],\"rope_types\":[\"default\"],\"axes\":[1]}]}";

/* Your kernel goes here: one head of one token, in double precision. */
static void rotate(float *x, double position, double base, long r, int half) {
    for (long i = 0; i < r / 2; i++) {
        double angle = position * pow(base, -2.0 * i / r), c = cos(angle), s = sin(angle);
        float *a = half ? x + i : x + 2 * i, *b = half ? x + i + r / 2 : x + 2 * i + 1;
        double u = *a, v = *b;
        *a = u * c - v * s;
        *b = u * s + v * c;
    }
}

/* What follows `key` in a line of JSON without spaces; NULL if it is not there. */
static const char *after(const char *line, const char *key) {
    const char *found = line ? strstr(line, key) : NULL;
    return found ? found + strlen(key) : NULL;
}

static double number(const char *line, const char *key, double otherwise) {
    const char *text = after(line, key);
    return text ? atof(text) : otherwise;
}

/* Turns the tensor of this name and prints it. `at` has a position for each token. */
static void tensor(const char *name, const char *line, const double *at) {
    char key[8];
    sprintf(key, "\"%s\":{", name);
    const char *json = after(line, key), *bits = after(json, "\"bits\":[");
    long batch, heads, seq, D;
    sscanf(after(json, "\"shape\":["), "%ld,%ld,%ld,%ld", &batch, &heads, &seq, &D);
    long r = number(line, "\"rotary_dim\":", D), start = number(line, "\"rotary_offset\":", 0);
    double base = number(line, "\"rope_theta\":", 0);
    int half = strstr(line, "\"layout\":\"half\"") != NULL;
    float *x = malloc(D * sizeof *x);
    printf("\"%s\":{\"dtype\":\"f32\",\"shape\":[%ld,%ld,%ld,%ld],\"bits\":[", name, batch, heads, seq, D);
    for (long row = 0; row < batch * heads * seq; row++, bits += 8 * D + 3) { /* "…", */
        for (long i = 0; i < D; i++) sscanf(bits + 1 + 8 * i, "%8x", (unsigned *)&x[i]);
        rotate(x + start, at[row / (heads * seq) * seq + row % seq], base, r, half);
        printf(row ? ",\"" : "\"");
        for (long i = 0; i < D; i++) printf("%08x", ((unsigned *)x)[i]);
        printf("\"");
    }
    printf("]}");
    free(x);
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0 && !strstr(line, "\"cmd\":\"stop\"")) {
        if (strstr(line, "\"cmd\":\"start\"")) {
            puts(CLAIM);
        } else {
            int id, forward = !strstr(line, "\"direction\":") || strstr(line, ":\"forward\"");
            const char *name = after(line, "\"id\":"), *p = after(line, "\"positions\":[[");
            const char *end = strstr(p, "]]");
            double *at = malloc((end - p + 1) * sizeof *at), *next = at;
            while (p < end) /* numbers, or strings with numbers, in lists */
                if (strchr("-0123456789", *p)) *next++ = (forward ? 1 : -1) * strtod(p, (char **)&p);
                else p++;
            sscanf(name, "\"%*[^\"]\"%n", &id);
            printf("{\"id\":%.*s,\"output\":{", id, name);
            tensor("q", line, at);
            if (strstr(line, "\"k\":{")) printf(","), tensor("k", line, at);
            printf("}}\n");
            free(at);
        }
        fflush(stdout);
    }
}
