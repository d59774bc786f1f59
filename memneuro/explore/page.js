// The controls and what they move. Settings are positions of sliders; values are those that PAGE lists.

const byId = (id) => document.getElementById(id);
const slider = (control) => byId(control.name);
const valueOf = (control) => control.values[Number(slider(control).value)];
const withUnit = (control) => `${valueOf(control)} ${control.unit}`.trim();
const chosenDrive = () => document.querySelector("input[name=drive]:checked").value;
const colour = (name) => `var(--${name})`;
const digits = (value, count) => (value === null ? "–" : String(Number(value.toPrecision(count))));

// What the page shows, for those who want to look at it from outside.
const shown = { setting: null, result: null, curve: null };

function readSetting() {
  const values = {};
  for (const control of PAGE.controls) values[control.name] = valueOf(control) * control.factor;
  const temperature = PAGE.controls.findIndex((control) => control.name === "temperature");
  return {
    drive: chosenDrive(),
    values,
    seed: Number(byId("seed").value),
    duration: Number(byId("duration").value) * 0.001,
    step: PAGE.steps[Number(slider(PAGE.controls[temperature]).value)],
  };
}

// A pulse cannot be longer than the period: the other slider gives way.
function keepPulsesApart(moved) {
  const [width, period] = ["width", "period"].map((name) => PAGE.controls.find((control) => control.name === name));
  if (valueOf(width) <= valueOf(period)) return;
  if (moved === "width") slider(period).value = slider(width).value;
  else slider(width).value = slider(period).value;
}

function showControls(setting) {
  for (const control of PAGE.controls) {
    byId(`${control.name}-value`).textContent = withUnit(control);
    slider(control).setAttribute("aria-valuetext", withUnit(control));
    const off = control.drive !== "" && control.drive !== setting.drive;
    slider(control).disabled = off;
    slider(control).closest(".control").classList.toggle("off", off);
  }
}

function showNumbers(result) {
  byId("rate").textContent = digits(result.rate, 4);
  byId("first").textContent = result.first === null ? "–" : digits(result.first * 1000, 6);
  byId("interval").textContent = result.interval === null ? "–" : digits(result.interval * 1000, 4);
  byId("cv").textContent = digits(result.cv, 3);
  byId("count").textContent = String(result.count);
}

// What the numbers alone would not tell.
function remarkOn(setting, result) {
  if (result.count === 0) return "No spike.";
  const gate = result.traces[PAGE.observed.indexOf("v_gate")], threshold = PAGE.threshold;
  const low = gate.findLastIndex((value) => value <= threshold);
  const since = low < 0 ? 0 : result.times[low];
  if (setting.duration - since < PAGE.latched * setting.duration) return "";
  return `Latched: the gate stays above the threshold from ${digits(result.spikes.at(-1) * 1000, 6)} ms on.`;
}

function drawTraces(setting, result) {
  const times = result.times.map((time) => time * 1000);
  const panels = PAGE.panels.map((panel) => ({
    label: panel.label,
    share: panel.share,
    level: panel.level,
    series: panel.series.map((series) => ({
      name: series.name,
      x: times,
      y: result.traces[PAGE.observed.indexOf(series.name)].map((value) => value / panel.unit),
      colour: colour(series.colour),
      dash: series.dash,
      thin: series.thin,
    })),
  }));
  const high = setting.duration * 1000;
  drawPanels(byId("traces"), panels, { label: "Time (ms)", high, height: (narrow) => (narrow ? 240 : 380) });
  byId("traces").setAttribute("aria-label", `Traces over ${high} ms with ${result.count} spikes`);
}

function drawCurve(setting, curve, result) {
  const amplitude = PAGE.controls.find((control) => control.name === "amplitude");
  const series = [{ x: curve.amplitudes.slice(0, curve.rates.length), y: curve.rates, colour: colour("blue"), dots: true }];
  if (curve.rates.length < curve.amplitudes.length && curve.before) {
    series.unshift({ ...curve.before, colour: colour("blue"), faint: true });
  }
  const marks = [{ x: setting.values.amplitude, y: result.rate, colour: colour("vermilion") }];
  const highest = Math.max(...series.flatMap((one) => one.y), result.rate);
  const panels = [{ label: "Rate (spikes/s)", high: roundUp(highest), series, marks }];
  const label = `Drive amplitude (${amplitude.unit})`;
  drawPanels(byId("curve"), panels, { label, high: amplitude.values.at(-1), height: (narrow) => (narrow ? 240 : 260) });
  const done = curve.rates.length === curve.amplitudes.length;
  byId("progress").textContent = done ? "" : `computing point ${curve.rates.length + 1} of ${curve.amplitudes.length}`;
}

