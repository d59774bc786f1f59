/* Drain current of the output transistor and the drain voltage behind a load resistor; see memneuro/circuit/transistor.py.
 * Needs elementary.h. */
#ifndef MEMNEURO_NMOS
#define MEMNEURO_NMOS

MEMNEURO_FN double _softplus(double z)
{
    return (z > 0.0 ? z : 0.0) + _log1p_ieee(_exp_ieee(z > 0.0 ? -z : z));
}

MEMNEURO_FN double _nmos_current(double vg, double vd, double k, double vt, double n, double temperature)
{
    const double u = 8.617333262e-5 * temperature, pinch = (vg - vt) / n;
    const double forward = _softplus(pinch / (2.0 * u)), reverse = _softplus((pinch - vd) / (2.0 * u));
    return 4.0 * n * n * k * u * u * (forward - reverse) * (forward + reverse);
}

MEMNEURO_FN double _drain_voltage(double vg, double vdd, double rload, double k, double vt, double n,
                                    double temperature)
{
    const double u = 8.617333262e-5 * temperature, pinch = (vg - vt) / n;
    const double scale = rload * 4.0 * n * n * k * u * u;
    const double forward = _softplus(pinch / (2.0 * u));
    double v = 0.0;
    for (int iteration = 0; iteration < 16; iteration++)
    {
        const double z = (pinch - v) / (2.0 * u);
        const double reverse = _softplus(z);
        const double residual = v - vdd + scale * (forward - reverse) * (forward + reverse);
        const double slope = 1.0 + scale * reverse / u / (1.0 + _exp_ieee(-z));
        v -= residual / slope;
    }
    return v;
}
#endif
