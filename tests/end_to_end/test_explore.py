"""The page with sliders: its JavaScript beside Brian2, as a program and in a browser."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from brian2 import Mohm, Network, SpikeMonitor, kelvin, ms, mV, prefs, second, volt

from memneuro import OneM1T1R, PulseTrain
from memneuro.backend import backend
from memneuro.circuit.transistor import drain_voltage, nmos_current
from memneuro.explore.page import page, write_page
from memneuro.numerics.elementary import _relaxation, _relaxation_pade
from memneuro.numerics.threefry import threefry_normal, threefry_uniform

DURATION = 400 * ms
#: Amplitude (V), width and period (ms), control resistor (Mohm), temperature (K), noise (mV), all with the step that
#: the page has at 300 K; the first is the one with which it opens.
SETTINGS = [
    (0.80, 1.0, 2.0, 250, 300, 39),
    (0.80, 1.0, 2.0, 250, 300, 0),
    (0.80, 3.0, 3.0, 250, 300, 39),
    (0.80, 3.0, 3.0, 500, 300, 0),
    (0.80, 1.0, 2.0, 50, 300, 39),
    (0.85, 1.5, 3.0, 50, 290, 39),
    (0.88, 1.5, 2.0, 100, 290, 39),
]
#: Settings drawn at random from the sliders, with temperatures of that step.
DRAWN = 150
CURVE = [0.74, 0.77, 0.82, 0.9]
SEED = 7


@pytest.fixture(scope="module")
def neuron():
    return OneM1T1R("hopping")


@pytest.fixture(scope="module")
def html(neuron):
    return page(neuron)


def script(html, name):
    """The text of one script element."""
    (found,) = re.findall(rf'<script id="{name}">\n(.*?)</script>', html, flags=re.DOTALL)
    return found


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Evaluate an expression after the page's own model code: `node(html, expression)`."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node not found")
    file = tmp_path_factory.mktemp("node") / "model.js"

    def evaluate(html, expression):
        file.write_text(f"{script(html, 'model')}\nconsole.log(JSON.stringify({expression}));\n", encoding="utf-8")
        done = subprocess.run([program, file], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return evaluate


def setting(step, amplitude, width, period, resistor, temperature, noise):
    """A setting as the page makes it: SI numbers."""
    values = {
        "amplitude": amplitude,
        "width": width * 1e-3,
        "period": period * 1e-3,
        "r_control": resistor * 1e6,
        "temperature": temperature,
        "sigma_tip": noise * 1e-3,
    }
    return {
        "drive": "constant" if width == period else "pulses",
        "values": values,
        "seed": SEED,
        "duration": float(DURATION / second),
        "step": step,
    }


def drawn(data, step):
    """Rows like SETTINGS: each slider anywhere, the width below the period."""
    random = np.random.default_rng(1)
    places = {control["name"]: control["values"] for control in data["controls"]}
    assert {control["factor"] for control in data["controls"]} == {1, 1e-3, 1e6}
    places["temperature"] = [t for t, s in zip(places["temperature"], data["steps"], strict=True) if s == step]
    names = ("amplitude", "width", "period", "r_control", "temperature", "sigma_tip")
    rows = []
    while len(rows) < DRAWN:
        row = tuple(float(random.choice(places[name])) for name in names)
        if row[1] < row[2]:
            rows.append(row)
    return rows


def brian2_trains(neuron, rows, step):
    """Brian2's spike times (s) for rows like SETTINGS."""
    amplitude, width, period, resistor, temperature, noise = np.array(rows).T
    with backend("cpp"):
        group = neuron.group(
            len(rows),
            drive=PulseTrain(amplitude * volt, width=width * ms, period=period * ms),
            dt=step * second,
            seed=SEED,
            r_control=resistor * Mohm,
            temperature=temperature * kelvin,
            sigma_tip=noise * mV,
        )
        spikes = SpikeMonitor(group)
        Network(group, spikes).run(DURATION, namespace={})
        return [np.asarray(times) for times in spikes.spike_trains().values()]


