// Ctrl-K: every link marked data-palette, and ids: a trace by its hex id, a request by its UUID.
const dialog = document.getElementById("palette");
const TRACE = /^[0-9a-f]{32}$/i;
const REQUEST = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
let chosen = 0;

function pages() {
  return [...document.querySelectorAll("a[data-palette]")].map((link) => ({
    text: (link.querySelector(".truncate") ?? link).textContent.trim(),
    icon: link.querySelector("svg"),
    href: link.href,
    hint: link.dataset.key ?? "",
  }));
}

function ids(words) {
  const { traceUrl, approvalUrl, wordsTrace, wordsApproval } = dialog.dataset;
  const id = words.toLowerCase();
  const found = [];
  // 32 hex digits may be either: a UUID without dashes looks like a trace id.
  if (traceUrl && TRACE.test(id)) found.push({ text: `${wordsTrace} ${id}`, href: traceUrl.replace("{id}", id) });
  if (approvalUrl && REQUEST.test(id)) {
    const dashed = id.replaceAll("-", "").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    found.push({ text: `${wordsApproval} ${dashed}`, href: approvalUrl.replace("{id}", dashed) });
  }
  return found;
}

function matches(text, words) {
  const low = text.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => low.includes(word));
}

function option(entry, index) {
  const element = document.createElement("a");
  element.className = "palette-option";
  element.id = `palette-${index}`;
  element.href = entry.href;
  element.tabIndex = -1;
  element.setAttribute("role", "option");
  element.setAttribute("aria-selected", String(index === chosen));
  if (entry.icon) element.append(entry.icon.cloneNode(true));
  element.append(Object.assign(document.createElement("span"), { className: "truncate", textContent: entry.text }));
  if (entry.hint) element.append(Object.assign(document.createElement("span"), { className: "hint", textContent: entry.hint }));
  return element;
}

function draw() {
  const input = dialog.querySelector("input"), list = dialog.querySelector("[role=listbox]");
  const words = input.value.trim();
  const entries = [...ids(words), ...pages().filter((page) => matches(page.text, words))];
  chosen = Math.min(chosen, Math.max(0, entries.length - 1));
  list.replaceChildren(...entries.map(option));
  dialog.querySelector(".palette-none").hidden = entries.length > 0;
  input.setAttribute("aria-activedescendant", entries.length ? `palette-${chosen}` : "");
  list.children[chosen]?.scrollIntoView({ block: "nearest" });
}

if (dialog) {
  const input = dialog.querySelector("input");
  dialog.addEventListener("dialog:open", () => { input.value = ""; chosen = 0; draw(); input.focus(); });
  input.addEventListener("input", () => { chosen = 0; draw(); });
  input.addEventListener("keydown", (event) => {
    const count = dialog.querySelectorAll("[role=option]").length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      chosen = count ? (chosen + (event.key === "ArrowDown" ? 1 : count - 1)) % count : 0;
      draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      dialog.querySelector("[aria-selected=true]")?.click();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else {
      dialog.showModal();
      dialog.dispatchEvent(new CustomEvent("dialog:open"));
    }
  });
}
