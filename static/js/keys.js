// Shortcuts, declared where they act: data-key="a" or data-key="g q" on a link, button or field. A press clicks it, or focuses
// a field. data-key-label names it in the list that "?" shows; else its text does. Elements that are not shown have no key.
const SEQUENCE_MS = 1500;
let prefix = "", prefixTimer;

function typing(target) {
  return target.isContentEditable || target.matches?.("input:not([type=checkbox], [type=radio], [type=button]), textarea, select");
}

function reachable(element) {
  if (element.disabled) return false;
  const dialog = document.querySelector("dialog[open]");
  if (dialog) return dialog.contains(element);
  // Inside a closed menu an element is not drawn, but its key still works.
  return element.closest("details.menu") !== null || element.checkVisibility?.() !== false;
}

function find(key) {
  return [...document.querySelectorAll("[data-key]")].find((element) => element.dataset.key === key && reachable(element));
}

function act(element) {
  if (element.matches("input:not([type=checkbox], [type=radio]), textarea, select")) element.focus();
  else element.click();
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key.length !== 1) return;
  const sequence = prefix ? `${prefix} ${event.key}` : event.key;
  const element = find(sequence);
  clearTimeout(prefixTimer);
  prefix = "";
  if (element) {
    event.preventDefault();
    act(element);
  } else if (document.querySelector(`[data-key^="${CSS.escape(event.key)} "]`)) {
    prefix = event.key;
    prefixTimer = setTimeout(() => { prefix = ""; }, SEQUENCE_MS);
  }
});

function label(element) {
  if (element.dataset.keyLabel) return element.dataset.keyLabel;
  const copy = element.cloneNode(true);
  for (const extra of copy.querySelectorAll("kbd, .rail-count")) extra.remove();
  return copy.textContent.trim() || element.getAttribute("aria-label") || "";
}

function row(name, keys) {
  const term = Object.assign(document.createElement("dt"), { textContent: name });
  const definition = document.createElement("dd");
  for (const key of keys) definition.append(Object.assign(document.createElement("kbd"), { textContent: key }));
  return [term, definition];
}

document.getElementById("keys")?.addEventListener("dialog:open", (event) => {
  const list = event.currentTarget.querySelector("[data-key-list]");
  const seen = new Set();
  list.replaceChildren(...row(list.dataset.wordsPalette, ["Ctrl", "K"]));
  if (document.querySelector("[data-send]")) list.append(...row(list.dataset.wordsSend, ["Ctrl", "Enter"]));
  // What this page does comes before the ways to others, which are two keys long.
  const elements = [...document.querySelectorAll("[data-key]")].sort((one, two) => one.dataset.key.includes(" ") - two.dataset.key.includes(" "));
  for (const element of elements) {
    const key = element.dataset.key;
    if (seen.has(key) || element.disabled) continue;
    seen.add(key);
    list.append(...row(label(element), key.split(" ")));
  }
});
