/* Elementary functions from IEEE additions, multiplications, divisions and fused multiply-adds only.
 *
 * Every compiled target therefore computes the same bits, and a compiler can vectorise a loop that calls them: there is
 * no branch, no table, no library call and no state. The equations are in memneuro/numerics/elementary.py.
 *
 * Needs <math.h>, <stdint.h> and <string.h>, included by whoever includes this: Brian2 puts the text in a namespace. */
#ifndef MEMNEURO_ELEMENTARY
#define MEMNEURO_ELEMENTARY

/* Always inlined: one call left in a loop keeps the compiler from vectorising it. */
#if defined(__CUDACC__)
#define MEMNEURO_FN __host__ __device__ static __forceinline__
#elif defined(__GNUC__)
#define MEMNEURO_FN __attribute__((always_inline)) static inline
#else
#define MEMNEURO_FN static inline
#endif

#if defined(__GNUC__) && !defined(__CUDA_ARCH__)
#define MEMNEURO_COPY __builtin_memcpy
#else
#define MEMNEURO_COPY memcpy
#endif

MEMNEURO_FN double _mn_double(uint64_t bits)
{
    double value;
    MEMNEURO_COPY(&value, &bits, sizeof value);
    return value;
}

MEMNEURO_FN uint64_t _mn_bits(double value)
{
    uint64_t bits;
    MEMNEURO_COPY(&bits, &value, sizeof bits);
    return bits;
}

MEMNEURO_FN float _mn_float(uint32_t bits)
{
    float value;
    MEMNEURO_COPY(&value, &bits, sizeof value);
    return value;
}

MEMNEURO_FN uint32_t _mn_bits(float value)
{
    uint32_t bits;
    MEMNEURO_COPY(&bits, &value, sizeof bits);
    return bits;
}

/* Q(f) = (2^f - 1)/f for |f| <= 1/2, relative error 1.4e-15 (double) and 3e-10 before rounding (float). */
MEMNEURO_FN double _mn_exp2_quotient(double f)
{
    double q = fma(7.071010049621724e-09, f, 1.0205961150202628e-07);
    q = fma(q, f, 1.3215451492282766e-06);
    q = fma(q, f, 1.5252672680766572e-05);
    q = fma(q, f, 0.00015403530424965467);
    q = fma(q, f, 0.0013333558201121807);
    q = fma(q, f, 0.009618129107618587);
    q = fma(q, f, 0.05550410866465031);
    q = fma(q, f, 0.24022650695910075);
    return fma(q, f, 0.6931471805599462);
}

MEMNEURO_FN float _mn_exp2_quotient(float f)
{
    float q = fmaf(1.529741310727295e-05f, f, 0.00015461560778872135f);
    q = fmaf(q, f, 0.001333350216258813f);
    q = fmaf(q, f, 0.009618056388057775f);
    q = fmaf(q, f, 0.05550410884014512f);
    q = fmaf(q, f, 0.24022650923651495f);
    return fmaf(q, f, 0.6931471805599453f);
}

/* Where the exponent k does not fit its type (|x| far beyond the limits, or NaN) the value made from it is not used. */
MEMNEURO_FN double _exp_ieee(double x)
{
    const double y = x * 1.4426950408889634, k = rint(y), f = y - k;
    const double p = fma(_mn_exp2_quotient(f), f, 1.0);
    const double e = _mn_double(_mn_bits(p) + ((uint64_t)(int64_t)(int32_t)k << 52));
    return x <= 709.782712893384 ? (x > -708.0 ? e : 0.0) : x * HUGE_VAL;
}

MEMNEURO_FN float _exp_ieee(float x)
{
    const float y = x * 1.44269504f, k = rintf(y), f = y - k;
    const float p = fmaf(_mn_exp2_quotient(f), f, 1.0f);
    const float e = _mn_float(_mn_bits(p) + ((uint32_t)(int32_t)k << 23));
    return x <= 88.7228f ? (x > -87.0f ? e : 0.0f) : x * HUGE_VALF;
}

