/* The noisy 1M1T1R neuron (device `hopping`) written by hand: how fast can it be on one core?
 *
 * The same equations and the same scheme (exponential midpoint) as memneuro, but nothing general: parameters are
 * constants of the run, arguments are known to stay within the range of exp, the noise comes from a generator with state
 * (xoshiro256+, Blackman and Vigna 2021, doi:10.1145/3460772) of which both variates of each Box-Muller pair are used,
 * fused multiply-adds are left to the compiler, and the step is cut into short loops over blocks that stay in the
 * first-level cache, so that the processor works on several neurons at once.
 *
 *     g++ -std=c++17 -O3 -march=native -fno-math-errno -fno-trapping-math limit.cpp -o limit [-DSINGLE]
 *     ./limit neurons=10000 steps=2000 step=1e-5 noise=1 seed=1 mu=... (every parameter of the card, SI units)
 *
 * Without residue_cap, or with one that is infinite or not above zero, the residue has no bound.
 *
 * Prints one line: seconds, spikes, and the final x_total, x_residue, v_gate of neuron 0. */
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#ifdef SINGLE
typedef float real;
typedef int32_t whole;
typedef uint32_t word;
#else
typedef double real;
typedef int64_t whole;
typedef uint64_t word;
#endif
#define INLINE __attribute__((always_inline)) static inline
static const int BLOCK = 256; /* neurons that are taken through the step together */

INLINE word bits(real x) { word w; __builtin_memcpy(&w, &x, sizeof w); return w; }
INLINE real value(word w) { real x; __builtin_memcpy(&x, &w, sizeof x); return x; }

#ifdef SINGLE
static const real MAGIC = 12582912.0f;
static const int MANTISSA = 23;
INLINE real quotient(real f) /* (2^f - 1)/f for |f| <= 1/2 */
{
    return ((((((1.529741310727295e-05f * f + 0.00015461560778872135f) * f + 0.001333350216258813f) * f
              + 0.009618056388057775f) * f + 0.05550410884014512f) * f + 0.24022650923651495f) * f + 0.6931471805599453f);
}
#else
static const real MAGIC = 6755399441055744.0;
static const int MANTISSA = 52;
INLINE real quotient(real f)
{
    real q = f * 7.071010049621724e-09 + 1.0205961150202628e-07;
    q = q * f + 1.3215451492282766e-06;
    q = q * f + 1.5252672680766572e-05;
    q = q * f + 0.00015403530424965467;
    q = q * f + 0.0013333558201121807;
    q = q * f + 0.009618129107618587;
    q = q * f + 0.05550410866465031;
    q = q * f + 0.24022650695910075;
    return q * f + 0.6931471805599462;
}
#endif

/* 2^y for |y| < 1000 (120 in single precision) */
INLINE real exp2_bounded(real y)
{
    const real t = y + MAGIC, f = y - (t - MAGIC);
    return value(bits(quotient(f) * f + (real)1) + (bits(t) << MANTISSA));
}

/* (1 - exp(-z))/z for z > 0; beyond the limit of exp it is 1/z to rounding either way */
INLINE real relaxation(real z)
{
    const real limit = sizeof(real) == 8 ? 1000 : 120, y = z * (real)-1.4426950408889634;
    const real clipped = y < -limit ? -limit : y, t = clipped + MAGIC, f = clipped - (t - MAGIC);
    const real s = value((bits(t) << MANTISSA) + bits((real)1));
    return ((real)1 - s - s * quotient(f) * f) / z;
}

INLINE real relaxation_pade(real z)
{
    const real rise = (z * (real)(1.0 / 6) + (real)0.5) * z + (real)1;
    return rise / (z * rise + (real)1);
}

static const int LANES = 16; /* independent generators: the vectors of the next loop */
struct Generator
{
    uint64_t s0[LANES], s1[LANES], s2[LANES], s3[LANES];
};

/* One normal variate for each neuron of a block, two from each 64-bit word: 40 bits for the radius, 23 for the angle, one
 * for the sign of the second. */
