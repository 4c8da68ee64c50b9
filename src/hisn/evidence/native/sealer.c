/* Hash sealed records in bulk: the native twin of pure.py, the same bytes.
 *
 * What comes in was written by our own encoder from hostile values: every length is checked, nothing
 * is trusted to end.  What this file cannot do it refuses, and the pure twin does it.
 * Everything here is restated from FIPS 180-4 (SHA-256), FIPS 202 (SHAKE256) and RFC 4648 (base64url).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DONE = 0, NO_MEMORY = 1, NOT_FRAMED = 2 };
enum { CONSTANT = 0, COLUMN = 1, RAW = 2 };
enum { SALT = 16, DIGEST = 32, BLOCK = 64, START = 32, RATE = 136, MAX_DIGITS = 64, LANES = 4, SLACK = 4 };

/* ---- SHA-256 ------------------------------------------------------------------------------- */

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
static const uint32_t INITIAL[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/* Hash `blocks` blocks of one message, or of two at a time, into their states. */
typedef struct {
    void (*one)(uint32_t h[8], const uint8_t *p, size_t blocks);
    void (*two)(uint32_t h[2][8], const uint8_t *const p[2], size_t blocks);
    void (*permute)(uint64_t state[25][LANES]);
    void (*encode)(const uint8_t *in, size_t size, uint8_t *out); /* may read `SLACK` bytes behind `in` */
} Engine;

static uint32_t rotr(uint32_t x, int n) { return x >> n | x << (32 - n); }

#define ROUND(a, b, c, d, e, f, g, h, i)                                                             \
    h += (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i];              \
    d += h;                                                                                          \
    h += (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))