MEMNEURO_FN double _expm1_ieee(double x)
{
    const double y = x * 1.4426950408889634, k = rint(y), f = y - k;
    const double s = _mn_double(((uint64_t)(int64_t)(int32_t)k << 52) + 0x3FF0000000000000u);
    const double e = fma(s * _mn_exp2_quotient(f), f, s - 1.0);
    return x < 709.0 ? (x > -708.0 ? e : -1.0) : x * HUGE_VAL;
}

MEMNEURO_FN float _expm1_ieee(float x)
{
    const float y = x * 1.44269504f, k = rintf(y), f = y - k;
    const float s = _mn_float(((uint32_t)(int32_t)k << 23) + 0x3F800000u);
    const float e = fmaf(s * _mn_exp2_quotient(f), f, s - 1.0f);
    return x < 88.0f ? (x > -87.0f ? e : -1.0f) : x * HUGE_VALF;
}

/* k ln 2 + ln((1 + s)/(1 - s)), |s| <= 0.172, relative error 4e-18 before rounding */
MEMNEURO_FN double _mn_log_series(double s, double k)
{
    const double z = s * s;
    double r = fma(0.1461712847494767, z, 0.15331666670515035);
    r = fma(r, z, 0.181828907782092);
    r = fma(r, z, 0.22222211112102433);
    r = fma(r, z, 0.2857142862611453);
    r = fma(r, z, 0.399999999998992);
    r = fma(r, z, 0.666666666666667);
    return fma(k, 0.6931471805599453, fma(s * z, r, 2.0 * s));
}

/* x = m 2^k with sqrt(1/2) <= m < sqrt(2), for normal x > 0 */
MEMNEURO_FN double _mn_split(double x, double *k)
{
    const uint64_t bits = _mn_bits(x), above = bits - 0x3FE6A09E667F3BCDu; /* the bits of sqrt(1/2) */
    *k = _mn_double((((above >> 52) + 0x800u) & 0xFFFu) | 0x4330000000000000u) - 4503599627372544.0;
    return _mn_double(bits - (above & 0xFFF0000000000000u));
}

MEMNEURO_FN double _log_ieee(double x)
{
    const bool subnormal = x < 2.2250738585072014e-308;
    double k;
    const double m = _mn_split(subnormal ? x * 18014398509481984.0 : x, &k); /* times 2^54 */
    const double value = _mn_log_series((m - 1.0) / (m + 1.0), subnormal ? k - 54.0 : k);
    return x > 0.0 ? (x < HUGE_VAL ? value : x) : (x == 0.0 ? -HUGE_VAL : _mn_double(0x7FF8000000000000u));
}

MEMNEURO_FN float _log_ieee(float x)
{
    return (float)_log_ieee((double)x);
}

/* About 0 the series in s = x/(2 + x) itself, so that 1 + x need not be formed. */
MEMNEURO_FN double _log1p_ieee(double x)
{
    const bool near = x > -0.29 && x < 0.41;
    double k;
    const double m = _mn_split(1.0 + x, &k);
    const double value = _mn_log_series((near ? x : m - 1.0) / (near ? 2.0 + x : m + 1.0), near ? 0.0 : k);
    return x > -1.0 ? (x < HUGE_VAL ? value : x) : (x == -1.0 ? -HUGE_VAL : _mn_double(0x7FF8000000000000u));
}

MEMNEURO_FN float _log1p_ieee(float x)
{
    return (float)_log1p_ieee((double)x);
}

MEMNEURO_FN double _sinh_ieee(double x)
{
    const double m = _expm1_ieee(x < 0.0 ? -x : x);
    const double value = 0.5 * (m < HUGE_VAL ? m + m / (m + 1.0) : m);
    return x < 0.0 ? -value : value;
}