def test_same_spikes_as_brian2(neuron, html, node):
    """Neuron 0 has the traces, neurons 1 to n are the points of the curve; every setting has Brian2's spikes.

    Compiled code and browsers round alike on every machine, but `exp` differs in its last digit between them, and
    where spikes hang on that digit they part after a while. Anywhere on the sliders that is rare.
    """
    data = node(html, "PAGE")
    step = float(neuron.default_step / second)
    rows = [SETTINGS[0], *((amplitude, *SETTINGS[0][1:]) for amplitude in CURVE), *SETTINGS[1:], *drawn(data, step)]
    first, rest = setting(step, *SETTINGS[0]), [setting(step, *row) for row in rows[1 + len(CURVE) :]]
    opens = {control["name"]: control["values"][control["start"]] * control["factor"] for control in data["controls"]}
    assert first["values"] == pytest.approx(opens, rel=1e-12)
    found = node(
        html,
        f"""(() => {{
          const train = (setting, i) => {{
            const spikes = [];
            makeNeuron(setting, i).advance(stepsOf(setting), spikes);
            return spikes;
          }};
          const first = {json.dumps(first)}, rest = {json.dumps(rest)};
          return {{
            traces: simulate(first, 1000),
            curve: [...rateCurve(first, {CURVE})].filter((rate) => rate !== null),
            others: rest.map((setting, k) => train(setting, k + {1 + len(CURVE)})),
          }};
        }})()""",
    )
    trains = brian2_trains(neuron, rows, step)
    seconds = float(DURATION / second)
    train, points, others = trains[0], trains[1 : 1 + len(CURVE)], trains[1 + len(CURVE) :]
    named = len(SETTINGS) - 1
    assert min(counts := [len(times) for times in [train, *others[:named]]]) >= 5, counts
    intervals = np.diff(train)
    assert found["traces"]["rate"] == pytest.approx(len(train) / seconds, rel=0.01)
    assert found["traces"]["first"] == pytest.approx(train[0], abs=step / 2)
    assert found["traces"]["interval"] == pytest.approx(intervals.mean(), rel=0.01)
    assert found["traces"]["cv"] == pytest.approx(np.std(intervals, ddof=1) / intervals.mean(), rel=0.01)
    rates = [len(times) / seconds for times in points]
    assert len(set(rates)) == len(CURVE)
    assert found["curve"] == pytest.approx(rates, rel=0.01)
    for here, there in zip(found["others"][:named], others[:named], strict=True):
        assert here == pytest.approx(there, abs=step / 2)
    here, there = (np.array([len(times) for times in group[named:]]) for group in (found["others"], others))
    fires = there > 0
    assert fires.sum() > DRAWN / 4
    assert np.mean(here[fires] == there[fires]) > 0.9
    assert here.sum() == pytest.approx(there.sum(), rel=0.01)


def test_same_seed_same_noise(html, node):
    """The noise is NumPy's to the last bit, for initial values (negative steps) and beyond 2**32 steps too."""
    random = np.random.default_rng(1)
    rows = random.integers([0, 0, -5, 0], [2**31, 2**31, 2**40, 9], size=(200, 4)).tolist()
    rows += [[0, 0, -1, 0], [2**31 - 1, 2**31 - 1, -1, 3], [1, 0, 2**32 - 1, 0], [1, 0, 2**32, 0]]
    for name, function in (("threefry_normal", threefry_normal), ("threefry_uniform", threefry_uniform)):
        found = node(html, f"{rows}.map((row) => {name}(...row))")
        assert found == [float(function.pyfunc(*row)) for row in rows]


