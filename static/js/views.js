// Saving a view saves the address as it is when the button is pressed: filters may have changed since the page was loaded.
document.addEventListener("submit", ({ target }) => {
  const here = target.querySelector?.("input[data-here]");
  if (here) here.value = location.search.slice(1);
});