MEMNEURO_FN float _sinh_ieee(float x)
{
    const float m = _expm1_ieee(x < 0.0f ? -x : x);
    const float value = 0.5f * (m < HUGE_VALF ? m + m / (m + 1.0f) : m);
    return x < 0.0f ? -value : value;
}

MEMNEURO_FN double _cosh_ieee(double x)
{
    const double e = _exp_ieee(x < 0.0 ? -x : x);
    return 0.5 * (e + 1.0 / e);
}

MEMNEURO_FN float _cosh_ieee(float x)
{
    const float e = _exp_ieee(x < 0.0f ? -x : x);
    return 0.5f * (e + 1.0f / e);
}

MEMNEURO_FN double _tanh_ieee(double x)
{
    const double a = x < 0.0 ? -x : x, m = _expm1_ieee(2.0 * (a > 30.0 ? 30.0 : a));
    const double value = m / (m + 2.0);
    return x < 0.0 ? -value : value;
}

MEMNEURO_FN float _tanh_ieee(float x)
{
    const float a = x < 0.0f ? -x : x, m = _expm1_ieee(2.0f * (a > 15.0f ? 15.0f : a));
    const float value = m / (m + 2.0f);
    return x < 0.0f ? -value : value;
}

/* (1 - exp(-z))/z, 1 about z = 0 */
MEMNEURO_FN double _relaxation(double z)
{
    const double y = z * -1.4426950408889634, k = rint(y), f = y - k;
    const double s = _mn_double(((uint64_t)(int64_t)(int32_t)k << 52) + 0x3FF0000000000000u);
    const double e = fma(s * _mn_exp2_quotient(f), f, s - 1.0);
    const double move = z > 708.0 ? -1.0 : (z < -709.0 ? HUGE_VAL : e);
    return fabs(z) < 1e-300 ? 1.0 : -move / z;
}

MEMNEURO_FN float _relaxation(float z)
{
    const float y = z * -1.44269504f, k = rintf(y), f = y - k;
    const float s = _mn_float(((uint32_t)(int32_t)k << 23) + 0x3F800000u);
    const float e = fmaf(s * _mn_exp2_quotient(f), f, s - 1.0f);
    const float move = z > 87.0f ? -1.0f : (z < -88.0f ? HUGE_VALF : e);
    return fabsf(z) < 1e-30f ? 1.0f : -move / z;
}

/* The same with 1/(1 + z + z^2/2 + z^3/6) in place of exp(-z) (for z < 0, its reciprocal at -z). Past 1e6 (1e3 in single
 * precision) the quotient below is 1/z to rounding with its upper polynomial held there, and a power of two before both
 * polynomials keeps the lower one from overflow. One division and no branch: where the value of a condition decides on a
 * divisor, compilers make two divisions. */
MEMNEURO_FN double _relaxation_pade(double z)
{
    const double scale = 3.637978807091713e-12; /* 2^-38 */
    const double size = fabs(z), a = size > 1e6 ? 1e6 : size;
    const double rise = fma(fma(a, 0.16666666666666667 * scale, 0.5 * scale), a, scale);
    return rise / fma(z > 0.0 ? z : 0.0, rise, scale);
}

MEMNEURO_FN float _relaxation_pade(float z)
{
    const float scale = 3.814697265625e-06f; /* 2^-18 */
    const float size = fabsf(z), a = size > 1e3f ? 1e3f : size;
    const float rise = fmaf(fmaf(a, 0.16666667f * scale, 0.5f * scale), a, scale);
    return rise / fmaf(z > 0.0f ? z : 0.0f, rise, scale);
}

/* x within [low, high]; NaN stays NaN. Each line is one instruction where the limits are variables. */
template <typename T, typename Low, typename High> MEMNEURO_FN T _clip_ieee(T x, Low low, High high)
{
    const T lowest = (T)low, highest = (T)high;
    const T above = x < lowest ? lowest : x;
    return above > highest ? highest : above;
}
#endif
