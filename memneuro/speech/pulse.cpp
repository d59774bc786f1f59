// One pulse of many 1M1T1R neurons and its gradient: the equations of memneuro/speech/memristor.py, element by element.
// Compiled where it is used; a test holds it to the equations as written there in PyTorch.
#include <cmath>
#include <cstring>
#include <vector>

#define INLINE __attribute__((always_inline)) inline

struct Card {
    float base, loss, share, opening, charging, lost, r_on, tunnel, tunnel_length, r_control, c_gate, gamma2;
    float width, period;
    float keep, no_refractory, hard;  // 0 or 1
};

namespace {

// Both sides are computed and one is taken, so that the loops have no branches.
INLINE float either(float condition, float yes, float no) { return no + condition * (yes - no); }

INLINE float larger(float a, float b) { return a > b ? a : b; }
INLINE float smaller(float a, float b) { return a < b ? a : b; }

INLINE float power_of_two(int n) {
    const int bits = (n + 127) << 23;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// exp(x) to 2e-7 of itself where the result is a normal number: 2^n times a polynomial, without calls or branches, so
// that the loops become vector code.
INLINE float exponential(float x) {
    const float scaled = smaller(larger(x * 1.44269504f, -126.0f), 127.0f);
    const int n = static_cast<int>(scaled + 1024.5f) - 1024;
    const float t = (scaled - static_cast<float>(n)) * 0.693147181f;
    const float sum =
        1.0f + t * (1.0f + t * (0.5f + t * (1.0f / 6 + t * (1.0f / 24 + t * (1.0f / 120 + t * (1.0f / 720 + t / 5040))))));
    return power_of_two(n) * sum;
}

// Natural logarithm of a normal positive number: its exponent and the series of atanh.
INLINE float logarithm(float x) {
    int bits;
    std::memcpy(&bits, &x, sizeof bits);
    const int n = (bits - 0x3f3504f3) >> 23;  // so that the mantissa lies around 1, from sqrt(1/2) on
    const int mantissa = bits - (n << 23);
    float m;
    std::memcpy(&m, &mantissa, sizeof m);
    const float u = (m - 1.0f) / (m + 1.0f), v = u * u;
    return 0.693147181f * static_cast<float>(n) + 2.0f * u * (1.0f + v * (1.0f / 3 + v * (0.2f + v * (1.0f / 7 + v / 9))));
}

INLINE float conductance(const Card &c, float gap) {
    return 1.0f / (c.r_on * (1.0f - gap) + c.tunnel * (exponential(gap / c.tunnel_length) - 1.0f));
}

INLINE float charged(const Card &c, float gate, float amplitude, float gap, float seconds) {
    const float device = conductance(c, gap);
    const float total = device + 1.0f / c.r_control;
    const float target = amplitude * device / total;
    return target + (gate - target) * exponential(-total / c.c_gate * seconds);
}

// What depends on the neuron alone.
// What differs from neuron to neuron: its pace, and of its device V_0 of the card over its own V_0, ln(1/(mu w)), the
// supply, the opening voltage and the threshold in units of its V_0.
struct Own {
    float rate, leak, half, discharge, off, forget, hop, growth, supply, hold, threshold;
};

INLINE void pace(const Card &c, float slowness, float *__restrict__ out, long neurons) {
    const float rate = 1.0f / slowness;
    const float half = exponential(-0.5f * c.loss * c.width * rate);
    out[0] = rate;
    out[neurons] = either(c.keep, 1.0f, half);
    out[2 * neurons] = half;
    out[3 * neurons] = exponential(-rate / (c.r_control * c.c_gate) * c.width * 0.5f);
    out[4 * neurons] = exponential(-0.5f * c.loss * (c.period - c.width) * rate);
    out[5 * neurons] = exponential(-c.gamma2 * c.period * rate);
}

INLINE std::vector<float> paces(const Card &c, const float *__restrict__ slowness, long neurons) {
    std::vector<float> all(6 * neurons);
    for (long n = 0; n < neurons; ++n) pace(c, slowness[n], all.data() + n, neurons);
    return all;
}

INLINE Own own(const float *__restrict__ paces, const float *__restrict__ devices, long n, long neurons) {
    return {paces[n],
            paces[n + neurons],
            paces[n + 2 * neurons],
            paces[n + 3 * neurons],
            paces[n + 4 * neurons],
            paces[n + 5 * neurons],
            devices[n],
            devices[n + neurons],
            devices[n + 2 * neurons],
            devices[n + 3 * neurons],
            devices[n + 4 * neurons]};
}

// Everything up to the end of growth, shared by both directions.
struct Growth {
    float f1, r1, gap, amplitude, push, kappa, square, rest, gap_after, stays, after_share, gate, armed;
};

INLINE Growth grow(const Card &c, const Own &p, float f, float r, float gate, float tip, float drive) {
    Growth g;
    g.r1 = r + f * (c.share * (1.0f - p.leak));
    g.f1 = f * p.leak;
    g.gap = 1.0f - g.f1 - g.r1;
    g.amplitude = smaller(larger((drive + c.base) * p.hop, 0.0f), p.supply);
    g.push = larger(g.amplitude - gate * p.discharge, 0.0f);
    g.kappa = exponential(g.push + tip - p.growth - c.lost * p.rate) * p.rate * (1.0f - exponential(-2.0f * g.push));
    g.square = either(c.hard, g.gap, g.gap * g.gap);
    const float holds = p.hold + logarithm(larger(1.0f - g.r1, 1e-6f)) - tip;
    const float closed = (g.kappa > g.square ? 1.0f : 0.0f) * (g.amplitude - holds + c.opening > gate ? 1.0f : 0.0f);
    g.stays = 1.0f - closed;
    const float left = larger(g.square - g.kappa, 0.0f);
    g.gap_after = either(c.hard, left, std::sqrt(left)) * g.stays;
    g.rest = 1.0f - closed * larger(1.0f - larger(g.kappa - g.square, 0.0f) / larger(g.kappa, 1e-9f), 0.0f);
    g.armed = gate <= p.threshold ? 1.0f : 0.0f;
    const float after_closing = c.width * p.rate * g.rest;
    const float resists = exponential(smaller(holds - g.amplitude + gate, 0.0f));
    const float pace = larger(holds, 1.0f) / c.charging;
    const float grown = smaller(resists + pace * after_closing, exponential(c.opening));
    const float begin = either(closed, g.amplitude - holds + logarithm(grown), gate);
    const float open = either(closed, larger(after_closing - (1.0f - resists) / pace, 0.0f), after_closing);
    const float decay = exponential(-0.5f * c.loss * open);
    const float gap = 1.0f - (1.0f - g.gap_after - g.r1) * decay - g.r1;
    g.gate = charged(c, begin, g.amplitude, gap, open);
    g.after_share = either(closed, decay * decay, p.leak);
    return g;
}

// What follows growth, up to the middle of the time between the pulses.
struct Rest {
    float divisor, f2, after, off, f3, r3;
};

INLINE Rest dissolve(const Card &c, const Own &p, const Growth &g) {
    Rest s;
    s.divisor = either(c.hard, 1.0f, g.gap + g.gap_after + 1e-9f);
    s.f2 = 1.0f - larger(g.gap - g.kappa / s.divisor, 0.0f) * g.stays - g.r1;
    s.after = s.f2 * g.after_share;
    s.off = either(c.keep, g.stays, p.off);  // without leak what has fired is cleared and everything else stays
    s.f3 = s.after * s.off;
    s.r3 = g.r1 + (s.f2 - s.after) * c.share + (s.after - s.f3) * c.share;
    return s;
}

}  // namespace

extern "C" void pulse_forward(const Card *card, long batch, long neurons, const float *__restrict__ slowness,
                              const float *__restrict__ devices, const float *__restrict__ f,
                              const float *__restrict__ r, const float *__restrict__ gate,
                              const float *__restrict__ tip, const float *__restrict__ drive,
                              float *__restrict__ f_out, float *__restrict__ r_out, float *__restrict__ gate_out,
                              float *__restrict__ fired) {
    const Card c = *card;
    const std::vector<float> held = paces(c, slowness, neurons);
    const float *__restrict__ all = held.data();
#pragma omp parallel for
    for (long b = 0; b < batch; ++b) {
#pragma GCC ivdep
        for (long n = 0; n < neurons; ++n) {
            const long k = b * neurons + n;
            const Own p = own(all, devices, n, neurons);
            const Growth g = grow(c, p, f[k], r[k], gate[k], tip[k], drive[k]);
            const Rest s = dissolve(c, p, g);
            const float left = charged(c, g.gate, 0.0f, 1.0f - s.f3 - s.r3, (c.period - c.width) * p.rate);
            f_out[k] = s.f3 * s.off;
            r_out[k] = (s.r3 + (s.f3 - s.f3 * s.off) * c.share) * p.forget;
            gate_out[k] = (1.0f - c.no_refractory) * left;
            fired[k] = (g.kappa > g.square ? 1.0f : 0.0f) * g.armed;
        }
    }
}

extern "C" void pulse_backward(const Card *card, float surrogate, long batch, long neurons,
                               const float *__restrict__ slowness, const float *__restrict__ devices,
                               const float *__restrict__ f, const float *__restrict__ r, const float *__restrict__ gate,
                               const float *__restrict__ tip, const float *__restrict__ drive,
                               const float *__restrict__ df_out, const float *__restrict__ dr_out,
                               const float *__restrict__ dfired, float *__restrict__ df, float *__restrict__ dr,
                               float *__restrict__ ddrive, float *__restrict__ drate) {
    const Card c = *card;
    const std::vector<float> held = paces(c, slowness, neurons);
    const float *__restrict__ all = held.data();
#pragma omp parallel for
    for (long b = 0; b < batch; ++b) {
#pragma GCC ivdep
        for (long n = 0; n < neurons; ++n) {
            const long k = b * neurons + n;
            const Own p = own(all, devices, n, neurons);
            const Growth g = grow(c, p, f[k], r[k], gate[k], tip[k], drive[k]);
            const Rest s = dissolve(c, p, g);
            // f_out = f3 off, r_out = (r3 + f3 (1 - off) share) forget
            const float inner = dr_out[k] * p.forget;
            const float d_forget = dr_out[k] * (s.r3 + s.f3 * (1.0f - s.off) * c.share);
            float d_f3 = df_out[k] * s.off + inner * (1.0f - s.off) * c.share;
            float d_off = df_out[k] * s.f3 - inner * s.f3 * c.share;
            // r3 = r2 + (after - f3) share, f3 = after off
            d_f3 -= inner * c.share;
            float d_after = inner * c.share + d_f3 * s.off;
            d_off += d_f3 * s.after;
            const float d_r2 = inner;
            // r2 = r1 + (f2 - after) share, after = f2 after_share
            d_after -= d_r2 * c.share;
            const float d_f2 = d_r2 * c.share + d_after * g.after_share;
            const float d_after_share = d_after * s.f2 * g.stays;
            float d_r1 = d_r2 - d_f2;
            // f2 = 1 - max(gap - kappa / divisor, 0) stays - r1
            const float apart = g.stays * (g.gap > g.kappa / s.divisor ? 1.0f : 0.0f);
            float d_gap = -d_f2 * apart;
            float d_kappa = d_f2 * apart / s.divisor;
            // fired = spike((ln(kappa + 1e-6) - ln(square + 1e-6)) / 2) armed
            const float above = g.kappa + 1e-6f, below = g.square + 1e-6f;
            const float slope = 1.0f + surrogate * std::fabs(0.5f * logarithm(above / below));
            const float d_margin = dfired[k] * g.armed / (slope * slope);
            d_kappa += 0.5f * d_margin / above;
            d_gap -= 0.5f * d_margin / below * either(c.hard, 1.0f, 2.0f * g.gap);
            // gap = 1 - f1 - r1
            d_r1 -= d_gap;
            const float d_f1 = -d_gap;
            df[k] = d_f1 * p.leak + d_r1 * c.share * (1.0f - p.leak);
            dr[k] = d_r1;
            const float d_leak = (1.0f - c.keep) * (d_f1 * f[k] - d_r1 * f[k] * c.share + d_after_share);
            const float wanted = (drive[k] + c.base) * p.hop;
            const float open = (wanted > 0.0f ? 1.0f : 0.0f) * (wanted < p.supply ? 1.0f : 0.0f);
            ddrive[k] = d_kappa * g.kappa * open * (g.push > 0.0f ? p.hop : 0.0f);
            drate[k] = d_kappa * g.kappa * (1.0f / p.rate - c.lost) - 0.5f * c.loss * c.width * p.half * d_leak -
                       (1.0f - c.keep) * 0.5f * c.loss * (c.period - c.width) * p.off * d_off -
                       c.gamma2 * c.period * p.forget * d_forget;
        }
    }
}