static void normals(Generator &g, real *__restrict xi)
{
    uint64_t words[BLOCK / 2];
    for (int k = 0; k < BLOCK / 2; k += LANES)
        for (int l = 0; l < LANES; l++)
        {
            const uint64_t t = g.s1[l] << 17;
            words[k + l] = g.s0[l] + g.s3[l];
            g.s2[l] ^= g.s0[l];
            g.s3[l] ^= g.s1[l];
            g.s1[l] ^= g.s2[l];
            g.s0[l] ^= g.s3[l];
            g.s2[l] ^= t;
            g.s3[l] = (g.s3[l] << 45) | (g.s3[l] >> 19);
        }
    for (int k = 0; k < BLOCK / 2; k++)
    {
        const uint64_t w = words[k];
#ifdef SINGLE
        const real u = 2.0f - value(((uint32_t)(w >> 41)) | 0x3F800000u) + 2.9802322e-08f;
        const real angle = value(((uint32_t)w & 0x7FFFFEu) | 0x3F800000u) - 1.5f;
        const uint32_t i = bits(u), above = i - 0x3F3504F3u;
        const real m = value(i - (above & 0xFF800000u)), e = (real)((int32_t)above >> 23);
        const real s = (m - 1.0f) / (m + 1.0f), z = s * s;
        const real log_u = e * 0.6931472f + (2.0f * s + s * z * ((z * 0.2958047f + 0.3998877f) * z + 0.66666687f));
        const real v = angle * angle, square = -2.0f * log_u, radius = std::sqrt(square > 0 ? square : 0.0f);
        const real sine = angle * ((((v * 0.077655912f - 0.59829041f) * v + 2.5500774f) * v - 5.1677101f) * v + 3.1415926f);
        const real cosine = (((v * 0.21968242f - 1.331873f) * v + 4.0584108f) * v - 4.9347928f) * v + 1.0f;
        xi[k] = radius * sine;
        xi[k + BLOCK / 2] = value(bits(radius * cosine) ^ ((uint32_t)w << 31));
#else
        const real u = 2.0 - value(((w >> 24) << 12) | 0x3FF0000000000800u);
        const real angle = value(((w & 0xFFFFFEu) << 28) | 0x3FF0000008000000u) - 1.5;
        const uint64_t i = bits(u), above = i - 0x3FE6A09E667F3BCDu;
        const real m = value(i - (above & 0xFFF0000000000000u));
        const real e = value((((above >> 52) + 0x800u) & 0xFFFu) | 0x4330000000000000u) - 4503599627372544.0;
        const real s = (m - 1.0) / (m + 1.0), z = s * s;
        const real r = 0.6666666666737688 + z * (0.3999999879489125 + z * (0.2857175503526905 + z * (0.22191369134263433
                       + z * 0.19363269405523553)));
        const real radius = std::sqrt(-2.0 * (e * 0.6931471805599453 + (2.0 * s + s * z * r)));
        const real v = angle * angle;
        const real sine = angle * (3.141592653589635 + v * (-5.167712779987959 + v * (2.550164035906745
                          + v * (-0.5992644339357286 + v * (0.08214479467064854 + v * (-0.007364005472115722
                          + v * 0.0004474920849077101))))));
        const real cosine = 0.9999999999999981 + v * (-4.934802200543686 + v * (4.058712126333295
                            + v * (-1.3352627661817635 + v * (0.23533058831317874 + v * (-0.025806531975921563
                            + v * (0.0019278700526981333 + v * -0.0001004164642205389))))));
        xi[k] = radius * sine;
        xi[k + BLOCK / 2] = value(bits(radius * cosine) ^ (w << 63));
#endif
    }
}

struct Parameters
{
    real r_on, r_scale, inverse_length, inverse_hop, half_mu, alpha2, kick, c_half, c_full, g_control, gamma1, gamma2,
        beta, tip_half, tip_full, residue_half, residue_full, h, half, threshold, inverse_cap, most, none, all;
};

/* Limits that are variables: against numbers, compilers take two instructions for each and not one. */
INLINE real within(real x, real low, real high)
{
    const real above = x < low ? low : x;
    return above > high ? high : above;
}

/* What the residue that is there keeps from becoming residue */
INLINE real crowding(const Parameters &p, real x, real residue)
{
    const real fill = residue * p.inverse_cap, square = fill * fill;
    return (x - residue) * square * square;
}

