"use strict";
const settings = { responsive: true, displayModeBar: false };
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const fresh = () => document.createElement("tr");

// a figure is drawn when it comes into view, so that a long page opens at once
const draw = (plot) => {
  const figure = read(plot.dataset.figure);
  if (figure.layout.height) plot.style.height = `${figure.layout.height}px`;
  Plotly.react(plot, figure.data, { ...figure.layout, autosize: true }, settings);
};
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      watcher.unobserve(entry.target);
      draw(entry.target);
    }
  }
}, { rootMargin: "300px" });
document.querySelectorAll(".plot").forEach((plot) => watcher.observe(plot));
window.addEventListener("beforeprint", () => document.querySelectorAll(".plot").forEach(draw));

document.querySelectorAll(".switch button").forEach((button) => {
  button.addEventListener("click", () => {
    const figure = button.closest("figure");
    const plot = figure.querySelector(".plot");
    for (const other of button.parentNode.children) other.setAttribute("aria-pressed", other === button);
    plot.dataset.figure = button.dataset.figure;
    figure.querySelector("figcaption").textContent = button.dataset.caption;
    draw(plot);
  });
});

const PAGE = 50;
const trials = document.querySelector(".trials");
if (trials) {
  const { heads, numeric, rows } = read("trials");
  const body = trials.querySelector("tbody");
  const filter = document.querySelector("input[type=search]");
  const more = document.querySelector(".more");
  const count = document.querySelector(".count");
  const texts = rows.map((row) => row.join("\t").toLowerCase());
  let order = rows.map((_, place) => place);
  let sorted = -1;
  let ascending = true;
  let most = PAGE;

  const show = () => {
    const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = order.filter((place) => wanted.every((word) => texts[place].includes(word)));
    body.replaceChildren(...found.slice(0, most).map((place) => {
      const line = fresh();
      line.className = rows[place][heads.indexOf("status")] === "complete" ? "complete" : "other";
      rows[place].forEach((value, column) => {
        const cell = line.insertCell();
        cell.textContent = typeof value === "number" ? value.toLocaleString("en", { maximumSignificantDigits: 12 }) : value;
        if (numeric[column]) cell.className = "number";
      });
      return line;
    }));
    count.textContent = `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
    more.hidden = found.length <= most;
  };
  const before = (a, b) => {
    if (a === b) return 0;
    if (a === "" || b === "") return a === "" ? 1 : -1;
    const step = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
    return ascending ? step : -step;
  };
  trials.querySelectorAll("th").forEach((head, column) => head.addEventListener("click", () => {
    ascending = column === sorted ? !ascending : true;
    sorted = column;
    order.sort((a, b) => before(rows[a][column], rows[b][column]) || a - b);
    trials.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    show();
  }));
  filter.addEventListener("input", () => { most = PAGE; show(); });
  more.addEventListener("click", () => { most *= 4; show(); });
  show();
}
