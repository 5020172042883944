// Short news. Any module or answer may ask for one: the event `toast` with {text, detail, kind, href} in its detail, also
// as the response header `HX-Trigger: {"toast": {"text": "Saved", "kind": "ok"}}`. kind: info, ok, warn, danger. With
// `action: {text, post, target}` it has a button that sends a POST and puts the answer into the target; it stays `seconds`.
const region = document.getElementById("toasts");
const STAY_MS = 7000;

function icon(kind) {
  const icons = document.getElementById("toast-icons").content;
  return icons.querySelector(`[data-kind="${kind}"] > svg`)?.cloneNode(true) ?? "";
}

function leaveLater(toast, stay = STAY_MS) {
  let timer;
  const start = () => { timer = setTimeout(() => toast.remove(), stay); };
  const stop = () => clearTimeout(timer);
  toast.addEventListener("pointerenter", stop);
  toast.addEventListener("pointerleave", start);
  toast.addEventListener("focusin", stop);
  toast.addEventListener("focusout", start);
  start();
}

/** Shows one toast. Errors stay until dismissed; everything else leaves after a while unless it is looked at. */
export function toast({ text, detail = "", kind = "info", href = "", action = null, seconds = 0 }) {
  const element = document.createElement("div");
  element.className = `toast toast-${kind}`;
  element.setAttribute("role", kind === "danger" ? "alert" : "status");
  const words = document.createElement("div");
  words.className = "toast-text";
  const line = document.createElement(href ? "a" : "strong");
  if (href) line.href = href;
  line.textContent = text;
  words.append(line);
  if (detail) words.append(Object.assign(document.createElement("p"), { textContent: detail }));
  if (action) words.append(actionButton(action, element));
  const close = document.createElement("button");
  close.type = "button";
  close.className = "toast-close";
  close.dataset.toastClose = "";
  close.setAttribute("aria-label", region.dataset.wordsClose);
  close.append(icon("close"));
  element.append(icon(kind), words, close);
  region.append(element);
  while (region.children.length > 4) region.firstElementChild.remove();
  if (kind !== "danger") leaveLater(element, seconds ? seconds * 1000 : STAY_MS);
}

function actionButton({ text, post, target }, element) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "button button-sm", textContent: text });
  button.addEventListener("click", () => {
    element.remove();
    window.htmx.ajax("POST", post, { target, swap: "innerHTML" });
  });
  return button;
}

if (region) {
  region.addEventListener("click", (event) => {
    if (event.target.closest("[data-toast-close]")) event.target.closest(".toast").remove();
  });
  document.addEventListener("toast", (event) => toast(event.detail));
  for (const element of region.querySelectorAll("[data-toast]")) if (element.getAttribute("role") !== "alert") leaveLater(element);
}

/** Says something to screen readers only. */
export function announce(text) {
  const region = document.getElementById("announce");
  if (region) region.textContent = text;
}