template <bool NOISE>
INLINE real growth(const Parameters &p, real tip, real across, real gap)
{
    const real push = within(across, p.none, p.most) * p.inverse_hop, lift = NOISE ? tip * p.inverse_hop : (real)0;
    return p.half_mu * (exp2_bounded(lift + push) - exp2_bounded(lift - push)) / (gap * gap + p.alpha2);
}

INLINE real conductance(const Parameters &p, real x, real gap)
{
    return (real)1 / (p.r_on * x + p.r_scale * (exp2_bounded(gap * p.inverse_length) - (real)1));
}

template <bool NOISE>
static int block(const Parameters &p, real v_in, const real *__restrict xi, real *__restrict X, real *__restrict R,
                 real *__restrict V, real *__restrict T, int first, int *__restrict spikes)
{
    real rate[BLOCK], g[BLOCK], v_mid[BLOCK], x_mid[BLOCK], r_mid[BLOCK], t_mid[BLOCK], old[BLOCK];
    for (int k = 0; k < BLOCK; k++)
        rate[k] = growth<NOISE>(p, T[k], v_in - V[k], (real)1 - X[k]);
    for (int k = 0; k < BLOCK; k++)
        g[k] = conductance(p, X[k], (real)1 - X[k]);
    for (int k = 0; k < BLOCK; k++)
    {
        const real v = V[k];
        v_mid[k] = v + p.c_half * ((v_in - v) * g[k] - v * p.g_control) * relaxation_pade(p.c_half * (g[k] + p.g_control));
        old[k] = v;
    }
    for (int k = 0; k < BLOCK; k++)
    {
        const real x = X[k], residue = R[k], loss = p.gamma1 * (x - residue) + p.gamma2 * residue;
        x_mid[k] = x + p.half * (rate[k] * ((real)1 - x) - loss) * relaxation_pade(p.half * (rate[k] + p.gamma1));
        r_mid[k] = residue + p.residue_half * (p.beta * (x - crowding(p, x, residue) - residue) - p.gamma2 * residue);
        R[k] = residue + p.residue_full * (p.beta * (x_mid[k] - crowding(p, x_mid[k], r_mid[k]) - residue)
                                           - p.gamma2 * residue);
    }
    if (NOISE)
        for (int k = 0; k < BLOCK; k++)
        {
            const real tip = T[k], kick = p.kick * xi[k];
            t_mid[k] = tip + p.tip_half * tip + (real)0.5 * kick;
            T[k] = tip + p.tip_full * tip + kick;
        }
    for (int k = 0; k < BLOCK; k++)
        rate[k] = growth<NOISE>(p, NOISE ? t_mid[k] : (real)0, v_in - v_mid[k], (real)1 - x_mid[k]);
    for (int k = 0; k < BLOCK; k++)
        g[k] = conductance(p, x_mid[k], (real)1 - x_mid[k]);
    for (int k = 0; k < BLOCK; k++)
    {
        const real v = V[k];
        V[k] = v + p.c_full * ((v_in - v) * g[k] - v * p.g_control) * relaxation(p.c_full * (g[k] + p.g_control));
    }
    for (int k = 0; k < BLOCK; k++)
    {
        const real x = X[k], loss = p.gamma1 * (x - r_mid[k]) + p.gamma2 * r_mid[k];
        const real moved = x + p.h * (rate[k] * ((real)1 - x) - loss) * relaxation(p.h * (rate[k] + p.gamma1));
        X[k] = within(moved, p.none, p.all);
        R[k] = within(R[k], p.none, X[k]);
    }
    real highest = -1; /* most blocks hold no neuron above threshold: one comparison settles those */
    for (int k = 0; k < BLOCK; k++)
        highest = V[k] > highest ? V[k] : highest;
    if (!(highest > p.threshold)) return 0;
    int count = 0;
    for (int k = 0; k < BLOCK; k++)
        if (V[k] > p.threshold && old[k] <= p.threshold) spikes[count++] = first + k;
    return count;
}