def test_functions_agree_with_those_of_the_package(html, node):
    points = [-3.0, -1e-9, 0.0, 1e-12, 0.3, 40.0]
    gates = [-0.2, 0.0, 0.15, 0.22, 0.4, 1.0]
    transistor = [3.75e-4, 0.22, 1.5, 300.0]
    checks = {
        f"{points}.map(relaxation)": [_relaxation(z) for z in points],
        f"{points}.map(relaxation_pade)": [_relaxation_pade(z) for z in points],
        f"{gates}.map((v) => nmos_current(v, 0.3, ...{transistor}))": [
            nmos_current.pyfunc(v, 0.3, *transistor) for v in gates
        ],
        f"{gates}.map((v) => drain_voltage(v, 0.5, 47e3, ...{transistor}))": [
            drain_voltage.pyfunc(v, 0.5, 47e3, *transistor) for v in gates
        ],
    }
    found = node(html, f"[{', '.join(checks)}]")
    for here, there in zip(found, checks.values(), strict=True):
        assert here == pytest.approx([float(value) for value in there], rel=1e-11)


@pytest.mark.parametrize("device", ["hopping_bounded_2e4d", "compact", "area_pulse", "ag_particles_1"])
def test_other_devices_are_translated_too(device, node):
    """Every state after 500 steps is Brian2's."""
    prefs.codegen.target = "numpy"
    other = OneM1T1R(device)
    group = other.group(drive=PulseTrain(0.8 * volt, width=1 * ms, period=2 * ms), seed=SEED)
    Network(group).run(500 * other.default_step, namespace={})
    text = page(other)
    given = {"dt": float(other.default_step), "i": 0, "noise_seed": SEED, "noise_offset": 0}
    observed = json.loads(re.search(r'"observed": (\[.*?\])', text)[1])
    run = f"(() => {{ const n = pulses({{...PAGE.drives.pulses, ...{json.dumps(given)}}});"
    found = node(text, f"{run} n.advance(500, []); return n.observe(); }})()")
    assert len(observed) >= 4
    for name, value in zip(observed, found, strict=True):
        assert value == pytest.approx(np.ravel(np.asarray(getattr(group, name)[:]))[0], rel=1e-6, abs=1e-15), name


class Elements(HTMLParser):
    """All elements of a page with their attributes."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_the_page_loads_nothing(html):
    parser = Elements()
    parser.feed(html)
    for tag, attributes in parser.found:
        for name in ("src", "href", "srcset", "action", "data"):
            assert attributes.get(name, "data:").startswith(("data:", "#")), (tag, attributes)
    for word in ("url(", "@import", "fetch(", "XMLHttpRequest", "import(", "WebSocket"):
        assert word not in html


def test_every_control_has_a_label_a_unit_and_an_explanation(html):
    parser = Elements()
    parser.feed(html)
    labels = {attributes.get("for") for tag, attributes in parser.found if tag == "label"}
    ids = [attributes["id"] for _, attributes in parser.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    sliders = [attributes for tag, attributes in parser.found if attributes.get("type") == "range"]
    assert {a["id"] for a in sliders} == {"amplitude", "width", "period", "r_control", "temperature", "sigma_tip"}
    for attributes in sliders:
        assert attributes["id"] in labels
        assert attributes["aria-describedby"] in ids
        assert re.fullmatch(r"[\d.]+ (V|ms|MΩ|K|mV)", attributes["aria-valuetext"])


def test_start_values_and_steps_are_those_of_the_card(neuron, html, node):
    data = node(html, "PAGE")
    cards = {**neuron.device.parameters, **neuron.circuit.parameters}
    for control in data["controls"]:
        assert control["values"] == sorted(set(control["values"]))
        if control["name"] in cards:
            start = control["values"][control["start"]] * control["factor"]
            assert start == pytest.approx(cards[control["name"]].value, rel=1e-12)
    (temperature,) = [control for control in data["controls"] if control["name"] == "temperature"]
    for value, step in list(zip(temperature["values"], data["steps"], strict=True))[::15]:
        assert step == float(neuron.with_(temperature=value * kelvin).default_step)


def test_command(run_memneuro, tmp_path):
    file = tmp_path / "pages" / "neuron.html"
    done = run_memneuro("explore", "--out", file)
    assert (done.returncode, done.stdout) == (0, f"page: {file}\n"), done.stderr
    assert file.read_text(encoding="utf-8") == page(OneM1T1R("hopping"))


def test_another_kind_of_file_is_not_replaced(run_memneuro, tmp_path):
    file = tmp_path / "trace.png"
    file.write_text("mine")
    done = run_memneuro("explore", "--out", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert "accepted: a name that ends in .html" in done.stderr
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("device", "said"), [("nothing", "unknown card 'nothing'"), ("and_ts", "time step of 1e-08 s")]
)
def test_a_device_that_does_not_suit_is_named(run_memneuro, tmp_path, device, said):
    file = tmp_path / "neuron.html"
    done = run_memneuro("explore", "--device", device, "--out", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-dev-shm-usage "
    "--disable-background-networking --disable-component-update --disable-sync --window-size=1200,900"
).split()


@pytest.fixture
def browser(tmp_path):
    """A headless Chromium."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        pytest.skip("chromium or chromedriver not found")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    yield driver
    driver.quit()


