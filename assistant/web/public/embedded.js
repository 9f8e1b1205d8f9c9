// Runs before the first paint where the page stands in another site's frame (widget.js adds ?embedded).
const parameters = new URLSearchParams(location.search);
if (parameters.has("embedded")) {
  const { documentElement } = document;
  documentElement.dataset.embedded = "";
  const theme = parameters.get("theme");
  if (theme === "light" || theme === "dark") documentElement.dataset.theme = theme;
  // Says nothing but that Escape was pressed where nothing of the page's own took it: the widget closes.
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) parent.postMessage("recommendation-assistant:escape", "*");
  });
}
