// The theme menu. The choice is kept in this browser; "system" forgets it. Dispatches `handrail:theme`.
const KEY = "handrail.theme";
const root = document.documentElement;

function chosen() {
  return root.dataset.theme ?? "system";
}

function mark() {
  for (const item of document.querySelectorAll("[data-theme-choice]")) {
    item.setAttribute("aria-checked", String(item.dataset.themeChoice === chosen()));
  }
}

function choose(theme) {
  if (theme === "system") {
    delete root.dataset.theme;
    localStorage.removeItem(KEY);
  } else {
    root.dataset.theme = theme;
    localStorage.setItem(KEY, theme);
  }
  mark();
  document.dispatchEvent(new CustomEvent("handrail:theme"));
}

document.addEventListener("click", (event) => {
  const item = event.target.closest("[data-theme-choice]");
  if (item) choose(item.dataset.themeChoice);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (chosen() === "system") document.dispatchEvent(new CustomEvent("handrail:theme"));
});
mark();