// The curve does not depend on the amplitude chosen, so moving that slider keeps it.
function curveKey(setting) {
  return JSON.stringify({ ...setting, values: { ...setting.values, amplitude: null } });
}

let running = 0;

function startCurve(setting) {
  const key = curveKey(setting);
  if (shown.curve && shown.curve.key === key) return;
  const old = shown.curve, whole = old && old.rates.length === old.amplitudes.length;
  const before = whole ? { x: old.amplitudes, y: old.rates } : old?.before;
  shown.curve = { key, amplitudes: PAGE.amplitudes, rates: [], before };
  const points = rateCurve(setting, PAGE.amplitudes), mine = ++running;
  const work = () => {
    if (mine !== running) return;
    const until = performance.now() + 12;
    for (let next = points.next(); !next.done; next = points.next()) {
      if (next.value !== null) shown.curve.rates.push(next.value);
      if (performance.now() > until) break;
    }
    drawCurve(shown.setting, shown.curve, shown.result);
    if (shown.curve.rates.length < PAGE.amplitudes.length) setTimeout(work, 0);
  };
  setTimeout(work, 0);
}

// Code that gives the same spikes in Brian2.
function showCode(setting) {
  const quantity = (name) => {
    const control = PAGE.controls.find((one) => one.name === name);
    return control.brian ? `${valueOf(control)}*${control.brian}` : String(valueOf(control));
  };
  const cards = PAGE.controls.filter((control) => PAGE.of_cards.includes(control.name));
  const changes = cards.map((control) => `${control.name}=${quantity(control.name)}`).join(", ");
  const pulses = `PulseTrain(${quantity("amplitude")}, width=${quantity("width")}, period=${quantity("period")})`;
  byId("code").textContent = [
    "from brian2 import Mohm, Network, SpikeMonitor, kelvin, mV, ms, volt",
    "from memneuro import Constant, OneM1T1R, PulseTrain",
    "",
    `neuron = OneM1T1R("${PAGE.device}", "${PAGE.circuit}")`,
    `neuron = neuron.with_(${changes})`,
    `drive = ${setting.drive === "pulses" ? pulses : `Constant(${quantity("amplitude")})`}`,
    `group = neuron.group(drive=drive, seed=${setting.seed})  # time step ${digits(setting.step * 1e6, 6)} us`,
    "spikes = SpikeMonitor(group)",
    `Network(group, spikes).run(${byId("duration").value}*ms)`,
    "print(spikes.t/ms)",
  ].join("\n");
}

function update() {
  const setting = readSetting();
  shown.setting = setting;
  shown.result = simulate(setting, 8000);
  showControls(setting);
  showNumbers(shown.result);
  byId("remark").textContent = remarkOn(setting, shown.result);
  drawTraces(setting, shown.result);
  byId("step").textContent = `${digits(setting.step * 1e6, 6)} µs`;
  showCode(setting);
  startCurve(setting);
  drawCurve(setting, shown.curve, shown.result);
}

let waiting = false;

function soon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    update();
  });
}

function reset() {
  byId("controls").reset();
  byId("seed-error").textContent = "";
  soon();
}

function start() {
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("controls").addEventListener("input", (event) => {
    if (event.target.id === "seed" || event.target.id === "duration") return;
    keepPulsesApart(event.target.id);
    soon();
  });
  byId("seed").addEventListener("change", () => {
    const good = byId("seed").checkValidity() && byId("seed").value !== "";
    byId("seed-error").textContent = good ? "" : `A whole number from 0 to ${byId("seed").max}.`;
    if (good) soon();
    else byId("seed").value = String(shown.setting.seed);
  });
  byId("duration").addEventListener("change", soon);
  byId("new-noise").addEventListener("click", () => {
    byId("seed").value = String((Number(byId("seed").value) + 1) % (Number(byId("seed").max) + 1));
    byId("seed-error").textContent = "";
    soon();
  });
  byId("restore").addEventListener("click", reset);
  new ResizeObserver(() => {
    if (!shown.result) return;
    drawTraces(shown.setting, shown.result);
    drawCurve(shown.setting, shown.curve, shown.result);
  }).observe(document.body);
  reset();
}

start();
