/* Threefry2x32 with 20 rounds and the Box-Muller transform; see memneuro/numerics/threefry.py.
 *
 * Only 32-bit additions, rotations and exclusive ors, then double-precision arithmetic without fused operations: NumPy
 * computes the same bits, and a compiler fills vectors with it. Needs elementary.h.
 *
 * With MEMNEURO_SINGLE the transform works in single precision, on the same 64 bits: the same noise to 24 bits. */
#ifndef MEMNEURO_THREEFRY
#define MEMNEURO_THREEFRY

#define _MN_MIX(n) x0 += x1; x1 = (x1 << n) | (x1 >> (32 - n)); x1 ^= x0;
#define _MN_MIX4(a, b, c, d) _MN_MIX(a) _MN_MIX(b) _MN_MIX(c) _MN_MIX(d)

MEMNEURO_FN void _threefry2x32(uint32_t c0, uint32_t c1, uint32_t k0, uint32_t k1, uint32_t *w0, uint32_t *w1)
{
    const uint32_t k2 = 0x1BD11BDAu ^ k0 ^ k1;
    uint32_t x0 = c0 + k0, x1 = c1 + k1;
    _MN_MIX4(13, 15, 26, 6) x0 += k1; x1 += k2 + 1u;
    _MN_MIX4(17, 29, 16, 24) x0 += k2; x1 += k0 + 2u;
    _MN_MIX4(13, 15, 26, 6) x0 += k0; x1 += k1 + 3u;
    _MN_MIX4(17, 29, 16, 24) x0 += k1; x1 += k2 + 4u;
    _MN_MIX4(13, 15, 26, 6) x0 += k2; x1 += k0 + 5u;
    *w0 = x0;
    *w1 = x1;
}

MEMNEURO_FN void _mn_words(int64_t seed, int64_t index, int64_t step, int64_t stream, uint32_t *w0, uint32_t *w1)
{
    _threefry2x32((uint32_t)index, (uint32_t)step, (uint32_t)seed,
                  (uint32_t)stream + ((uint32_t)((uint64_t)step >> 32) << 16), w0, w1);
}

/* Uniform in (0, 1) from 40 bits, by writing a mantissa. */
MEMNEURO_FN double _threefry_uniform(int64_t seed, int64_t index, int64_t step, int64_t stream)
{
    uint32_t w0, w1;
    _mn_words(seed, index, step, stream, &w0, &w1);
    return 2.0 - _mn_double(((uint64_t)w0 << 20) | ((uint64_t)(w1 >> 24) << 12) | 0x3FF0000000000800u);
}

#ifdef MEMNEURO_SINGLE
#define MEMNEURO_NORMAL float

/* u from the complement of the same 40 bits, so that it is exact in the tail, where it is small. */
MEMNEURO_FN float _mn_normal_single(uint32_t w0, uint32_t w1)
{
    const uint32_t c0 = ~w0, c1 = ~w1;
    const float low = ((float)(int32_t)(((c0 & 1u) << 8) | (c1 >> 24)) + 0.5f) * 9.094947017729282e-13f;
    const float u = (float)(int32_t)(c0 >> 1) * 4.656612873077393e-10f + low;
    const float w = ((float)(int32_t)(w1 & 0xFFFFFFu) + 0.5f) * 5.960464477539063e-08f - 0.5f;
    const uint32_t bits = _mn_bits(u), above = bits - 0x3F3504F3u;
    const float m = _mn_float(bits - (above & 0xFF800000u)), k = (float)((int32_t)above >> 23);
    const float s = (m - 1.0f) / (m + 1.0f), z = s * s;
    const float log_u = k * 0.6931471805599453f
                        + (2.0f * s + s * z * (0.6666668506749125f + z * (0.3998876914305572f + z * 0.29580467711170155f)));
    const float v = w * w;
    const float sine = w * (3.1415926400772034f + v * (-5.167710076668315f + v * (2.550077386528912f
                       + v * (-0.5982904112834275f + v * 0.07765591227601387f))));
    return sqrtf(-2.0f * log_u) * sine;
}
#else
#define MEMNEURO_NORMAL double
#endif

MEMNEURO_FN MEMNEURO_NORMAL _threefry_normal(int64_t seed, int64_t index, int64_t step, int64_t stream)
{
    uint32_t w0, w1;
    _mn_words(seed, index, step, stream, &w0, &w1);

#ifdef MEMNEURO_SINGLE
    return _mn_normal_single(w0, w1);
#else
    /* u in (0, 1) from 40 bits, angle pi*w with w in (-1/2, 1/2) from the other 24, by writing mantissas. */
    const uint64_t radius_bits = ((uint64_t)w0 << 20) | ((uint64_t)(w1 >> 24) << 12) | 0x800u;
    const uint64_t angle_bits = ((uint64_t)(w1 & 0xFFFFFFu) << 28) | 0x8000000u;
    const double u = 2.0 - _mn_double(radius_bits | 0x3FF0000000000000u);
    const double w = _mn_double(angle_bits | 0x3FF0000000000000u) - 1.5;

    /* ln u = k ln 2 + ln((1 + s)/(1 - s)), relative error 1e-13 */
    const uint64_t bits = _mn_bits(u), above = bits - 0x3FE6A09E667F3BCDu;
    const double m = _mn_double(bits - (above & 0xFFF0000000000000u));
    const double k = _mn_double((((above >> 52) + 0x800u) & 0xFFFu) | 0x4330000000000000u) - 4503599627372544.0;
    const double s = (m - 1.0) / (m + 1.0), z = s * s;
    const double r = 0.6666666666737688 + z * (0.3999999879489125 + z * (0.2857175503526905 + z * (0.22191369134263433
                     + z * 0.19363269405523553)));
    const double log_u = k * 0.6931471805599453 + (2.0 * s + s * z * r);

    /* sin(pi w), error 1e-13 */
    const double v = w * w;
    const double sine = w * (3.141592653589635 + v * (-5.167712779987959 + v * (2.550164035906745
                        + v * (-0.5992644339357286 + v * (0.08214479467064854 + v * (-0.007364005472115722
                        + v * 0.0004474920849077101))))));
    return sqrt(-2.0 * log_u) * sine;
#endif
}
#endif
