// The panels of a decision: one is open at a time, its first field has the focus, Escape closes it. Everything is sent by plain
// forms; this only opens, closes and focuses. What is written in them is kept by drafts.js.
import { announce } from "./toast.js";

const SETTLE_MS = 600;
const DECIDING_KEYS = "aermiscu";
const panels = () => [...document.querySelectorAll("[data-decide-panel]")];

function firstField(panel) {
  return panel.querySelector("[data-invalid] :is(input, select, textarea), [aria-invalid='true']")
    ?? panel.querySelector("input:not([type='hidden']), select, textarea") ?? panel.querySelector("[type='submit']");
}

function open(panel) {
  panel.open = true;
}

function close(panel) {
  panel.open = false;
  const button = panel.querySelector("summary");
  (button.checkVisibility() ? button : document.getElementById("take-over") ?? document.getElementById("approval-title"))?.focus();
}

// `toggle` does not bubble, so it is caught on its way down.
document.addEventListener("toggle", (event) => {
  const panel = event.target;
  if (!panel.matches?.("[data-decide-panel]") || !panel.open) return;
  for (const other of panels()) if (other !== panel) other.open = false;
  // The bar is in view anyway: only what is in the flow has to be scrolled to.
  if (!panel.closest(".decision-bar")) panel.scrollIntoView({ block: "start" });
  firstField(panel)?.focus({ preventScroll: true });
}, true);

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-decide-open]");
  if (opener) {
    event.preventDefault();
    const panel = panels().find((one) => one.dataset.decidePanel === opener.dataset.decideOpen);
    if (panel?.open) firstField(panel)?.focus();
    else if (panel) open(panel);
  }
  const closer = event.target.closest("[data-decide-close]");
  if (closer) close(closer.closest("[data-decide-panel]"));
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  const panel = event.target.closest?.("[data-decide-panel][open]") ?? panels().find((one) => one.open);
  if (panel && !document.querySelector("dialog[open]")) close(panel);
});

// Ctrl+Enter sends what is being written, as its button does: an edit only once its changes have been shown.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat || event.defaultPrevented) return;
  const send = event.target.closest?.("[data-decide-panel][open]")?.querySelector("[data-send]");
  if (!send) return;
  event.preventDefault();
  send.click();
});

// After an answer with errors the first wrong field has the focus; after the editor has changed its form, its first field.
document.addEventListener("htmx:after:swap", (event) => {
  const id = event.detail.ctx.target?.id;
  if (id !== "item" && id !== "editor") return;
  const panel = panels().find((one) => one.open);
  if (!panel) return;
  if (id === "editor") panel.scrollIntoView({ block: "start" });
  firstField(panel)?.focus({ preventScroll: id === "editor" });
});

// The note about characters that nobody sees goes as soon as none of them is left, and comes back with them.
document.addEventListener("input", (event) => {
  const note = event.target.closest?.(".field")?.querySelector("[data-unseen]");
  if (note) note.hidden = !note.dataset.unseen.split(" ").some((code) => event.target.value.includes(String.fromCodePoint(parseInt(code.slice(2), 16))));
});

// An answer that the agent offers begins what is written, unless somebody has written something else already.
let filled = "";
document.addEventListener("change", (event) => {
  const { fill } = event.target.dataset;
  const text = fill === undefined ? null : event.target.form?.querySelector("textarea");
  if (!text || (text.value.trim() && text.value !== filled)) return;
  text.value = filled = fill;
});

// Who is just writing is told calmly when somebody else takes the request.
let bar = "";
document.addEventListener("htmx:after:swap", () => {
  const review = document.getElementById("approval");
  const state = review ? `${review.dataset.approval} ${review.dataset.bar}` : "";
  if (state !== bar && review?.dataset.bar === "held") announce(document.getElementById("bar-held")?.innerText ?? "");
  bar = state;
});

// A second click, or a key held down, was meant for the request that has just been decided, not for the one that opened.
// So long the pane says that it settles.
let settling;
document.addEventListener("htmx:after:swap", (event) => {
  const { request, target } = event.detail.ctx;
  if (target?.id !== "item" || !request?.action?.includes("/decision/")) return;
  clearTimeout(settling);
  target.dataset.settling = "";
  settling = setTimeout(() => { delete target.dataset.settling; }, SETTLE_MS);
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-settling] :is(#approve, [data-send])")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

document.addEventListener("keydown", (event) => {
  if (event.repeat && DECIDING_KEYS.includes(event.key) && !event.target.closest("input, select, textarea")) event.preventDefault();
}, true);