static void one_portable(uint32_t state[8], const uint8_t *p, size_t blocks) {
    for (; blocks; blocks--, p += BLOCK) {
        uint32_t w[64], a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
        for (int i = 16; i < 64; i++) {
            uint32_t x = w[i - 15], y = w[i - 2];
            w[i] = w[i - 16] + (rotr(x, 7) ^ rotr(x, 18) ^ x >> 3) + w[i - 7] + (rotr(y, 17) ^ rotr(y, 19) ^ y >> 10);
        }
        for (int i = 0; i < 64; i += 8) {
            ROUND(a, b, c, d, e, f, g, h, i);
            ROUND(h, a, b, c, d, e, f, g, i + 1);
            ROUND(g, h, a, b, c, d, e, f, i + 2);
            ROUND(f, g, h, a, b, c, d, e, i + 3);
            ROUND(e, f, g, h, a, b, c, d, i + 4);
            ROUND(d, e, f, g, h, a, b, c, i + 5);
            ROUND(c, d, e, f, g, h, a, b, i + 6);
            ROUND(b, c, d, e, f, g, h, a, i + 7);
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

static void two_portable(uint32_t h[2][8], const uint8_t *const p[2], size_t blocks) {
    one_portable(h[0], p[0], blocks);
    one_portable(h[1], p[1], blocks);
}

/* ---- Keccak-f[1600], four states side by side ------------------------------------------------ */

typedef uint64_t Lanes __attribute__((vector_size(8 * LANES)));

#define ROTL(x, n) ((x) << (n) | (x) >> (64 - (n)))
#define PERMUTE(state)                                                                             \
    static const uint64_t RC[24] = {                                                               \
        0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,            \
        0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,            \
        0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,            \
        0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,            \
        0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,            \
        0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};           \
    static const uint8_t TURN[25] = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,           \
                                     25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};              \
    Lanes a[25], b[25], c[5], d[5];                                                                \
    memcpy(a, state, sizeof a);                                                                    \
    for (int round = 0; round < 24; round++) {                                                     \
        _Pragma("GCC unroll 5") for (int x = 0; x < 5; x++)                                        \
            c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];                            \
        _Pragma("GCC unroll 5") for (int x = 0; x < 5; x++)                                        \
            d[x] = c[(x + 4) % 5] ^ ROTL(c[(x + 1) % 5], 1);                                       \
        b[0] = a[0] ^ d[0];                                                                        \
        _Pragma("GCC unroll 25") for (int i = 1; i < 25; i++) {                                    \
            Lanes t = a[i] ^ d[i % 5];                                                             \
            b[(i / 5 + 5 * ((2 * (i % 5) + 3 * (i / 5)) % 5))] = ROTL(t, TURN[i]);                 \
        }                                                                                          \
        _Pragma("GCC unroll 25") for (int i = 0; i < 25; i++)                                      \
            a[i] = b[i] ^ (~b[i / 5 * 5 + (i + 1) % 5] & b[i / 5 * 5 + (i + 2) % 5]);              \
        a[0] ^= RC[round];                                                                         \
    }                                                                                              \
    memcpy(state, a, sizeof a)

static void permute_portable(uint64_t state[25][LANES]) { PERMUTE(state); }

/* ---- base64url ------------------------------------------------------------------------------ */

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t chars_for(size_t size) { return (size * 4 + 2) / 3; }

static void encode_portable(const uint8_t *in, size_t size, uint8_t *out) {
    for (; size >= 3; size -= 3, in += 3, out += 4) {
        uint32_t v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        out[0] = (uint8_t)DIGITS[v >> 18];
        out[1] = (uint8_t)DIGITS[v >> 12 & 63];
        out[2] = (uint8_t)DIGITS[v >> 6 & 63];
        out[3] = (uint8_t)DIGITS[v & 63];
    }
    if (size) {
        uint32_t v = (uint32_t)in[0] << 16 | (size > 1 ? (uint32_t)in[1] << 8 : 0);
        out[0] = (uint8_t)DIGITS[v >> 18];
        out[1] = (uint8_t)DIGITS[v >> 12 & 63];
        if (size > 1) out[2] = (uint8_t)DIGITS[v >> 6 & 63];
    }
}

/* ---- What x86-64 processors have of their own ------------------------------------------------ */

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define WITH_SHA __attribute__((target("sha,ssse3,sse4.1")))

WITH_SHA static inline __attribute__((always_inline)) void rounds_of(
    uint32_t *const h[], const uint8_t *const from[], size_t blocks, const int lanes) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i abef[2], cdgh[2];
    const uint8_t *p[2];
    for (int j = 0; j < lanes; j++) {
        __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)h[j]), 0xb1);
        __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(h[j] + 4)), 0x1b);
        abef[j] = _mm_alignr_epi8(low, high, 8);
        cdgh[j] = _mm_blend_epi16(high, low, 0xf0);
        p[j] = from[j];
    }
    for (; blocks; blocks--) {
        __m128i w[2][4], x[2], y[2];
        for (int j = 0; j < lanes; j++) {
            for (int i = 0; i < 4; i++)
                w[j][i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(p[j] + 16 * i)), swap);
            x[j] = abef[j];
            y[j] = cdgh[j];
            p[j] += BLOCK;
        }
        _Pragma("GCC unroll 16") for (int i = 0; i < 16; i++) {
            for (int j = 0; j < lanes; j++) {
                __m128i *v = w[j], m = _mm_add_epi32(v[i & 3], _mm_loadu_si128((const __m128i *)(K + 4 * i)));
                y[j] = _mm_sha256rnds2_epu32(y[j], x[j], m);
                x[j] = _mm_sha256rnds2_epu32(x[j], y[j], _mm_shuffle_epi32(m, 0x0e));
                if (i < 12)
                    v[i & 3] = _mm_sha256msg2_epu32(
                        _mm_add_epi32(_mm_sha256msg1_epu32(v[i & 3], v[(i + 1) & 3]),
                                      _mm_alignr_epi8(v[(i + 3) & 3], v[(i + 2) & 3], 4)),
                        v[(i + 3) & 3]);
            }
        }
        for (int j = 0; j < lanes; j++) {
            abef[j] = _mm_add_epi32(abef[j], x[j]);
            cdgh[j] = _mm_add_epi32(cdgh[j], y[j]);
        }
    }
    for (int j = 0; j < lanes; j++) {
        __m128i feba = _mm_shuffle_epi32(abef[j], 0x1b), dchg = _mm_shuffle_epi32(cdgh[j], 0xb1);
        _mm_storeu_si128((__m128i *)h[j], _mm_blend_epi16(feba, dchg, 0xf0));
        _mm_storeu_si128((__m128i *)(h[j] + 4), _mm_alignr_epi8(dchg, feba, 8));
    }
}

