// One pulse of many 1M1T1R neurons and its gradient: the equations of memneuro/speech/memristor.py, element by element.
// Compiled where it is used; a test holds it to the equations as written there in PyTorch.
#include <cmath>

struct Card {
    float base, supply, loss, share, alpha_log, opening, r_on, tunnel, tunnel_length, r_control, c_gate, threshold, gamma2;
    float width, period;
    int keep, no_refractory;
};

namespace {

inline float conductance(const Card &c, float gap) {
    return 1.0f / (c.r_on * (1.0f - gap) + c.tunnel * (std::exp(gap / c.tunnel_length) - 1.0f));
}

inline float charged(const Card &c, float gate, float amplitude, float gap, float seconds) {
    const float device = conductance(c, gap);
    const float total = device + 1.0f / c.r_control;
    const float target = amplitude * device / total;
    return target + (gate - target) * std::exp(-total / c.c_gate * seconds);
}

// What depends on the neuron alone.
struct Pace {
    float rate, leak, half, discharge, off, forget;
};

inline Pace pace(const Card &c, float slowness) {
    Pace p;
    p.rate = 1.0f / slowness;
    p.half = std::exp(-0.5f * c.loss * c.width * p.rate);
    p.leak = c.keep ? 1.0f : p.half;
    p.discharge = std::exp(-p.rate / (c.r_control * c.c_gate) * c.width * 0.5f);
    p.off = std::exp(-0.5f * c.loss * (c.period - c.width) * p.rate);
    p.forget = std::exp(-c.gamma2 * c.period * p.rate);
    return p;
}

// Everything up to the end of growth, shared by both directions.
struct Growth {
    float f1, r1, gap, amplitude, push, kappa, square, rest, gap_after, stays, after_share, gate, armed;
};

inline Growth grow(const Card &c, const Pace &p, float f, float r, float gate, float tip, float drive) {
    Growth g;
    g.r1 = r + f * (c.share * (1.0f - p.leak));
    g.f1 = f * p.leak;
    g.gap = 1.0f - g.f1 - g.r1;
    g.amplitude = std::fmin(std::fmax(drive + c.base, 0.0f), c.supply);
    g.push = std::fmax(g.amplitude - gate * p.discharge, 0.0f);
    g.kappa = std::exp(g.push + tip - c.base) * p.rate * (1.0f - std::exp(-2.0f * g.push));
    g.square = g.gap * g.gap;
    const float opening = c.alpha_log + std::log(std::fmax(1.0f - g.r1, 1e-6f)) - tip - c.opening;
    const bool closed = g.kappa > g.square && g.amplitude - opening > gate;
    g.stays = closed ? 0.0f : 1.0f;
    g.gap_after = closed ? 0.0f : std::sqrt(std::fmax(g.square - g.kappa, 0.0f));
    g.rest = closed ? 1.0f - g.square / std::fmax(g.kappa, 1e-9f) : 1.0f;
    g.armed = gate <= c.threshold ? 1.0f : 0.0f;
    const float decay = std::exp(-0.5f * c.loss * c.width * p.rate * g.rest);
    const float begin = closed ? g.amplitude - opening : gate;
    const float gap = 1.0f - (1.0f - g.gap_after - g.r1) * decay - g.r1;
    g.gate = charged(c, begin, g.amplitude, gap, c.width * p.rate * g.rest);
    g.after_share = closed ? decay * decay : p.leak;
    return g;
}

// Without leak what has fired is cleared and everything else stays.
inline float remaining(const Card &c, const Pace &p, float stays) { return c.keep ? stays : p.off; }

}  // namespace

extern "C" void pulse_forward(const Card *card, long batch, long neurons, const float *slowness, const float *f,
                              const float *r, const float *gate, const float *tip, const float *drive, float *f_out,
                              float *r_out, float *gate_out, float *fired) {
    const Card c = *card;
#pragma omp parallel for
    for (long b = 0; b < batch; ++b) {
#pragma omp simd
        for (long n = 0; n < neurons; ++n) {
            const long k = b * neurons + n;
            const Pace p = pace(c, slowness[n]);
            const Growth g = grow(c, p, f[k], r[k], gate[k], tip[k], drive[k]);
            const float f2 = 1.0f - (g.gap - g.kappa / (g.gap + g.gap_after + 1e-9f)) * g.stays - g.r1;
            const float after = f2 * g.after_share;
            const float off = remaining(c, p, g.stays);
            const float r2 = g.r1 + (f2 - after) * c.share;
            const float f3 = after * off;
            const float r3 = r2 + (after - f3) * c.share;
            const float left = charged(c, g.gate, 0.0f, 1.0f - f3 - r3, (c.period - c.width) * p.rate);
            f_out[k] = f3 * off;
            r_out[k] = (r3 + (f3 - f3 * off) * c.share) * p.forget;
            gate_out[k] = c.no_refractory ? 0.0f : left;
            fired[k] = (g.kappa > g.square ? 1.0f : 0.0f) * g.armed;
        }
    }
}

