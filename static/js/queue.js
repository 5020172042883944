// The queue beside its open request: j and k move, the open row is marked, and narrow screens go from list to request and back.
import { comingRow, isSending } from "./pane.js";

const selectedId = () => document.getElementById("item-id")?.value ?? "";
const rows = () => [...document.querySelectorAll("#queue-list [data-row]")];

function mark() {
  const open = comingRow() || `row-${selectedId()}`;
  for (const row of rows()) {
    if (row.id === open) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

/** Opens the row `step` places from the open one, or the one that is about to open; when that has left the list, the first. Those that only wait for others are passed over. */
function move(step) {
  if (isSending()) return;
  const open = comingRow() || `row-${selectedId()}`;
  const all = rows().filter((row) => row.id === open || !("others" in row.dataset));
  const at = all.findIndex((row) => row.id === open);
  const next = at < 0 ? all[0] : all[at + step];
  if (!next) return;
  next.scrollIntoView({ block: "nearest" });
  next.click();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-queue-move]");
  if (button) move(Number(button.dataset.queueMove));
});

// A refetch of the list that was under way while a filter changed brings the rows of before: it is asked for again.
const listed = new WeakMap();
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.id === "queue-list") listed.set(ctx, ctx.sourceElement.getAttribute("hx-get"));
});
document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  if (!listed.has(ctx) || listed.get(ctx) === ctx.sourceElement.getAttribute("hx-get")) return;
  event.preventDefault();
  queueMicrotask(() => document.body.dispatchEvent(new CustomEvent("live:queue", { detail: {} })));
});

// The open request is not fetched again by a click on its row: what is being typed there stays.
document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-row]");
  if (!row || comingRow() || row.id !== `row-${selectedId()}` || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  event.stopPropagation();
  const href = row.getAttribute("href");
  if (location.pathname + location.search !== href) history.pushState({ htmx: true }, "", href);
  opened();
}, true);

/** After another request has been opened: its heading takes the focus, so that reading and keys go on from there. */
function opened() {
  const heading = document.getElementById("approval-title");
  document.getElementById("queue")?.setAttribute("data-open", heading ? "detail" : "list");
  if (heading) heading.focus({ preventScroll: true });
  if (window.matchMedia("(width < 760px)").matches) window.scrollTo(0, 0);
}

// What was asked for a request that has left the page meanwhile has no place to go.
document.addEventListener("htmx:before:swap", (event) => {
  const { target } = event.detail.ctx;
  if (target instanceof Element && !target.isConnected) event.preventDefault();
});

document.addEventListener("htmx:before:request", mark);
document.addEventListener("htmx:finally:request", mark);

let shown = selectedId();
document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail.ctx.target;
  mark();
  if (target?.id === "item" && (shown !== selectedId() || document.activeElement === document.body)) opened();
  shown = selectedId();
});