WITH_SHA static void one_native(uint32_t h[8], const uint8_t *p, size_t blocks) {
    rounds_of((uint32_t *const[]){h}, (const uint8_t *const[]){p}, blocks, 1);
}

WITH_SHA static void two_native(uint32_t h[2][8], const uint8_t *const p[2], size_t blocks) {
    rounds_of((uint32_t *const[]){h[0], h[1]}, p, blocks, 2);
}

/* Twelve bytes to sixteen digits: spread the bits, then shift each range of digits to its letters. */
__attribute__((target("ssse3"))) static void encode_ssse3(const uint8_t *in, size_t size, uint8_t *out) {
    const __m128i spread = _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
    const __m128i shifts = _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                         '0' - 52, '0' - 52, '0' - 52, '-' - 62, '_' - 63, 'A', 0, 0);
    for (; size >= 12; size -= 12, in += 12, out += 16) {
        __m128i v = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)in), spread);
        __m128i odd = _mm_mulhi_epu16(_mm_and_si128(v, _mm_set1_epi32(0x0fc0fc00)), _mm_set1_epi32(0x04000040));
        __m128i even = _mm_mullo_epi16(_mm_and_si128(v, _mm_set1_epi32(0x003f03f0)), _mm_set1_epi32(0x01000010));
        __m128i digit = _mm_or_si128(odd, even);
        __m128i is_upper = _mm_and_si128(_mm_cmpgt_epi8(_mm_set1_epi8(26), digit), _mm_set1_epi8(13));
        __m128i range = _mm_or_si128(_mm_subs_epu8(digit, _mm_set1_epi8(51)), is_upper);
        _mm_storeu_si128((__m128i *)out, _mm_add_epi8(digit, _mm_shuffle_epi8(shifts, range)));
    }
    encode_portable(in, size, out);
}

__attribute__((target("avx2"))) static void permute_avx2(uint64_t state[25][LANES]) { PERMUTE(state); }
#endif

static Engine engine(int portable) {
    Engine found = {one_portable, two_portable, permute_portable, encode_portable};
    if (portable) return found;
#if defined(__x86_64__)
    unsigned a, b, c, d;
    int has_ssse3 = __builtin_cpu_supports("ssse3"), has_sse41 = __builtin_cpu_supports("sse4.1");
    if (has_ssse3) found.encode = encode_ssse3;
    if (has_ssse3 && has_sse41 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & 1u << 29) {
        found.one = one_native;
        found.two = two_native;
    }
    if (__builtin_cpu_supports("avx2")) found.permute = permute_avx2;
#endif
    return found;
}

/* ---- Messages that end with their padding ---------------------------------------------------- */

static void put_words(uint8_t out[DIGEST], const uint32_t h[8]) {
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 4; j++) out[4 * i + j] = (uint8_t)(h[i] >> (24 - 8 * j));
}

static size_t blocks_for(size_t size) { return (size + 9 + BLOCK - 1) / BLOCK; }