template <bool NOISE>
__attribute__((noinline)) static int step(const Parameters &p, real v_in, int n, Generator &g, real *X, real *R, real *V,
                                          real *T, int *spikes)
{
    real xi[BLOCK];
    int count = 0;
    for (int k = 0; k < n; k += BLOCK)
    {
        if (NOISE) normals(g, xi);
        count += block<NOISE>(p, v_in, xi, X + k, R + k, V + k, T + k, k, spikes + count);
    }
    return count;
}

static double relax(double z) { return -std::expm1(-z) / z; }
static double relax_pade(double z) { return (1 + z / 2 + z * z / 6) / (1 + z + z * z / 2 + z * z * z / 6); }

int main(int count, char **words)
{
    std::map<std::string, double> a;
    for (int k = 1; k < count; k++)
    {
        const std::string word = words[k];
        const size_t at = word.find('=');
        if (at == std::string::npos) { std::fprintf(stderr, "%s is not name=value\n", words[k]); return 2; }
        a[word.substr(0, at)] = std::atof(word.c_str() + at + 1);
    }
    for (const char *name : {"neurons", "steps", "step", "noise", "seed", "mu", "v_hop", "alpha", "beta", "gamma1", "gamma2",
                             "tunnel_length", "r_on", "r_off", "c_gate", "r_control", "v_threshold", "amplitude", "width",
                             "period", "sigma_tip", "tau_tip"})
        if (!a.count(name)) { std::fprintf(stderr, "%s is missing\n", name); return 2; }
    const int asked = (int)a["neurons"], n = (asked + BLOCK - 1) / BLOCK * BLOCK;
    const double h = a["step"], log2e = 1.4426950408889634;
    Parameters p;
    p.r_on = a["r_on"];
    p.r_scale = a["r_off"] / std::expm1(1 / a["tunnel_length"]);
    p.inverse_length = log2e / a["tunnel_length"];
    p.inverse_hop = log2e / a["v_hop"];
    p.half_mu = 0.5 * a["mu"];
    p.alpha2 = a["alpha"] * a["alpha"];
    p.kick = a["noise"] ? a["sigma_tip"] * std::sqrt(2 / a["tau_tip"] * h * relax(2 * h / a["tau_tip"])) : 0;
    p.c_half = 0.5 * h / a["c_gate"];
    p.c_full = h / a["c_gate"];
    p.g_control = 1 / a["r_control"];
    p.gamma1 = a["gamma1"];
    p.gamma2 = a["gamma2"];
    p.beta = a["beta"];
    p.tip_half = -0.5 * h / a["tau_tip"] * relax_pade(0.5 * h / a["tau_tip"]);
    p.tip_full = std::expm1(-h / a["tau_tip"]);
    p.residue_half = 0.5 * h * relax_pade(0.5 * h * (a["beta"] + a["gamma2"]));
    p.residue_full = h * relax(h * (a["beta"] + a["gamma2"]));
    p.h = h;
    p.half = 0.5 * h;
    p.threshold = a["v_threshold"];
    p.inverse_cap = a.count("residue_cap") && a["residue_cap"] > 0 ? 1 / a["residue_cap"] : 0;
    p.most = 40 * a["v_hop"];
    p.none = 0;
    p.all = 1;

    std::vector<real> X(n), R(n), V(n), T(n);
    std::vector<int> spikes(n);
    Generator g;
    uint64_t state = (uint64_t)a["seed"];
    for (uint64_t *s : {g.s0, g.s1, g.s2, g.s3})
        for (int l = 0; l < LANES; l++)
        {
            uint64_t z = (state += 0x9E3779B97F4A7C15u); /* splitmix64 */
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
            s[l] = z ^ (z >> 31);
        }
    long total = 0;
    const auto start = std::chrono::steady_clock::now();
    for (long k = 0; k < (long)a["steps"]; k++)
    {
        const double t = (k + 0.5) * h, into = t - std::floor(t / a["period"]) * a["period"];
        const real v_in = into < a["width"] ? a["amplitude"] : 0;
        total += a["noise"] ? step<true>(p, v_in, n, g, X.data(), R.data(), V.data(), T.data(), spikes.data())
                            : step<false>(p, v_in, n, g, X.data(), R.data(), V.data(), T.data(), spikes.data());
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("%.9g %ld %.17g %.17g %.17g\n", seconds, total, (double)X[0], (double)R[0], (double)V[0]);
    return 0;
}
