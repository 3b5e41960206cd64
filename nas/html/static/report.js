"use strict";
// Draws the plots, in the colours of the page, and again when those or the width change.
const plots = [...document.querySelectorAll(".plot")];
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const narrow = () => window.innerWidth < 600;

function colours(isDark) {
  const ink = isDark ? "#e4e9ec" : "#333f48", grid = isDark ? "#37424a" : "#e6eaed";
  const paper = isDark ? "#161b1f" : "#ffffff";
  return {
    "font.color": ink, paper_bgcolor: paper, plot_bgcolor: paper,
    "xaxis.gridcolor": grid, "yaxis.gridcolor": grid, "xaxis.linecolor": ink, "yaxis.linecolor": ink,
  };
}

function draw(element) {
  const figure = JSON.parse(document.getElementById(element.id.replace("plot-", "data-")).textContent);
  const layout = { ...figure.layout, autosize: true };
  if (narrow()) layout.margin = { ...layout.margin, l: 50, r: 10, ...(layout.showlegend === false ? {} : { b: 170 }) };
  return Plotly.newPlot(element, figure.data, layout, { displayModeBar: false, responsive: true })
    .then(() => Plotly.relayout(element, colours(dark.matches)));
}

plots.forEach(draw);
dark.addEventListener("change", () => plots.forEach((each) => Plotly.relayout(each, colours(dark.matches))));
window.addEventListener("beforeprint", () => plots.forEach((each) => Plotly.relayout(each, colours(false))));
window.addEventListener("afterprint", () => plots.forEach((each) => Plotly.relayout(each, colours(dark.matches))));
document.querySelectorAll(".wide").forEach((each) => {
  if (each.scrollWidth <= each.clientWidth) each.removeAttribute("tabindex");
});