/* Write SHA-256's padding behind `size` bytes at `p`, of a message of `total` bytes. */
static void pad(uint8_t *p, size_t size, uint64_t total) {
    uint8_t *end = p + blocks_for(size) * BLOCK;
    memset(p + size, 0, (size_t)(end - p) - size);
    p[size] = 0x80;
    for (int i = 0; i < 8; i++) end[-1 - i] = (uint8_t)(total * 8 >> 8 * i);
}

/* A message to hash: up to three runs of whole blocks, the last of them padded. */
typedef struct {
    struct {
        const uint8_t *p;
        size_t blocks;
    } runs[3];
    uint8_t *out;
} Job;

/* Hash messages two at a time, however long each is: processors hide one's waits behind the other. */
static void hash_all(const Engine *e, const Job *jobs, size_t count) {
    const Job *end = jobs + count, *job[2] = {NULL, NULL};
    const uint8_t *p[2] = {NULL, NULL};
    size_t left[2] = {0, 0};
    uint32_t h[2][8];
    int run[2] = {0, 0};
    for (;;) {
        for (int j = 0; j < 2; j++) {
            while (!left[j]) {
                if (!job[j]) {
                    if (jobs == end) break;
                    job[j] = jobs++;
                    run[j] = 0;
                    memcpy(h[j], INITIAL, sizeof h[j]);
                } else if (++run[j] == 3) {
                    put_words(job[j]->out, h[j]);
                    job[j] = NULL;
                    continue;
                }
                p[j] = job[j]->runs[run[j]].p;
                left[j] = job[j]->runs[run[j]].blocks;
            }
        }
        if (!left[0] && !left[1]) return;
        int lone = !left[0] ? 1 : 0;
        size_t step = !left[0] || !left[1] ? left[lone] : left[0] < left[1] ? left[0] : left[1];
        if (left[0] && left[1]) {
            e->two(h, p, step);
            p[1] += step * BLOCK;
            left[1] -= step;
        } else {
            e->one(h[lone], p[lone], step);
        }
        p[lone] += step * BLOCK;
        left[lone] -= step;
    }
}

static Job padded_job(const uint8_t *padded, size_t size, uint8_t *out) {
    return (Job){{{padded, blocks_for(size)}, {NULL, 0}, {NULL, 0}}, out};
}

typedef struct {
    uint8_t first[BLOCK], last[2 * BLOCK];
} Edges;

/* Salt and record as one message, without a copy of the record but for its edges. */
static Job salted_job(const uint8_t salt[SALT], const uint8_t *raw, size_t size, Edges *edges, uint8_t *out) {
    Job job = {{{edges->first, 0}, {NULL, 0}, {edges->last, 0}}, out};
    uint64_t total = (uint64_t)SALT + size;
    size_t left = SALT + size;
    uint8_t *last = edges->last;
    if (left >= BLOCK) {
        memcpy(edges->first, salt, SALT);
        memcpy(edges->first + SALT, raw, BLOCK - SALT);
        raw += BLOCK - SALT;
        left -= BLOCK;
        job.runs[0].blocks = 1;
        job.runs[1].p = raw;
        job.runs[1].blocks = left / BLOCK;
        raw += left / BLOCK * BLOCK;
        left %= BLOCK;
        if (left) memcpy(last, raw, left);
    } else {
        memcpy(last, salt, SALT);
        if (size) memcpy(last + SALT, raw, size);
    }
    pad(last, left, total);
    job.runs[2].blocks = blocks_for(left);
    return job;
}

/* ---- Salts ---------------------------------------------------------------------------------- */

static const char SALT_LABEL[] = "hisn salt/1\n", RAW_LABEL[] = "hisn raw salt/1\n";

static void put_little(uint8_t *out, uint64_t word) {
    for (int i = 0; i < 8; i++) out[i] = (uint8_t)(word >> 8 * i);
}

