// What is on its way to the pane beside the queue. While another request comes, nothing that is pressed is meant for the one that
// still stands there: a panel opens once it has come, nothing else is done. What is being sent is not called off by going on: the
// row that is clicked meanwhile opens afterwards, unless something was missing.
const LINKS = "[data-row], .batch-item";
const ACTING = "[data-key]:not([data-queue-move]), [type='submit']";
const OPENING = "[data-decide-open], [data-decide-panel] > summary";
let coming = null, sending = null, panel = "", link = "", missed = false;

/** The id of the row whose request was asked for last and has not come yet, else empty. */
export const comingRow = () => (coming?.sourceElement.matches("[data-row]") ? coming.sourceElement.id : "");

/** Whether something is being sent whose answer opens what comes next. */
export const isSending = () => sending !== null;

function leaveOut(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.target?.id !== "item") return;
  if (ctx.request.method !== "GET") {
    sending = ctx;
    return;
  }
  coming = ctx;
  panel = "";
  ctx.target.setAttribute("aria-busy", "true");
});

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx === sending) {
    const next = ctx.status === "swapped" && !document.querySelector("#item [data-decide-panel][open]") && document.getElementById(link);
    const stale = missed && ctx.status !== "swapped";
    sending = null;
    link = "";
    missed = false;
    if (next) next.click();
    else if (stale) document.body.dispatchEvent(new CustomEvent("live:approval", { detail: {} }));
  }
  if (ctx !== coming) return;
  coming = null;
  document.getElementById("item")?.removeAttribute("aria-busy");
  if (ctx.status === "swapped") document.getElementById(panel)?.click();
});

document.addEventListener("click", (event) => {
  const { target, ctrlKey, metaKey, shiftKey } = event;
  const other = target.closest(LINKS);
  if (other && !ctrlKey && !metaKey && !shiftKey) {
    if (other.id === comingRow()) leaveOut(event);
    else if (sending) {
      leaveOut(event);
      link = other.id;
    }
    return;
  }
  const pressed = coming && target.closest("#item") && target.closest(ACTING);
  if (!pressed) return;
  leaveOut(event);
  if (pressed.matches(OPENING)) panel = pressed.id;
}, true);

// The emptied queue looks for its first request by itself: not once somebody has opened one. And what is being sent makes news of
// its own, which may be heard before its answer: there is nothing to press in between.
document.addEventListener("htmx:before:swap", (event) => {
  const { sourceElement, target } = event.detail.ctx;
  const early = sending !== null && target?.id === "approval";
  missed ||= early;
  if (early || (target?.id === "queue" && !sourceElement.isConnected)) event.preventDefault();
});
