// The waterfall as a tree grid: arrows move, open and close; Enter or a click shows the span beside it and writes it into the
// address. Rows are plain elements and events are delegated, so five thousand of them cost nothing until they are seen.
const page = document.getElementById("trace");
const closed = new Set();

const grid = () => document.getElementById("waterfall");
const rows = () => [...grid().children];
const level = (row) => Number(row.getAttribute("aria-level"));
const idOf = (row) => row.id.slice(2);

/** Hides everything below closed rows. One pass in reading order: a row is hidden while a closed one above it is less deep. */
function fold() {
  let limit = Infinity;
  for (const row of rows()) {
    const depth = level(row);
    if (depth <= limit) limit = Infinity;
    row.hidden = limit !== Infinity;
    if (!row.hasAttribute("aria-expanded")) continue;
    const isClosed = closed.has(row.id);
    row.setAttribute("aria-expanded", String(!isClosed));
    if (isClosed && limit === Infinity) limit = depth;
  }
}

function toggle(row, open) {
  if (open) closed.delete(row.id);
  else closed.add(row.id);
  fold();
}

function focusRow(row) {
  if (!row) return;
  for (const other of grid().querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
  row.tabIndex = 0;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function reveal(row) {
  let depth = level(row);
  for (let above = row.previousElementSibling; above && depth > 1; above = above.previousElementSibling) {
    if (level(above) >= depth) continue;
    depth = level(above);
    closed.delete(above.id);
  }
  fold();
}

function mark(id) {
  for (const row of grid().querySelectorAll('[aria-selected="true"]')) row.removeAttribute("aria-selected");
  const row = id && document.getElementById(`s-${id}`);
  if (row) row.setAttribute("aria-selected", "true");
  return row;
}

function address(id) {
  const url = new URL(location.href);
  if (id) url.searchParams.set("span", id);
  else url.searchParams.delete("span");
  history.replaceState(history.state, "", url);
}

async function select(row, { focusPanel = false } = {}) {
  const id = idOf(row);
  mark(id);
  address(id);
  const url = grid().dataset.spanUrl.replace("0000000000000000", id.split(".")[0]);
  await window.htmx.ajax("GET", url, { target: "#span-panel", swap: "innerHTML", source: "#span-panel" });
  const panel = document.getElementById("span-panel");
  panel.scrollTop = 0;
  if (focusPanel || getComputedStyle(panel).position !== "sticky") panel.scrollIntoView({ block: "start" });
  if (focusPanel) panel.querySelector("[data-panel-title]")?.focus({ preventScroll: true });
}

function close() {
  const row = grid().querySelector('[aria-selected="true"]');
  mark("");
  address("");
  document.getElementById("span-panel").replaceChildren(document.getElementById("span-none").content.cloneNode(true));
  focusRow(row);
}

function nextVisible(row, direction) {
  let next = row;
  do next = direction > 0 ? next.nextElementSibling : next.previousElementSibling;
  while (next?.hidden);
  return next;
}

function parentOf(row) {
  let above = row.previousElementSibling;
  while (above && level(above) >= level(row)) above = above.previousElementSibling;
  return above;
}

function onKey(event) {
  const row = event.target.closest?.(".waterfall-row");
  if (!row || !grid().contains(row) || event.ctrlKey || event.metaKey || event.altKey) return;
  const expanded = row.getAttribute("aria-expanded");
  const actions = {
    ArrowDown: () => focusRow(nextVisible(row, 1)),
    ArrowUp: () => focusRow(nextVisible(row, -1)),
    ArrowRight: () => (expanded === "false" ? toggle(row, true) : expanded === "true" && focusRow(nextVisible(row, 1))),
    ArrowLeft: () => (expanded === "true" ? toggle(row, false) : focusRow(parentOf(row))),
    Home: () => focusRow(rows()[0]),
    End: () => focusRow(rows().filter((one) => !one.hidden).at(-1)),
    Enter: () => select(row, { focusPanel: true }),
    " ": () => select(row),
  };
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
}

function nextError() {
  const every = rows();
  const from = every.findIndex((row) => row.getAttribute("aria-selected") === "true");
  const failed = every.filter((row) => row.dataset.status === "error");
  const next = failed.find((row) => every.indexOf(row) > from) ?? failed[0];
  if (!next) return;
  reveal(next);
  focusRow(next);
  select(next);
}

const tools = {
  collapse() {
    for (const row of rows()) if (row.hasAttribute("aria-expanded") && level(row) > 1) closed.add(row.id);
    fold();
  },
  expand() {
    closed.clear();
    fold();
  },
  error: nextError,
};

function onClick(event) {
  const { target } = event;
  const tool = target.closest("[data-waterfall]");
  if (tool) return tools[tool.dataset.waterfall]();
  const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
  if (target.closest("[data-panel-close]") && plain) {
    event.preventDefault();
    return close();
  }
  const linked = target.closest("[data-span-link]");
  const row = linked ? document.getElementById(`s-${new URL(linked.href).searchParams.get("span")}`) : target.closest(".waterfall-row");
  if (!row || !grid().contains(row) || !plain) return undefined;
  event.preventDefault();
  if (target.closest("[data-fold]")) return toggle(row, closed.has(row.id));
  reveal(row);
  focusRow(row);
  return select(row);
}

document.addEventListener("click", onClick);
document.addEventListener("keydown", onKey);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.closest?.("#span-panel")) close();
});
// A live refresh brings the rows as the server wrote them: open, with nothing marked.
document.addEventListener("htmx:after:settle", () => {
  if (!grid()) return;
  if (closed.size) fold();
  mark(new URLSearchParams(location.search).get("span"));
});
if (page) {
  const chosen = mark(new URLSearchParams(location.search).get("span"));
  chosen?.scrollIntoView({ block: "center" });
}
