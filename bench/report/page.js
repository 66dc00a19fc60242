/* The table's rows by any column: a click sorts, another turns the order. Without this the page is whole, too. */
for (const table of document.querySelectorAll("table.sorted")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const text = (row, column) => row.cells[column].textContent;
  const number = (row, column) => parseFloat(row.cells[column].dataset.v ?? "Infinity"); // what has none comes last
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const down = head.ariaSort === "ascending" ? -1 : 1;
      const by = head.classList.contains("n")
        ? (a, b) => Math.sign(number(a, column) - number(b, column)) || 0
        : (a, b) => text(a, column).localeCompare(text(b, column), "en", { numeric: true });
      const rows = [...body.rows].sort((a, b) => down * by(a, b));
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down === 1 ? "ascending" : "descending");
      body.append(...rows);
    };
  });
}
