// Plotly figures. <figure data-chart> holds a plot element and either <script type="application/json"> with {data, layout} or
// data-chart-src. data-chart-live="metrics" fetches again on that event. Colours named "--token" anywhere in a figure come
// from the stylesheets, so figures survive a change of theme. Cartesian SVG traces only; the policy forbids inline styles.
const FIGURES = "figure[data-chart]";
// Plotly skips adding its own style elements when these exist: its rules are in chart.css, MapLibre's are never needed.
const STYLE_MARKERS = [["plotly.js-style-global", "no-inline-styles"], ["9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53", ""]];
const figures = new Map();
let loading;

function plotly() {
  loading ??= new Promise((resolve, reject) => {
    for (const [id, className] of STYLE_MARKERS) document.head.append(Object.assign(document.createElement("template"), { id, className }));
    const script = document.createElement("script");
    script.src = new URL("../vendor/plotly.min.js", import.meta.url);
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { loading = undefined; reject(new Error("plotly.min.js did not load")); };
    document.head.append(script);
  });
  return loading;
}

let probe;
function token(name) {
  if (!probe) {
    probe = document.createElement("span");
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.setProperty("color", `var(${name})`);
  return getComputedStyle(probe).color;
}

function coloured(value) {
  if (typeof value === "string") return value.startsWith("--") ? token(value) : value;
  if (Array.isArray(value)) return value.map(coloured);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, coloured(inner)]));
  return value;
}

function axis(extra, given = {}) {
  return {
    gridcolor: token("--chart-grid"), linecolor: token("--line-strong"), zeroline: false, fixedrange: true, automargin: true,
    ticks: "", tickfont: { size: 11, color: token("--text-faint") }, ...extra, ...coloured(given),
  };
}

function layoutFor(figure) {
  const font = getComputedStyle(document.body).fontFamily;
  const given = figure.layout ?? {};
  return {
    ...coloured(given),
    font: { family: font, size: 12, color: token("--text-soft") },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 4, r: 4, t: 4, b: 4, ...given.margin },
    hovermode: given.hovermode ?? "x unified",
    hoverlabel: { namelength: -1, bgcolor: token("--surface-raised"), bordercolor: token("--line-strong"), font: { family: font, size: 12, color: token("--text") } },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, xanchor: "left", font: { size: 12, color: token("--text-soft") }, itemclick: "toggle", ...given.legend },
    bargap: given.bargap ?? 0.25,
    xaxis: axis({ showgrid: false }, given.xaxis),
    yaxis: axis({ rangemode: "tozero", nticks: 5 }, given.yaxis),
    ...(given.yaxis2 ? { yaxis2: axis({ rangemode: "tozero", showgrid: false, nticks: 5 }, given.yaxis2) } : {}),
  };
}

function empty(figure) {
  return !figure?.data?.some((trace) => (trace.y ?? trace.x ?? []).some((value) => value !== null));
}

function say(plot, state) {
  plot.dataset.state = state;
  plot.dataset.text = plot.dataset[`text${state[0].toUpperCase()}${state.slice(1)}`] ?? "";
}

async function draw(element, figure) {
  const plot = element.querySelector(".chart-plot");
  figures.set(element, figure);
  if (empty(figure)) {
    if (window.Plotly && plot.classList.contains("js-plotly-plot")) window.Plotly.purge(plot);
    say(plot, "empty");
    return;
  }
  const Plotly = await plotly();
  // `uirevision` keeps what the person switched off in the legend through live updates.
  const layout = { uirevision: "kept", ...layoutFor(figure) };
  await Plotly.react(plot, coloured(figure.data), layout, { displayModeBar: false, responsive: false, doubleClick: false });
  say(plot, "ready");
}

async function load(element) {
  const plot = element.querySelector(".chart-plot");
  if (element.loadingChart) { element.loadAgain = true; return; }
  element.loadingChart = true;
  try {
    const inline = element.querySelector(':scope > script[type="application/json"]');
    const figure = inline ? JSON.parse(inline.textContent) : await fetchFigure(element.dataset.chartSrc);
    await draw(element, figure);
  } catch {
    // An old picture with the live indicator on "reconnecting" says more than an error in its place.
    if (plot.dataset.state === "loading") say(plot, "failed");
  } finally {
    element.loadingChart = false;
    if (element.loadAgain) { element.loadAgain = false; load(element); }
  }
}

async function fetchFigure(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

function adopt(element) {
  const source = element.dataset.chartSrc ?? element.querySelector(':scope > script[type="application/json"]')?.textContent;
  if (element.chartSource === source) return;
  element.chartSource = source;
  load(element);
  if (element.dataset.chartLive && !element.chartListens) {
    element.chartListens = true;
    document.body.addEventListener(`live:${element.dataset.chartLive}`, () => {
      if (element.isConnected && element.dataset.chartSrc) load(element);
    });
  }
  resizes.observe(element);
}

const resizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const plot = target.querySelector(".chart-plot.js-plotly-plot");
    if (plot && window.Plotly) window.Plotly.Plots.resize(plot);
  }
});

function adoptAll() {
  for (const element of figures.keys()) if (!element.isConnected) figures.delete(element);
  for (const element of document.querySelectorAll(FIGURES)) adopt(element);
}

document.addEventListener("handrail:theme", () => { for (const [element, figure] of figures) draw(element, figure); });
document.addEventListener("htmx:after:swap", adoptAll);
adoptAll();
