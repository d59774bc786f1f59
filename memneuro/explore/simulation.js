// Traces, spike-train numbers and the rate curve. A setting is
//   { drive, values: {control: number in SI units}, seed, duration, step }   (second)

// Neuron i of the group that the page stands for: 0 is the one whose traces are drawn.
function makeNeuron(setting, i, amplitude) {
  const given = { ...PAGE.drives[setting.drive], dt: setting.step, i, noise_seed: setting.seed, noise_offset: 0 };
  for (const control of PAGE.controls) {
    for (const name of control.sets) if (name in given) given[name] = setting.values[control.name];
  }
  if (amplitude !== undefined) {
    for (const name of PAGE.controls.find((control) => control.name === "amplitude").sets) {
      if (name in given) given[name] = amplitude;
    }
  }
  return PROGRAMS[setting.drive](given);
}

function stepsOf(setting) {
  return Math.round(setting.duration / setting.step);
}

// Spike times and, for each of PAGE.observed, about `samples` values at even distances.
function simulate(setting, samples) {
  const neuron = makeNeuron(setting, 0), steps = stepsOf(setting), every = Math.max(1, Math.floor(steps / samples));
  const spikes = [], times = [], traces = PAGE.observed.map(() => []);
  for (let done = 0; done < steps; done += every) {
    times.push(done * setting.step);
    neuron.observe().forEach((value, k) => traces[k].push(value));
    neuron.advance(Math.min(every, steps - done), spikes);
  }
  return { spikes, times, traces, ...statistics(spikes, setting.duration) };
}

// Rate over the whole duration (1/s), first spike and mean interval (s), coefficient of variation of the intervals
// (sample standard deviation over mean); null where there are too few spikes.
function statistics(spikes, duration) {
  const count = spikes.length, intervals = spikes.slice(1).map((time, k) => time - spikes[k]);
  const mean = count > 1 ? (spikes[count - 1] - spikes[0]) / (count - 1) : null;
  const squares = intervals.reduce((sum, interval) => sum + (interval - mean) ** 2, 0);
  return {
    count,
    rate: count / duration,
    first: count > 0 ? spikes[0] : null,
    interval: mean,
    cv: count > 2 ? Math.sqrt(squares / (count - 2)) / mean : null,
  };
}

// The rate at each amplitude, point k from neuron k + 1 of the group. Yields often, so that the page stays alive.
function* rateCurve(setting, amplitudes) {
  const steps = stepsOf(setting);
  for (let k = 0; k < amplitudes.length; k++) {
    const neuron = makeNeuron(setting, k + 1, amplitudes[k]), spikes = [];
    for (let done = 0; done < steps; done += 5000) {
      neuron.advance(Math.min(5000, steps - done), spikes);
      yield null;
    }
    yield spikes.length / setting.duration;
  }
}
