"use strict";
// Draws the page's own aggregates. It asks for nothing and changes no number.
(() => {
  const data = JSON.parse(document.getElementById("days-data").textContent);
  const days = data.days.map((row) => Object.fromEntries(data.fields.map((name, at) => [name, row[at]])));
  const rows = [...document.querySelectorAll("#days tbody tr")].reverse();
  const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
  const MOST_COLUMNS = 12;
  const DAY = 86400000;
  const HEIGHT = { verdict: 60, figure: 150, drift: 70 };
  const PAD = { top: 16, bottom: 16, left: 4, right: 4 };
  // Least width of a day, in pixels, in which a sign can be read.
  const FOR_A_SIGN = 10;
  // Size at the top of a strip of drift; larger changes are cut there, and told in words.
  const TOP_SIZE = 4;
  const share = (value) => `${(100 * value).toFixed(1)}%`;
  const count = (value) => value.toLocaleString("en");
  const FIGURES = [
    { title: "Rows received, and decided", fields: ["received", "decided"], write: count, bars: true },
    { title: "Approved", fields: ["approval_rate"], write: share },
    { title: "Mean pd", fields: ["mean_pd"], write: share },
    { title: "In quarantine", fields: ["quarantine_share"], write: share, zero: true },
    { title: "Values missing", fields: ["missing_share"], write: share },
    { title: "Expected cost per application", fields: ["cost"], ends: ["cost_low", "cost_high"], write: (value) => value.toFixed(3) },
    { title: "Realised cost of those not refused, and the range expected of them", fields: ["realised_cost"], ends: ["realised_low", "realised_high"], write: (value) => value.toFixed(3), optional: true },
    { title: "Run time", fields: ["run_seconds"], write: (value) => `${value.toFixed(1)} s`, zero: true },
  ].filter((figure) => !figure.optional || days.some((day) => day[figure.fields[0]] !== null));
  let shown = days;

  const isWithout = (day) => !day.revisions;
  const weekday = (day) => WEEKDAYS[new Date(`${day.as_of}T00:00Z`).getUTCDay()];
  const standing = (day) => [day.state, day.verdict].filter((word) => word && word !== "published").join(", ");

  function make(name, attributes, parent, text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  }

  // --- places on a chart

  function frame(width, height) {
    const step = (width - PAD.left - PAD.right) / shown.length;
    return {
      width, height, step,
      left: (at) => PAD.left + at * step,
      middle: (at) => PAD.left + (at + 0.5) * step,
      base: height - PAD.bottom,
      inner: height - PAD.bottom - PAD.top,
    };
  }

  function bar(svg, at, part, colour, places) {
    const height = Math.max(1, part * places.inner);
    const gap = places.step > 4 ? 1 : 0;
    const size = { x: places.left(at), y: places.base - height, width: Math.max(0.5, places.step - gap), height };
    make("rect", { ...size, class: colour }, svg);
    return size;
  }

  function sign(svg, at, text, places, within) {
    if (places.step < FOR_A_SIGN || within.height < FOR_A_SIGN) return;
    make("text", { class: "sign", x: places.middle(at), y: within.y + Math.min(within.height / 2 + 3, 12) }, svg, text);
  }

  function ends(svg, places) {
    make("line", { class: "axis", x1: 0, x2: places.width, y1: places.base, y2: places.base }, svg);
    make("text", { x: PAD.left, y: places.height - 3 }, svg, shown[0].as_of);
    const last = shown[shown.length - 1].as_of;
    if (shown.length > 1) make("text", { x: places.width - PAD.right, y: places.height - 3, "text-anchor": "end" }, svg, last);
  }

  // --- what is drawn

  // Height tells the gravity as well as colour does.
  const LOOK = { alert: [1, "broken"], watch: [0.66, "warned"], ok: [0.33, "met"] };

  function drawVerdicts(svg, places) {
    shown.forEach((day, at) => {
      const [part, colour] = isWithout(day) ? [1, "hollow"] : LOOK[day.verdict] || [0.33, "unjudged"];
      const size = bar(svg, at, part, colour, places);
      sign(svg, at, isWithout(day) ? "×" : data.signs[day.verdict] || "-", places, size);
      if (isWithout(day) && places.step < FOR_A_SIGN) bar(svg, at, 1, "grey", places);
    });
    svg.querySelectorAll("rect.hollow + text.sign").forEach((node) => { node.style.fill = "var(--ink)"; });
  }

  function drawFigure(svg, places, figure) {
    const fields = [...figure.fields, ...(figure.ends || [])];
    const values = shown.flatMap((day) => fields.map((name) => day[name])).filter((value) => value !== null);
    if (!values.length) {
      make("text", { x: PAD.left, y: places.height / 2 }, svg, "No figure in these days.");
      return;
    }
    const low = figure.bars || figure.zero ? 0 : Math.min(...values);
    const high = Math.max(...values);
    const part = (value) => (high > low ? (value - low) / (high - low) : 0.5);
    const y = (value) => places.base - part(value) * places.inner;
    if (figure.bars) {
      const colours = ["unjudged", "today"];
      figure.fields.forEach((name, of) => shown.forEach((day, at) => {
        if (day[name]) bar(svg, at, part(day[name]), colours[of], places);
      }));
    } else {
      if (figure.ends) drawBand(svg, places, figure.ends, y);
      drawLine(svg, places, figure.fields[0], y);
    }
    drawMarks(svg, places, figure.bars ? null : figure.fields[0], y);
    make("text", { x: PAD.left, y: 11 }, svg, figure.write(high));
    if (low) make("text", { x: PAD.left, y: places.base - 3 }, svg, figure.write(low));
  }

  function drawBand(svg, places, [low, high], y) {
    shown.forEach((day, at) => {
      if (day[low] === null || day[high] === null) return;
      const size = { x: places.left(at), y: y(day[high]), width: Math.max(0.5, places.step), height: y(day[low]) - y(day[high]) };
      make("rect", { ...size, class: "band" }, svg);
    });
  }

  // The line leaves out days without the figure: it joins no two days over a gap.
  function drawLine(svg, places, name, y) {
    let path = "";
    let isOpen = false;
    shown.forEach((day, at) => {
      if (day[name] === null) { isOpen = false; return; }
      path += `${isOpen ? "L" : "M"}${places.middle(at).toFixed(1)} ${y(day[name]).toFixed(1)}`;
      if (!isOpen) path += "h0.01";
      isOpen = true;
    });
    make("path", { class: "line", d: path, "stroke-linecap": "round" }, svg);
  }

  function drawMarks(svg, places, name, y) {
    shown.forEach((day, at) => {
      const x = places.middle(at);
      if (isWithout(day)) {
        make("path", { class: "hollow", d: `M${x - 3} ${places.base - 8}l6 6m0 -6l-6 6` }, svg);
      } else if (name && day[name] !== null && (day.verdict === "alert" || day.verdict === "watch")) {
        const top = y(day[name]);
        const alert = `M${x} ${top - 5}l5 5l-5 5l-5 -5z`;
        const watch = `M${x} ${top - 5}l5 9h-10z`;
        make("path", { class: LOOK[day.verdict][1], d: day.verdict === "alert" ? alert : watch }, svg);
      }
    });
  }

  const driftOf = (day, place) => day.drift.find(([column]) => column === place);

  function drawDrift(svg, places, place) {
    shown.forEach((day, at) => {
      if (day.verdict === "insufficient") bar(svg, at, 1, "grey", places);
      const found = driftOf(day, place);
      if (!found) return;
      const [, size, level] = found;
      const known = size === null ? (level === "alert" ? 2 : 1) : size;
      const drawn = bar(svg, at, Math.min(known, TOP_SIZE) / TOP_SIZE, level === "ok" ? "small" : LOOK[level][1], places);
      if (level !== "ok") sign(svg, at, data.signs[level], places, drawn);
    });
    const y = places.base - places.inner / TOP_SIZE;
    make("line", { class: "alarm", x1: 0, x2: places.width, y1: y, y2: y }, svg);
  }

  // --- what is told of a day

  function say(day, words) {
    return `${day.as_of} ${weekday(day)}: ${words}`;
  }

  function sayFigure(day, figure) {
    const told = figure.fields.map((name) => (day[name] === null ? "not known" : figure.write(day[name])));
    const [low, high] = (figure.ends || []).map((name) => day[name]);
    const interval = low === undefined || low === null ? "" : ` (${figure.write(low)} to ${figure.write(high)})`;
    return say(day, `${told.join(", decided ")}${interval}; ${standing(day)}`);
  }

  function sayVerdict(day) {
    return say(day, [standing(day), day.sentence, ...day.remarks].filter(Boolean).join(". "));
  }

  function sayDrift(day, place) {
    const found = driftOf(day, place);
    if (day.verdict === "insufficient") return say(day, "insufficient, too few applications");
    if (!found) return say(day, standing(day) === "ok" ? "no difference beyond chance" : `nothing on it; ${standing(day)}`);
    const [, size, level] = found;
    const words = level === "ok" ? "below watch" : level;
    return say(day, size === null ? `${words}, size not written` : `${words}, ${size.toFixed(2)} times watch`);
  }

  // --- a chart that a person moves along

  // Returns what draws it: the width is known once all charts of a grid have their places.
  function chart(parent, title, height, draw, tell) {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    const plot = document.createElement("div");
    const readout = document.createElement("p");
    caption.textContent = title;
    plot.className = "plot";
    readout.className = "quiet readout";
    Object.entries({ role: "slider", tabindex: 0, "aria-label": title, "aria-valuemin": 0 })
      .forEach(([name, value]) => plot.setAttribute(name, value));
    figure.append(caption, plot, readout);
    parent.append(figure);
    return () => fill(plot, readout, height, draw, tell);
  }

  function fill(plot, readout, height, draw, tell) {
    const places = frame(Math.max(240, plot.clientWidth), height);
    const svg = make("svg", { viewBox: `0 0 ${places.width} ${height}`, width: places.width, height, "aria-hidden": "true" }, plot);
    draw(svg, places);
    ends(svg, places);
    const cursor = make("line", { class: "cursor", y1: PAD.top, y2: places.base }, svg);
    let at = shown.length - 1;

    function move(to) {
      at = Math.min(Math.max(to, 0), shown.length - 1);
      const words = tell(shown[at]);
      cursor.setAttribute("x1", places.middle(at));
      cursor.setAttribute("x2", places.middle(at));
      readout.textContent = words;
      plot.setAttribute("aria-valuenow", at);
      plot.setAttribute("aria-valuetext", words);
    }

    function place(event) {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) * places.width) / box.width;
      return Math.floor((x - PAD.left) / places.step);
    }

    function open() {
      if (shown[at].page) location.href = shown[at].page;
      else readout.textContent = `${tell(shown[at])} There is no page of this day.`;
    }

    const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -7, PageUp: 7 };
    plot.addEventListener("pointermove", (event) => move(place(event)));
    plot.addEventListener("click", (event) => { move(place(event)); open(); });
    plot.addEventListener("keydown", (event) => {
      if (event.key in STEPS) move(at + STEPS[event.key]);
      else if (event.key === "Home") move(0);
      else if (event.key === "End") move(shown.length - 1);
      else if (event.key === "Enter") open();
      else return;
      event.preventDefault();
    });
    plot.setAttribute("aria-valuemax", shown.length - 1);
    move(at);
  }

  // Places of the columns with most findings in the days shown, then those of the largest size.
  function worstColumns() {
    const by = new Map();
    for (const day of shown) {
      for (const [place, size, level] of day.drift) {
        const known = by.get(place) || { place, found: 0, largest: 0 };
        known.found += level === "ok" ? 0 : 1;
        known.largest = Math.max(known.largest, size || 0);
        by.set(place, known);
      }
    }
    const ordered = [...by.values()].sort((a, b) => b.found - a.found || b.largest - a.largest || a.place - b.place);
    return ordered.slice(0, MOST_COLUMNS).map((each) => each.place);
  }

  function draw() {
    const [trends, drift] = ["trends", "drift"].map((id) => document.getElementById(id));
    const columns = worstColumns();
    trends.hidden = false;
    drift.hidden = !columns.length;
    const [ofDays, ofColumns] = [trends, drift].map((section) => section.querySelector(".charts"));
    ofDays.replaceChildren();
    ofColumns.replaceChildren();
    const charts = [
      chart(ofDays, "Verdict", HEIGHT.verdict, drawVerdicts, sayVerdict),
      ...FIGURES.map((figure) => chart(
        ofDays, figure.title, HEIGHT.figure,
        (svg, places) => drawFigure(svg, places, figure), (day) => sayFigure(day, figure),
      )),
      ...columns.map((place) => chart(
        ofColumns, data.columns[place], HEIGHT.drift,
        (svg, places) => drawDrift(svg, places, place), (day) => sayDrift(day, place),
      )),
    ];
    charts.forEach((fill) => fill());
  }

  function choose(window) {
    const newest = Date.parse(days[days.length - 1].as_of);
    const isShown = (day) => !window || newest - Date.parse(day.as_of) < Number(window) * DAY;
    shown = days.filter(isShown);
    rows.forEach((row, at) => { row.hidden = !isShown(days[at]); });
    draw();
  }

  const control = document.getElementById("window");
  control.hidden = false;
  control.addEventListener("change", (event) => choose(event.target.value));
  let width = document.documentElement.clientWidth;
  addEventListener("resize", () => {
    if (document.documentElement.clientWidth === width) return;
    width = document.documentElement.clientWidth;
    draw();
  });
  // In print the table is whole, as without the script.
  addEventListener("beforeprint", () => rows.forEach((row) => { row.hidden = false; }));
  addEventListener("afterprint", () => choose(control.querySelector("input:checked").value));
  choose(control.querySelector("input:checked").value);
})();