extern "C" void pulse_backward(const Card *card, float surrogate, long batch, long neurons, const float *slowness,
                               const float *f, const float *r, const float *gate, const float *tip, const float *drive,
                               const float *df_out, const float *dr_out, const float *dfired, float *df, float *dr,
                               float *ddrive, float *drate) {
    const Card c = *card;
#pragma omp parallel for
    for (long b = 0; b < batch; ++b) {
#pragma omp simd
        for (long n = 0; n < neurons; ++n) {
            const long k = b * neurons + n;
            const Pace p = pace(c, slowness[n]);
            const Growth g = grow(c, p, f[k], r[k], gate[k], tip[k], drive[k]);
            const float divisor = g.gap + g.gap_after + 1e-9f;
            const float f2 = 1.0f - (g.gap - g.kappa / divisor) * g.stays - g.r1;
            const float after = f2 * g.after_share;
            const float off = remaining(c, p, g.stays);
            const float r2 = g.r1 + (f2 - after) * c.share;
            const float f3 = after * off;
            const float r3 = r2 + (after - f3) * c.share;
            // f_out = f3 off, r_out = (r3 + f3 (1 - off) share) forget
            const float inner = dr_out[k] * p.forget;
            const float d_forget = dr_out[k] * (r3 + f3 * (1.0f - off) * c.share);
            float d_f3 = df_out[k] * off + inner * (1.0f - off) * c.share;
            float d_off = df_out[k] * f3 - inner * f3 * c.share;
            // r3 = r2 + (after - f3) share, f3 = after off
            d_f3 -= inner * c.share;
            float d_after = inner * c.share + d_f3 * off;
            d_off += d_f3 * after;
            const float d_r2 = inner;
            // r2 = r1 + (f2 - after) share, after = f2 after_share
            d_after -= d_r2 * c.share;
            const float d_f2 = d_r2 * c.share + d_after * g.after_share;
            const float d_after_share = d_after * f2 * g.stays;
            float d_r1 = d_r2 - d_f2;
            // f2 = 1 - (gap - kappa / divisor) stays - r1
            float d_gap = -d_f2 * g.stays;
            float d_kappa = d_f2 * g.stays / divisor;
            // fired = spike((kappa - square) / (kappa + square + 1e-6)) armed
            const float sum = g.kappa + g.square + 1e-6f;
            const float margin = (g.kappa - g.square) / sum;
            const float slope = 1.0f + surrogate * std::fabs(margin);
            const float d_margin = dfired[k] * g.armed / (slope * slope);
            d_kappa += d_margin * (1.0f - margin) / sum;
            d_gap += d_margin * (-1.0f - margin) / sum * 2.0f * g.gap;
            // gap = 1 - f1 - r1
            d_r1 -= d_gap;
            const float d_f1 = -d_gap;
            df[k] = d_f1 * p.leak + d_r1 * c.share * (1.0f - p.leak);
            dr[k] = d_r1;
            const float d_leak = (c.keep ? 0.0f : 1.0f) * (d_f1 * f[k] - d_r1 * f[k] * c.share + d_after_share);
            const float open = drive[k] + c.base > 0.0f && drive[k] + c.base < c.supply ? 1.0f : 0.0f;
            ddrive[k] = g.push > 0.0f ? d_kappa * g.kappa * open : 0.0f;
            drate[k] = d_kappa * g.kappa / p.rate - 0.5f * c.loss * c.width * p.half * d_leak -
                       (c.keep ? 0.0f : 0.5f * c.loss * (c.period - c.width) * p.off * d_off) -
                       c.gamma2 * c.period * p.forget * d_forget;
        }
    }
}
