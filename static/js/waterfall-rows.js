// The rows of a trace as data, and the few of them that are in sight as elements. Five thousand spans are one list of arrays;
// the grid holds the rows around the window and stands on padding for the rest.
const STATUSES = ["ok", "error", "waiting"];
const FLAGS = { critical: 1, slow: 2, orphan: 4 };
const SPARE_ROWS = 12;
// Drawn even when the grid is out of sight: for Tab to reach, and for paper.
const LEAST_ROWS = 60;
const INDENT = 14, DEEPEST_INDENT = 8;

export const closed = new Set();
let rows = [], shown = [], text = "", wanted = "";
let drawn = new Map();
let height = 0, current = 0, first = -1, last = -1;

export const grid = () => document.getElementById("waterfall");
export const at = (index) => rows[index];
export const all = () => rows;
export const place = () => current;

/** Reads what the server wrote, after a load or a live refresh. Returns whether it was something new. */
export function read() {
  const source = document.getElementById("waterfall-data")?.textContent ?? "";
  if (!source || source === text) return false;
  text = source;
  const data = JSON.parse(source);
  const chosen = rows[current]?.id;
  const held = anchor();
  rows = data.rows.map(([id, depth, name, kind, status, flags, left, width, time, self, error], index) => ({
    index, id, depth, name: data.names[name], kind: data.kinds[kind], status: STATUSES[status], flags, left, width, time, self,
    error, children: 0, below: 0, position: 1, siblings: 1, parent: -1,
  }));
  const above = [];
  const families = new Map();
  for (const row of rows) {
    above.length = row.depth;
    row.parent = row.depth ? above[row.depth - 1] : -1;
    if (row.parent >= 0) rows[row.parent].children += 1;
    row.position = (families.get(row.parent) ?? 0) + 1;
    families.set(row.parent, row.position);
    above.push(row.index);
  }
  for (let n = rows.length - 1; n >= 0; n -= 1) {
    const row = rows[n];
    row.siblings = families.get(row.parent);
    if (row.parent >= 0) rows[row.parent].below += row.below + 1;
  }
  current = Math.max(rows.findIndex((row) => row.id === chosen), 0);
  drawn = new Map();
  arrange();
  hold(held);
  return true;
}

/** The first row in sight of somebody who has scrolled into the rows, and how far down the window it is. */
function anchor() {
  if (!height || !shown.length || grid().getBoundingClientRect().top >= cover()) return null;
  const top = grid().getBoundingClientRect().top;
  const n = Math.min(Math.ceil((cover() - top) / height), shown.length - 1);
  return { id: rows[shown[n]].id, top: top + n * height };
}

/** Puts that row back where it was, whatever came above it. */
function hold(held) {
  const row = held && rows[find(held.id)];
  if (!row || row.place < 0) return;
  window.scrollBy(0, grid().getBoundingClientRect().top + row.place * height - held.top);
  draw();
}

/** Decides which rows there are to see: those below closed ones are not, nor those that do not match the filter. */
export function arrange() {
  shown = [];
  const matches = wanted ? kept() : null;
  let limit = Infinity;
  for (const row of rows) {
    row.place = -1;
    if (matches) {
      if (!matches.has(row.index)) continue;
    } else {
      if (row.depth > limit) continue;
      limit = closed.has(row.id) && row.children ? row.depth : Infinity;
    }
    row.place = shown.length;
    shown.push(row.index);
  }
  if (rows.length && rows[current].place < 0) current = nearest(current);
  first = last = -1;
  drawn = new Map();
  const none = document.getElementById("waterfall-none");
  if (none) none.hidden = shown.length > 0;
  grid().setAttribute("aria-rowcount", String(shown.length));
  draw();
}

/** Rows that match the filter, with everything above them. */
function kept() {
  const found = new Set();
  for (const row of rows) {
    if (!`${row.name} ${row.kind} ${row.error}`.toLowerCase().includes(wanted)) continue;
    for (let index = row.index; index >= 0 && !found.has(index); index = rows[index].parent) found.add(index);
  }
  return found;
}

/** The nearest row above that can be seen. */
function nearest(index) {
  let above = index;
  while (above >= 0 && rows[above].place < 0) above = rows[above].parent;
  return above >= 0 ? above : (shown[0] ?? 0);
}

export function filter(words) {
  wanted = words.trim().toLowerCase();
  arrange();
}

/** Makes a row visible: opens what is closed above it, and drops a filter that hides it. */
export function reveal(index) {
  for (let above = rows[index].parent; above >= 0; above = rows[above].parent) closed.delete(rows[above].id);
  if (wanted && rows[index].place < 0) {
    wanted = "";
    const field = document.getElementById("waterfall-find");
    if (field) field.value = "";
  }
  arrange();
}

function measure() {
  const sample = grid().firstElementChild;
  if (sample) height = sample.getBoundingClientRect().height || height;
}

