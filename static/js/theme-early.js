// Runs before the first paint, so that a chosen theme never flashes. A classic script: modules come too late.
(() => {
  try {
    const theme = localStorage.getItem("handrail.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be refused; the system's theme is right then.
  }
})();
