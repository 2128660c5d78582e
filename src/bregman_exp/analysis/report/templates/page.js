"use strict";

// Tables that sort: a button in each heading; what is no number stands last among numbers.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach((other) => other.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort(table.tBodies[0], column, heading.classList.contains("number"), down ? -1 : 1);
    });
  });
}

function sort(body, column, numbers, direction) {
  const words = new Intl.Collator("en", { numeric: true });
  const keyed = [...body.rows].map((row) => {
    const text = row.cells[column].textContent.trim();
    return { row, key: numbers ? parseFloat(text) : text };
  });
  keyed.sort((a, b) => {
    if (!numbers) return direction * words.compare(a.key, b.key);
    return Number.isNaN(a.key) - Number.isNaN(b.key) || direction * (a.key - b.key) || 0;
  });
  body.append(...keyed.map((one) => one.row));
}

// The list of runs shows those that hold every word of the filter.
const filter = document.getElementById("filter");
const list = document.getElementById("list").tBodies[0];
const texts = new Map([...list.rows].map((row) => [row, row.textContent.toLowerCase()]));
filter.closest(".controls").hidden = false;
filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/);
  let shown = 0;
  for (const [row, text] of texts) {
    row.hidden = !words.every((word) => text.includes(word));
    shown += !row.hidden;
  }
  document.getElementById("shown").value = filter.value.trim() && `${shown} of ${texts.size} runs`;
});

// A link into something folded opens it.
function reveal() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", reveal);
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (link && link.hash === location.hash) reveal();
});
reveal();

// A picture at full size; Escape or a click closes it.
const dialog = document.body.appendChild(document.createElement("dialog"));
dialog.setAttribute("aria-label", "picture");
dialog.addEventListener("click", () => dialog.close());
for (const image of document.querySelectorAll(".picture > img")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "enlarge";
  button.title = "Enlarge";
  image.replaceWith(button);
  button.append(image);
  button.addEventListener("click", () => {
    const large = image.cloneNode();
    large.loading = "eager";
    dialog.replaceChildren(large);
    dialog.showModal();
  });
}
