// Clicking a bar or a point of an overview chart opens the traces of that moment, with the filter of what was clicked.
// The figure says which moments its points are (layout.meta) and what each of its traces filters by (meta).
const overview = document.getElementById("overview");

function tracesOf(figure, point) {
  const { starts, step_seconds: step } = point.fullLayout?.meta ?? figure.layout.meta;
  const url = new URL(figure.closest("[data-chart-link]").dataset.chartLink, location.href);
  const index = point.pointIndex ?? point.pointNumber;
  const start = starts[index];
  url.searchParams.delete("range");
  url.searchParams.set("from", new Date(start * 1000).toISOString());
  url.searchParams.set("to", new Date((starts[index + 1] ?? start + step) * 1000).toISOString());
  for (const [name, value] of Object.entries(point.data.meta ?? {})) url.searchParams.set(name, value);
  return url;
}

function listen(plot) {
  if (plot.dataset.state !== "ready" || plot.chartDrills) return;
  plot.chartDrills = true;
  plot.on("plotly_click", ({ points }) => {
    // With one hover label for all lines, the event names every line at that moment; a filter only fits a single bar.
    const clicked = points.length === 1 ? points[0] : { ...points[0], data: { meta: {} } };
    location.assign(tracesOf(plot, clicked));
  });
}

// A page without data has no charts.
if (overview) new MutationObserver(() => overview.querySelectorAll(".chart-plot").forEach(listen))
  .observe(overview.parentElement, { subtree: true, attributes: true, attributeFilter: ["data-state"] });