def test_in_a_browser(browser, tmp_path):
    """A slider moved with the keyboard changes the traces and the numbers; the numbers are Brian2's."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select, WebDriverWait

    browser.get(write_page(tmp_path / "neuron.html").as_uri())
    wait = WebDriverWait(browser, 15)

    def text(name):
        return browser.find_element(By.ID, name).get_attribute("textContent")

    def trace(name):
        return browser.find_element(By.CSS_SELECTOR, f'[data-name="{name}"]').get_attribute("points")

    def choose_duration(milliseconds):
        Select(browser.find_element(By.ID, "duration")).select_by_value(f"{milliseconds}")
        wait.until(lambda _: f"run({milliseconds}*ms)" in text("code"))
        wait.until(lambda _: text("rate") != "–")

    def brian2_agrees(milliseconds):
        """The printed numbers are those of the code that the page prints, run in Brian2."""
        code = {}
        exec(text("code"), code)
        times = np.asarray(code["spikes"].t / ms)
        intervals = np.diff(times)
        assert len(times) > 5
        assert float(text("count")) == pytest.approx(len(times), rel=0.01)
        assert float(text("rate")) == pytest.approx(len(times) / milliseconds * 1000, rel=0.01)
        assert float(text("first")) == pytest.approx(times[0], rel=0.01)
        assert float(text("interval")) == pytest.approx(intervals.mean(), rel=0.01)
        assert float(text("cv")) == pytest.approx(np.std(intervals, ddof=1) / intervals.mean(), rel=0.01)

    prefs.codegen.target = "numpy"
    wait.until(lambda _: text("rate") != "–")
    choose_duration(500)
    brian2_agrees(500)
    choose_duration(200)
    browser.find_element(By.CSS_SELECTOR, "input[value=constant]").click()
    wait.until(lambda _: "Constant(0.8*volt)" in text("code"))
    assert not browser.find_element(By.ID, "period").is_enabled()
    before = text("rate"), trace("v_gate"), trace("v_in")
    slider = browser.find_element(By.ID, "amplitude")
    slider.send_keys(Keys.ARROW_RIGHT * 5)
    wait.until(lambda _: text("amplitude-value") == "0.85 V" and text("rate") != before[0])
    assert slider.get_attribute("aria-valuetext") == "0.85 V"
    assert trace("v_gate") != before[1] and trace("v_in") != before[2]
    points = browser.execute_script("return PAGE.amplitudes.length")
    wait.until(lambda _: len(browser.find_elements(By.CSS_SELECTOR, "#curve circle")) == points)

    brian2_agrees(200)

    # A pulse is never longer than the period: the period follows.
    browser.find_element(By.CSS_SELECTOR, "input[value=pulses]").click()
    wait.until(lambda _: browser.find_element(By.ID, "width").is_enabled())
    browser.find_element(By.ID, "width").send_keys(Keys.ARROW_RIGHT * 12)
    wait.until(lambda _: text("width-value") == "2.2 ms" and text("period-value") == "2.2 ms")
    browser.find_element(By.ID, "restore").click()
    wait.until(lambda _: text("amplitude-value") == "0.8 V" and text("period-value") == "2 ms")
    assert browser.get_log("browser") == []
