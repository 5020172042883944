// Copy buttons: data-copy-text="..." copies that, data-copy="previous" the code of the same .snippet, data-copy="#id" its text.
import { announce } from "./toast.js";

function textFor(button) {
  if (button.dataset.copyText !== undefined) return button.dataset.copyText;
  if (button.dataset.copy === "previous") return button.closest(".snippet")?.querySelector("code")?.textContent ?? "";
  return document.querySelector(button.dataset.copy)?.textContent ?? "";
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Plain http on another host has no clipboard API; the old command still works there.
    const area = Object.assign(document.createElement("textarea"), { value: text, readOnly: true, className: "visually-hidden" });
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-text]");
  if (!button) return;
  await copy(textFor(button).trim());
  button.dataset.copied = "";
  button.focus();
  announce("Copied");
  setTimeout(() => delete button.dataset.copied, 1500);
});
