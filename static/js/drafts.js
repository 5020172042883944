// What somebody has begun to write about a request (a reason, an answer, changed arguments) is kept in this tab until it is sent
// or called off: also when they close the panel, open another request or load the page again. A button whose panel has a draft says so.
const PREFIX = "handrail.draft.", KEPT_MAX = 30, WAIT_MS = 250;
const NOT_TYPED = new Set(["csrfmiddlewaretoken", "verdict", "item", "seen", "step"]);
const PANELS = "#approval [data-decide-panel]:not([data-decide-panel='take-over'])";
const review = () => document.getElementById("approval");
const keyOf = (panel) => `${PREFIX}${review()?.dataset.drafts}.${panel.dataset.decidePanel}`;

function load(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

function store(key, entries) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(`${PREFIX}list`) ?? "[]").filter((name) => name !== key);
    if (entries) kept.push(key);
    for (const old of kept.splice(0, Math.max(kept.length - KEPT_MAX, 0))) sessionStorage.removeItem(old);
    sessionStorage.setItem(`${PREFIX}list`, JSON.stringify(kept));
    if (entries) sessionStorage.setItem(key, JSON.stringify(entries));
    else sessionStorage.removeItem(key);
  } catch {
    // No room, or no storage at all: what is typed is then only in the page.
  }
}

/** Says on the button of a panel whether it has a draft. */
function mark(panel) {
  const name = panel.dataset.decidePanel;
  const button = name === "edit" ? document.getElementById("open-edit") : panel.querySelector("summary");
  if (!button) return;
  if (load(keyOf(panel))) button.dataset.draft = review().dataset.wordsDraft;
  else delete button.dataset.draft;
}

const touched = (field) => (field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked
  : field.matches("select") ? [...field.options].some((option) => option.selected !== option.defaultSelected && (option.selected ? option.value : true)) : field.value !== field.defaultValue);

function save(panel) {
  const form = panel.querySelector("form");
  if (!form || !review()?.dataset.drafts) return;
  const key = keyOf(panel);
  const fields = [...form.elements].filter((field) => field.matches("input:not([type='hidden']), select, textarea"));
  // A form that the server has built out of a draft begins with what was typed: it stays one.
  if (!fields.some(touched) && !("begun" in form.dataset)) store(key, null);
  else store(key, [...new FormData(form)].filter(([name, value]) => !NOT_TYPED.has(name) && typeof value === "string"));
  mark(panel);
}

const waiting = new Map();

function saveSoon(panel) {
  clearTimeout(waiting.get(panel));
  waiting.set(panel, setTimeout(() => { waiting.delete(panel); save(panel); }, WAIT_MS));
}

function saveNow() {
  for (const [panel, timer] of waiting) {
    clearTimeout(timer);
    if (panel.isConnected) save(panel);
  }
  waiting.clear();
}

function drop(panel) {
  clearTimeout(waiting.get(panel));
  waiting.delete(panel);
  store(keyOf(panel), null);
  mark(panel);
}

/** Puts a draft back into a form as the server has drawn it. */
function fill(panel) {
  const entries = load(keyOf(panel));
  const form = panel.querySelector("form");
  if (!entries || !form || panel.open) return;
  for (const field of form.elements) {
    if (NOT_TYPED.has(field.name) || !field.name || field.type === "hidden") continue;
    const values = entries.filter(([name]) => name === field.name).map(([, value]) => value);
    if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
    else if (values.length) [field.value] = values;
  }
}

/** The editor's fields depend on what was typed: the server builds them. What is still being built then is not wanted any more. */
function rebuild(panel, entries) {
  const form = panel.querySelector("form"), item = form.elements.namedItem("item");
  panel.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    for (const [name, value] of [["verdict", "edit"], ["item", item.value], ...entries]) ctx.request.body.append(name, value);
  }, { once: true });
  window.htmx.ajax("POST", form.dataset.changes, { source: panel, target: form, swap: "outerHTML" });
}

function restore() {
  for (const panel of document.querySelectorAll(PANELS)) {
    const form = panel.querySelector("form");
    mark(panel);
    if (!form || "drafted" in form.dataset) continue;
    form.dataset.drafted = "";
    if ("begun" in form.dataset) save(panel);
    else if (panel.dataset.decidePanel !== "edit") fill(panel);
  }
}

document.addEventListener("input", (event) => {
  const panel = event.target.closest(PANELS);
  if (panel) saveSoon(panel);
});
document.addEventListener("change", (event) => {
  const panel = event.target.closest(PANELS);
  if (panel) saveSoon(panel);
});
addEventListener("pagehide", saveNow);
document.addEventListener("htmx:before:swap", saveNow);

document.addEventListener("toggle", (event) => {
  const panel = event.target;
  if (!panel.matches?.(PANELS) || panel.dataset.decidePanel !== "edit" || !panel.open) return;
  const form = panel.querySelector("form"), entries = load(keyOf(panel));
  if (!form || !entries || "restored" in panel.dataset) return;
  panel.dataset.restored = "";
  rebuild(panel, [...entries, ["restore", "1"]]);
}, true);

// Called off: nothing is kept. The editor begins again with what the agent has proposed.
document.addEventListener("click", (event) => {
  const panel = event.target.closest("[data-decide-close]")?.closest(PANELS);
  if (!panel) return;
  const form = panel.querySelector("form");
  const built = panel.dataset.decidePanel === "edit" && load(keyOf(panel));
  drop(panel);
  if (form) form.dataset.drafted = "";
  form?.reset();
  if (built) rebuild(panel, [["afresh", "1"]]);
});

// Sent: the server shows the panel again only when something is missing.
document.addEventListener("htmx:before:swap", (event) => {
  const { sourceElement, target, response } = event.detail.ctx;
  const panel = sourceElement?.closest?.(PANELS);
  if (target?.id !== "item" || !panel || response?.status !== 200 || !sourceElement.matches("form")) return;
  const name = panel.dataset.decidePanel;
  if (!new RegExp(`data-decide-panel="${name}"[^>]*\\sopen`).test(event.detail.ctx.text)) drop(panel);
});

document.addEventListener("htmx:after:swap", restore);
restore();