/* SHAKE256(label, key, index) for four indexes at once: `size` bytes, a multiple of 8, at `out[lane]`. */
static void salts_of(const Engine *e, const char *label, const uint8_t key[32], const uint64_t index[LANES],
                     uint8_t *const out[LANES], size_t size) {
    uint64_t state[25][LANES];
    size_t named = strlen(label);
    memset(state, 0, sizeof state);
    for (int lane = 0; lane < LANES; lane++) {
        uint8_t block[RATE] = {0};
        memcpy(block, label, named);
        memcpy(block + named, key, 32);
        for (int i = 0; i < 8; i++) block[named + 32 + i] = (uint8_t)(index[lane] >> (56 - 8 * i));
        block[named + 40] = 0x1f;
        block[RATE - 1] |= 0x80;
        for (int i = 0; i < RATE; i++) state[i / 8][lane] |= (uint64_t)block[i] << 8 * (i % 8);
    }
    for (size_t at = 0; at < size; at += RATE) {
        size_t part = size - at < RATE ? size - at : RATE;
        e->permute(state);
        for (int lane = 0; lane < LANES; lane++)
            for (size_t i = 0; i < part; i += 8) put_little(out[lane] + at + i, state[i / 8][lane]);
    }
}

/* The first 32 characters of a disclosure: base64url of `["` and the salt's own base64url. */
static void encode_start(const Engine *e, const uint8_t *salt, uint8_t out[START]) {
    uint8_t opened[START - START / 4 + SLACK] = "[\"";
    e->encode(salt, SALT, opened + 2);
    e->encode(opened, START - START / 4, out);
}

/* ---- Slots: one message each, of which a row changes only what differs from the row before ---- */

typedef struct {
    const uint8_t *value; /* what was encoded last, in the caller's memory */
    size_t size;
    uint8_t *message;
    size_t room, length; /* length 0: nothing was encoded yet */
    uint8_t rest[2];     /* the head's last bytes, which fill no group of three */
    size_t rest_size, head_chars;
} Slot;

typedef struct {
    uint8_t *p;
    size_t room;
} Scratch;

static int grow(uint8_t **memory, size_t *room, size_t wanted, size_t kept) {
    if (wanted <= *room) return DONE;
    uint8_t *larger = malloc(2 * wanted);
    if (!larger) return NO_MEMORY;
    if (kept) memcpy(larger, *memory, kept);
    free(*memory);
    *memory = larger;
    *room = 2 * wanted;
    return DONE;
}

static int start_slot(Slot *slot, const uint8_t *head, size_t size) {
    size_t whole = size / 3 * 3;
    slot->rest_size = size - whole;
    slot->head_chars = whole / 3 * 4;
    memcpy(slot->rest, head + whole, slot->rest_size);
    if (grow(&slot->message, &slot->room, START + slot->head_chars + 2 * BLOCK, 0)) return NO_MEMORY;
    encode_portable(head, whole, slot->message + START);
    return DONE;
}

/* Encode what follows the head, and `close`; the padding goes behind it. */
static int set_value(const Engine *e, Slot *slot, const uint8_t *value, size_t size, const char *close, Scratch *scratch) {
    size_t closing = strlen(close), tail = slot->rest_size + size + closing, start = START + slot->head_chars;
    size_t length = start + chars_for(tail);
    if (slot->length && size == slot->size && !memcmp(value, slot->value, size)) return DONE;
    if (grow(&scratch->p, &scratch->room, tail + SLACK, 0)) return NO_MEMORY;
    if (grow(&slot->message, &slot->room, length + 2 * BLOCK, start)) return NO_MEMORY;
    memcpy(scratch->p, slot->rest, slot->rest_size);
    memcpy(scratch->p + slot->rest_size, value, size);
    memcpy(scratch->p + slot->rest_size + size, close, closing);
    e->encode(scratch->p, tail, slot->message + start);
    pad(slot->message, length, length);
    slot->length = length;
    slot->value = value;
    slot->size = size;
    return DONE;
}

/* ---- JSON as our encoder writes it: [[cell,...],...] ------------------------------------------ */

