// The functions that the equations call. Their constants are those of the package's own modules (see javascript.py).

function clip(x, low, high) {
  return Math.min(Math.max(x, low), high);
}

// (1 - exp(-z))/z and its rational form: memneuro/numerics/elementary.py
function relaxation(z) {
  return z === 0 ? 1 : -Math.expm1(-z) / z;
}

function relaxation_pade(z) {
  const a = Math.min(Math.abs(z), 1e6);
  const rise = ((a * 0.16666666666666667 + 0.5) * a + 1) * 2 ** -38;
  return rise / (Math.max(z, 0) * rise + 2 ** -38);
}

// The output stage: memneuro/circuit/transistor.py
function softplus(z) {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

function nmos_current(v_gate, v_drain, k, v_t, n, temperature) {
  const u = THERMAL_VOLTAGE * temperature, pinch = (v_gate - v_t) / n;
  const forward = softplus(pinch / (2 * u)), reverse = softplus((pinch - v_drain) / (2 * u));
  return 4 * n * n * k * u * u * (forward - reverse) * (forward + reverse);
}

function drain_voltage(v_gate, v_dd, r_load, k, v_t, n, temperature) {
  const u = THERMAL_VOLTAGE * temperature, pinch = (v_gate - v_t) / n;
  const scale = r_load * 4 * n * n * k * u * u, forward = softplus(pinch / (2 * u));
  let v = 0;
  for (let iteration = 0; iteration < DRAIN_ITERATIONS; iteration++) {
    const z = (pinch - v) / (2 * u), reverse = softplus(z);
    const residual = v - v_dd + scale * (forward - reverse) * (forward + reverse);
    v -= residual / (1 + scale * reverse / u / (1 + Math.exp(-z)));
  }
  return v;
}

// Threefry2x32 with 32-bit integers, and the transform to a normal variate: memneuro/numerics/threefry.py
const words = new Uint32Array(2);
const key = new Int32Array(3);

function threefry2x32(c0, c1, k0, k1) {
  key[0] = k0;
  key[1] = k1;
  key[2] = k0 ^ k1 ^ PARITY;
  let x0 = (c0 + k0) | 0, x1 = (c1 + k1) | 0;
  for (let round = 0; round < ROUNDS; round++) {
    const turn = ROTATIONS[round % 8];
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << turn) | (x1 >>> (32 - turn))) ^ x0;
    if (round % 4 === 3) {
      const block = (round + 1) / 4;
      x0 = (x0 + key[block % 3]) | 0;
      x1 = (x1 + key[(block + 1) % 3] + block) | 0;
    }
  }
  words[0] = x0;
  words[1] = x1;
}

// Only the low 32 bits of seed and index count; the upper half of the step is mixed into the stream.
function drawWords(seed, index, step, stream) {
  const upper = Math.floor(step / 4294967296);
  threefry2x32(index | 0, step | 0, seed | 0, (stream + (upper << 16)) | 0);
}

// Uniform in (0, 1) from 40 bits.
function openUnit() {
  return 1 - (words[0] * 1048576 + (words[1] >>> 24) * 4096 + 2048) / 4503599627370496;
}

function threefry_uniform(seed, index, step, stream) {
  drawWords(seed, index, step, stream);
  return openUnit();
}

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);
const UPPER = new Uint8Array(new Uint16Array([1]).buffer)[0]; // 1 where the low byte comes first

function horner(coefficients, x) {
  let value = coefficients[0];
  for (let k = 1; k < coefficients.length; k++) value = coefficients[k] + x * value;
  return value;
}

function threefry_normal(seed, index, step, stream) {
  drawWords(seed, index, step, stream);
  const u = openUnit();
  const w = ((words[1] & 0xffffff) * 268435456 + 134217728) / 4503599627370496 - 0.5;
  // u = m 2**k with m in [sqrt(1/2), sqrt(2))
  double[0] = u;
  let k = (halves[UPPER] >>> 20) - 1022;
  halves[UPPER] = (halves[UPPER] & 0xfffff) | (1022 << 20);
  let m = double[0];
  if (m < Math.SQRT1_2) {
    m *= 2;
    k -= 1;
  }
  const s = (m - 1) / (m + 1), z = s * s;
  const logarithm = k * 0.6931471805599453 + (2 * s + s * z * horner(LOGARITHM, z));
  return Math.sqrt(-2 * logarithm) * (w * horner(SINE, w * w));
}
