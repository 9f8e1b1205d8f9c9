const tag = document.getElementById("tag");
const failed = document.getElementById("failed");
const shown = document.getElementById("shown");
if (tag && failed && shown) {
  const cases = [...document.querySelectorAll("details[data-tags]")];
  const update = () => {
    for (const one of cases) {
      const tagged = !tag.value || one.dataset.tags.split(" ").includes(tag.value);
      one.hidden = !tagged || (failed.checked && one.dataset.marked === "no");
    }
    shown.textContent = cases.filter((one) => !one.hidden).length + " of " + cases.length + " shown";
  };
  tag.addEventListener("change", update);
  failed.addEventListener("change", update);
  document.getElementById("controls").hidden = false;
  update();
}