typedef struct {
    const uint8_t *at;
    size_t size;
} Cell;

static const uint8_t *skip_scalar(const uint8_t *p, const uint8_t *end) {
    if (p < end && *p == '"') {
        for (p++; p < end; p++) {
            const uint8_t *quote = memchr(p, '"', (size_t)(end - p)), *back = quote;
            if (!quote) return NULL;
            while (back > p && back[-1] == '\\') back--;
            p = quote;
            if ((quote - back) % 2 == 0) return p + 1;
        }
        return NULL;
    }
    const uint8_t *start = p;
    while (p < end && *p != ',' && *p != ']' && *p != '[') p++;
    /* A longer integer is sealed as text: that is left to the twin. `-` counts, which errs to its side. */
    return p == start || p - start > MAX_DIGITS ? NULL : p;
}

static const uint8_t *skip_cell(const uint8_t *p, const uint8_t *end) {
    if (p >= end || *p != '[') return skip_scalar(p, end);
    if (++p < end && *p == ']') return p + 1;
    for (;;) {
        p = skip_scalar(p, end);
        if (!p || p >= end) return NULL;
        if (*p == ']') return p + 1;
        if (*p++ != ',') return NULL;
    }
}

static int find_cells(const uint8_t *p, size_t size, size_t columns, size_t rows, Cell *cells) {
    const uint8_t *end = p + size;
    if (!size || *p++ != '[') return NOT_FRAMED;
    for (size_t column = 0; column < columns; column++) {
        if (p >= end || *p++ != '[') return NOT_FRAMED;
        for (size_t row = 0; row < rows; row++) {
            const uint8_t *after = skip_cell(p, end);
            if (!after || after >= end || *after != (row + 1 < rows ? ',' : ']')) return NOT_FRAMED;
            *cells++ = (Cell){p, (size_t)(after - p)};
            p = after + 1;
        }
        if (p >= end || *p++ != (column + 1 < columns ? ',' : ']')) return NOT_FRAMED;
    }
    return p == end ? DONE : NOT_FRAMED;
}

/* ---- What Python calls ----------------------------------------------------------------------- */

typedef struct {
    const uint8_t *key;
    const uint64_t *indexes;
    size_t rows;
    const uint8_t *const *raws;
    const size_t *raw_sizes;
} Records;

/* Rows are sealed in groups of four, as many as there are Keccak lanes. */
typedef struct {
    size_t row, rows; /* the first row of the group, and how many it has */
    uint8_t *salts;   /* 16 bytes for each slot of each row */
    uint8_t raw_salts[LANES * SALT];
    uint8_t raw_digests[LANES * DIGEST];
} Group;

static void salt_group(const Engine *e, const Records *r, Group *group, size_t slots) {
    uint64_t index[LANES];
    uint8_t *out[LANES], *raw_out[LANES];
    Edges edges[LANES];
    Job jobs[LANES];
    for (size_t lane = 0; lane < LANES; lane++) {
        /* Behind the end, the last row stands in. */
        index[lane] = r->indexes[group->row + (lane < group->rows ? lane : group->rows - 1)];
        out[lane] = group->salts + lane * SALT * slots;
        raw_out[lane] = group->raw_salts + lane * SALT;
    }
    if (slots) salts_of(e, SALT_LABEL, r->key, index, out, SALT * slots);
    salts_of(e, RAW_LABEL, r->key, index, raw_out, SALT);
    for (size_t lane = 0; lane < group->rows; lane++) {
        size_t row = group->row + lane;
        jobs[lane] = salted_job(raw_out[lane], r->raws[row], r->raw_sizes[row], edges + lane,
                                group->raw_digests + DIGEST * lane);
    }
    hash_all(e, jobs, group->rows);
}

