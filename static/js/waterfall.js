// The waterfall as a tree grid: arrows move, open and close; Enter or a click shows the span beside it and writes it into the
// address, as the filter is. n and p walk the errors. Which rows are drawn is up to waterfall-rows.js.
import * as tree from "./waterfall-rows.js";
import { announce } from "./toast.js";

const page = document.getElementById("trace");

function address(name, value) {
  const url = new URL(location.href);
  if (value) url.searchParams.set(name, value);
  else url.searchParams.delete(name);
  history.replaceState(history.state, "", url);
}

async function select(index, { focusPanel = false } = {}) {
  const { id } = tree.at(index);
  address("span", id);
  tree.mark(id);
  const url = tree.grid().dataset.spanUrl.replace("0000000000000000", id.split(".")[0]);
  await window.htmx.ajax("GET", url, { target: "#span-panel", swap: "innerHTML", source: "#span-panel" });
  const panel = document.getElementById("span-panel");
  panel.scrollTop = 0;
  if (focusPanel || getComputedStyle(panel).position !== "sticky") panel.scrollIntoView({ block: "start" });
  if (focusPanel) panel.querySelector("[data-panel-title]")?.focus({ preventScroll: true });
}

function close() {
  const index = tree.find(new URLSearchParams(location.search).get("span"));
  address("span", "");
  tree.mark("");
  document.getElementById("span-panel").replaceChildren(document.getElementById("span-none").content.cloneNode(true));
  if (index >= 0) tree.go(index);
}

function toggle(index, open) {
  const { id } = tree.at(index);
  if (open) tree.closed.delete(id);
  else tree.closed.add(id);
  tree.arrange();
  tree.go(index);
}

function onKey(event) {
  const inside = event.target === tree.grid() ? tree.at(tree.place()) : tree.rowOf(event.target);
  if (!inside || event.ctrlKey || event.metaKey || event.altKey) return;
  const { index, children, id, parent } = inside;
  const open = children > 0 && !tree.closed.has(id);
  const [top, bottom] = tree.ends();
  const screen = Math.max(Math.floor(window.innerHeight / 40), 1);
  const moves = {
    ArrowDown: () => tree.go(tree.step(index, 1)),
    ArrowUp: () => tree.go(tree.step(index, -1)),
    PageDown: () => tree.go(far(index, screen, bottom)),
    PageUp: () => tree.go(far(index, -screen, top)),
    ArrowRight: () => (open ? tree.go(tree.step(index, 1)) : children && toggle(index, true)),
    ArrowLeft: () => (open ? toggle(index, false) : tree.go(parent)),
    Home: () => tree.go(top),
    End: () => tree.go(bottom),
    Enter: () => select(index, { focusPanel: true }),
    " ": () => select(index),
  };
  if (!moves[event.key]) return;
  event.preventDefault();
  moves[event.key]();
}

function far(index, count, end) {
  let found = index;
  for (let n = Math.abs(count); n > 0 && found !== end; n -= 1) found = tree.step(found, Math.sign(count));
  return found;
}

/** The next row, or with -1 the one before, that is of a sort; after the last one the first again. */
function jump(wanted, direction = 1) {
  const every = tree.all().filter(wanted);
  if (!every.length) return;
  const selected = tree.find(new URLSearchParams(location.search).get("span"));
  const from = selected >= 0 ? selected : tree.place() - 1;
  const next = direction > 0
    ? (every.find((row) => row.index > from) ?? every[0])
    : (every.findLast((row) => row.index < from) ?? every.at(-1));
  tree.reveal(next.index);
  tree.go(next.index, { center: true });
  select(next.index);
}

const failed = (row) => row.status === "error";
const tools = {
  collapse() {
    for (const row of tree.all()) if (row.children && row.depth > 0) tree.closed.add(row.id);
    tree.arrange();
  },
  expand() {
    tree.closed.clear();
    tree.arrange();
  },
  error: () => jump(failed),
  "error-back": () => jump(failed, -1),
  slow: () => jump((row) => row.flags & 2),
};

function onClick(event) {
  const { target } = event;
  const tool = target.closest("[data-waterfall]");
  if (tool) return tools[tool.dataset.waterfall]();
  const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
  if (!plain) return undefined;
  if (target.closest("[data-panel-close]")) {
    event.preventDefault();
    return close();
  }
  const linked = target.closest("[data-span-link]");
  const index = linked ? tree.find(new URL(linked.href).searchParams.get("span")) : (tree.rowOf(target)?.index ?? -1);
  if (index < 0) return undefined;
  event.preventDefault();
  if (target.closest("[data-fold]")) return toggle(index, tree.closed.has(tree.at(index).id));
  if (linked) tree.reveal(index);
  tree.go(index, { center: Boolean(linked) });
  return select(index);
}

function onInput(event) {
  if (event.target.id !== "waterfall-find") return;
  const words = event.target.value;
  address("find", words.trim());
  tree.filter(words);
  announce(document.getElementById("waterfall-none").hidden ? "" : document.getElementById("waterfall-none").textContent);
}

document.addEventListener("click", onClick);
document.addEventListener("keydown", onKey);
document.addEventListener("input", onInput);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.closest?.("#span-panel")) close();
});
// A live refresh brings new rows as data; what is closed, filtered and selected stays.
document.addEventListener("htmx:after:settle", () => {
  if (tree.grid() && tree.read()) tree.mark(new URLSearchParams(location.search).get("span"));
});
if (page && tree.grid()) {
  const asked = new URLSearchParams(location.search);
  tree.read();
  if (asked.get("find")) tree.filter(asked.get("find"));
  const index = tree.mark(asked.get("span"));
  if (index >= 0) {
    tree.reveal(index);
    tree.go(index, { center: true, focus: false });
  }
}