/** Puts the rows around the window into the grid. Rows that stay keep their elements, and so the focus. */
export function draw() {
  const element = grid();
  if (!element) return;
  if (!height) measure();
  if (!height) return;
  const top = -element.getBoundingClientRect().top;
  const from = Math.max(Math.min(Math.floor(top / height) - SPARE_ROWS, shown.length - LEAST_ROWS), 0);
  const to = Math.min(Math.max(Math.ceil((top + window.innerHeight) / height) + SPARE_ROWS, from + LEAST_ROWS), shown.length);
  if (first >= 0 && from >= first && to <= last && (from > 0 || first === 0) && last - first < 4 * (to - from)) return;
  first = Math.max(Math.min(from, shown.length) - SPARE_ROWS, 0);
  last = Math.max(Math.min(to + SPARE_ROWS, shown.length), first);
  const held = element.contains(document.activeElement) ? document.activeElement.closest(".waterfall-row") : null;
  const next = new Map();
  for (let n = first; n < last; n += 1) {
    const row = rows[shown[n]];
    next.set(row.index, drawn.get(row.index) ?? elementOf(row, n));
  }
  drawn = next;
  element.style.paddingBlock = `${first * height}px ${Math.max(shown.length - last, 0) * height}px`;
  element.replaceChildren(...drawn.values());
  settle(held !== null || document.activeElement === element);
}

/** One row takes the focus by Tab. When the row that has it leaves the window, the grid holds it meanwhile. */
function settle(focused) {
  const element = grid();
  for (const other of element.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
  const row = drawn.get(current);
  element.tabIndex = row ? -1 : 0;
  if (row) row.tabIndex = 0;
  if (focused) (row ?? element).focus({ preventScroll: true });
}

/** How much of the window the bars at its top cover, in pixels. */
function cover() {
  const head = document.querySelector(".waterfall-full > .waterfall-head");
  return head ? head.offsetHeight + (parseFloat(getComputedStyle(head).top) || 0) : 0;
}

/** Moves to a row, scrolling as little as it takes, or to the middle of the window when it is out of sight. */
export function go(index, { center = false, focus = true } = {}) {
  const row = rows[index];
  if (!row || row.place < 0) return;
  current = index;
  const top = grid().getBoundingClientRect().top + row.place * height;
  const covered = cover();
  const hidden = top < covered || top + height > window.innerHeight;
  if (center && hidden) window.scrollBy(0, top - window.innerHeight / 2);
  else if (top < covered) window.scrollBy(0, top - covered);
  else if (top + height > window.innerHeight) window.scrollBy(0, top + height - window.innerHeight);
  draw();
  settle(focus);
}

export function step(index, direction) {
  const next = shown[rows[index].place + direction];
  return next === undefined ? index : next;
}

export const ends = () => [shown[0] ?? 0, shown.at(-1) ?? 0];

/** The row of an element in the grid. */
export function rowOf(element) {
  const found = element?.closest?.(".waterfall-row");
  return found && grid().contains(found) ? rows.find((row) => row.id === found.id.slice(2)) : undefined;
}

export function find(id) {
  return rows.findIndex((row) => row.id === id);
}

export function mark(id) {
  for (const other of grid().querySelectorAll('[aria-selected="true"]')) other.removeAttribute("aria-selected");
  const index = id ? find(id) : -1;
  if (index >= 0) drawn.get(index)?.setAttribute("aria-selected", "true");
  return index;
}

function elementOf(row, n) {
  const element = document.getElementById("waterfall-row").content.firstElementChild.cloneNode(true);
  const [name, bar, self, time] = element.children;
  element.id = `s-${row.id}`;
  element.tabIndex = -1;
  element.setAttribute("aria-level", String(row.depth + 1));
  element.setAttribute("aria-posinset", String(row.position));
  element.setAttribute("aria-setsize", String(row.siblings));
  element.setAttribute("aria-rowindex", String(n + 1));
  element.dataset.kind = row.kind;
  element.dataset.status = row.status;
  element.toggleAttribute("data-critical", Boolean(row.flags & FLAGS.critical));
  element.toggleAttribute("data-slow", Boolean(row.flags & FLAGS.slow));
  if (row.id === new URLSearchParams(location.search).get("span")) element.setAttribute("aria-selected", "true");
  const [indent, fold, icon, link, count] = name.children;
  indent.setAttribute("width", String(INDENT * Math.min(row.depth, DEEPEST_INDENT)));
  icon.firstElementChild.setAttribute("href", `#kind-${row.kind}`);
  link.href = `?span=${row.id}`;
  link.textContent = row.name;
  if (row.children) {
    element.setAttribute("aria-expanded", String(Boolean(wanted) || !closed.has(row.id)));
    count.textContent = String(row.below);
  } else {
    element.removeAttribute("aria-expanded");
    fold.className = "waterfall-leaf";
    fold.removeAttribute("data-fold");
    count.remove();
  }
  badge(row, name);
  const rect = bar.querySelector("rect");
  rect.setAttribute("x", `${row.left}%`);
  rect.setAttribute("width", `${row.width}%`);
  self.textContent = row.self;
  time.textContent = row.time;
  return element;
}

function badge(row, name) {
  const words = grid().dataset;
  const [said, look] =
    row.status === "error" ? [row.error || words.wordError, " waterfall-failed"]
    : row.status === "waiting" ? [words.wordWaiting, " waterfall-waits"]
    : row.flags & FLAGS.slow ? [words.wordSlow, ""]
    : row.flags & FLAGS.orphan ? [words.wordOrphan, ""]
    : ["", ""];
  if (!said) return;
  name.append(Object.assign(document.createElement("span"), { className: `waterfall-mark${look}`, textContent: said }));
}

let asked = false;
function later() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    draw();
  });
}
document.addEventListener("scroll", later, { passive: true });
new ResizeObserver(() => {
  const before = height;
  measure();
  if (height !== before) first = last = -1;
  later();
}).observe(document.documentElement);