/* The value of `_raw`: length and salted digest, as a JSON string. */
static size_t raw_text(size_t size, const uint8_t digest[DIGEST], uint8_t out[96]) {
    static const char HEX[] = "0123456789abcdef";
    uint8_t reversed[24];
    size_t digits = 0, at = 0;
    do reversed[digits++] = (uint8_t)('0' + size % 10);
    while (size /= 10);
    out[at++] = '"';
    while (digits) out[at++] = reversed[--digits];
    out[at++] = ' ';
    for (int i = 0; i < DIGEST; i++) {
        out[at++] = (uint8_t)HEX[digest[i] >> 4];
        out[at++] = (uint8_t)HEX[digest[i] & 15];
    }
    out[at++] = '"';
    return at;
}

/* What one call works with. */
typedef struct {
    const uint8_t *kinds;
    size_t count;
    Slot *slots;
    Cell *cells;
    Job *jobs;
    uint8_t *leaves; /* four messages of leaves, `leaf_room` bytes each */
    size_t leaf_room;
    Group group;
    Scratch scratch;
} Work;

static int seal_row(const Engine *e, const Records *r, Work *work, size_t lane) {
    const Cell *cell = work->cells + work->group.row + lane;
    const uint8_t *salts = work->group.salts + lane * SALT * work->count;
    uint8_t *digests = work->leaves + lane * work->leaf_room + 7, text[96];
    for (size_t at = 0; at < work->count; at++) {
        Slot *slot = work->slots + at;
        int failed = DONE;
        if (work->kinds[at] == COLUMN) {
            failed = set_value(e, slot, cell->at, cell->size, "]", &work->scratch);
            cell += r->rows;
        } else if (work->kinds[at] == RAW) {
            slot->length = 0; /* `text` is another one in each row: nothing to compare with */
            size_t size = raw_text(r->raw_sizes[work->group.row + lane], work->group.raw_digests + DIGEST * lane, text);
            failed = set_value(e, slot, text, size, "]", &work->scratch);
        }
        if (failed) return failed;
        encode_start(e, salts + SALT * at, slot->message);
        work->jobs[at] = padded_job(slot->message, slot->length, digests + DIGEST * at);
    }
    hash_all(e, work->jobs, work->count);
    return DONE;
}

static int seal_rows(const Engine *e, const Records *r, Work *work, uint8_t *out) {
    size_t leaf_size = 7 + DIGEST * work->count;
    Job jobs[LANES];
    for (size_t lane = 0; lane < LANES; lane++) {
        memcpy(work->leaves + lane * work->leaf_room, "\0evt/1\n", 7);
        pad(work->leaves + lane * work->leaf_room, leaf_size, leaf_size);
    }
    for (size_t row = 0; row < r->rows; row += LANES) {
        work->group.row = row;
        work->group.rows = r->rows - row < LANES ? r->rows - row : LANES;
        salt_group(e, r, &work->group, work->count);
        for (size_t lane = 0; lane < work->group.rows; lane++) {
            if (seal_row(e, r, work, lane)) return NO_MEMORY;
            jobs[lane] = padded_job(work->leaves + lane * work->leaf_room, leaf_size, out + DIGEST * (row + lane));
        }
        hash_all(e, jobs, work->group.rows);
    }
    return DONE;
}

/* Leaf hashes of `rows` events of one layout.  `heads` are joined, `head_ends[i]` is where the i-th
 * ends; `values` is the JSON of the columns.  Returns 0, or why it was not done. */
int hisn_seal_fields(const uint8_t *key, const uint64_t *indexes, size_t rows, const uint8_t *const *raws,
                     const size_t *raw_sizes, const uint8_t *kinds, const uint8_t *heads, const size_t *head_ends,
                     size_t count, const uint8_t *values, size_t values_size, int portable, uint8_t *out) {
    const Engine e = engine(portable);
    const Records records = {key, indexes, rows, raws, raw_sizes};
    Work work = {.kinds = kinds, .count = count, .leaf_room = DIGEST * count + 2 * BLOCK};
    size_t columns = 0, start = 0;
    int failed = NO_MEMORY;
    if (!rows || !count) return rows ? NOT_FRAMED : DONE;
    for (size_t at = 0; at < count; at++) columns += kinds[at] == COLUMN;
    work.slots = calloc(count, sizeof *work.slots);
    work.cells = calloc(columns * rows + 1, sizeof *work.cells);
    work.jobs = malloc(count * sizeof *work.jobs);
    work.leaves = malloc(LANES * work.leaf_room);
    work.group.salts = malloc(LANES * SALT * count + SLACK);
    if (work.slots && work.cells && work.jobs && work.leaves && work.group.salts)
        failed = find_cells(values, values_size, columns, rows, work.cells);
    for (size_t at = 0; at < count && !failed; at++) {
        failed = start_slot(work.slots + at, heads + start, head_ends[at] - start);
        if (!failed && kinds[at] == CONSTANT)
            failed = set_value(&e, work.slots + at, (const uint8_t *)"", 0, "", &work.scratch);
        start = head_ends[at];
    }
    if (!failed) failed = seal_rows(&e, &records, &work, out);
    for (size_t at = 0; work.slots && at < count; at++) free(work.slots[at].message);
    free(work.slots);
    free(work.cells);
    free(work.jobs);
    free(work.leaves);
    free(work.group.salts);
    free(work.scratch.p);
    return failed;
}

/* Leaf hashes of `rows` records that can be shown as wholes only. */
int hisn_seal_whole(const uint8_t *key, const uint64_t *indexes, size_t rows, const uint8_t *const *raws,
                    const size_t *raw_sizes, int portable, uint8_t *out) {
    const Engine e = engine(portable);
    const Records records = {key, indexes, rows, raws, raw_sizes};
    uint8_t leaves[LANES][BLOCK];
    Group group = {.salts = NULL};
    Job jobs[LANES];
    for (size_t row = 0; row < rows; row += LANES) {
        group.row = row;
        group.rows = rows - row < LANES ? rows - row : LANES;
        salt_group(&e, &records, &group, 0);
        for (size_t lane = 0; lane < group.rows; lane++) {
            memcpy(leaves[lane], "\0whl/1\n", 7);
            memcpy(leaves[lane] + 7, group.raw_digests + DIGEST * lane, DIGEST);
            pad(leaves[lane], 7 + DIGEST, 7 + DIGEST);
            jobs[lane] = padded_job(leaves[lane], 7 + DIGEST, out + DIGEST * (row + lane));
        }
        hash_all(&e, jobs, group.rows);
    }
    return DONE;
}

/* RFC 6962 root over `count` leaf hashes, level by level in `nodes`, which it overwrites. */
int hisn_root(uint8_t *nodes, size_t count, int portable, uint8_t *out) {
    const Engine e = engine(portable);
    uint8_t node[LANES][2 * BLOCK];
    Job jobs[LANES];
    if (!count) return NOT_FRAMED;
    for (int j = 0; j < LANES; j++) {
        node[j][0] = 1;
        pad(node[j], 1 + 2 * DIGEST, 1 + 2 * DIGEST);
    }
    for (; count > 1; count = count / 2 + count % 2) {
        size_t pairs = count / 2, width;
        for (size_t at = 0; at < pairs; at += width) {
            width = pairs - at < LANES ? pairs - at : LANES;
            for (size_t j = 0; j < width; j++) {
                memcpy(node[j] + 1, nodes + 2 * DIGEST * (at + j), 2 * DIGEST);
                jobs[j] = padded_job(node[j], 1 + 2 * DIGEST, nodes + DIGEST * (at + j));
            }
            hash_all(&e, jobs, width);
        }
        if (count % 2) memmove(nodes + DIGEST * pairs, nodes + DIGEST * (count - 1), DIGEST);
    }
    memcpy(out, nodes, DIGEST);
    return DONE;
}
