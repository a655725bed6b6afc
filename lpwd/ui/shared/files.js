// What leaves the page: by the clipboard or as a file.
lpwd.files = (() => {
  "use strict";
  const COPIED_MS = 1500, FORMULA = /^[=+\-@\t\r]/;

  async function copy(button, text) {
    await navigator.clipboard.writeText(text);
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = label), COPIED_MS);
  }
  function save(name, text) {
    const href = URL.createObjectURL(new Blob([text]));
    download(name, href);
    setTimeout(() => URL.revokeObjectURL(href), 1000);
  }
  function download(name, href) {
    lpwd.widgets.make("a", { href, download: name }).click();
  }
  // Rows of texts; one that a spreadsheet would run begins with an apostrophe, as in ui/shared/spreadsheet.py.
  function csv(rows) {
    return rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n";
  }
  function quoted(cell) {
    const plain = FORMULA.test(cell) && Number.isNaN(Number(cell)) ? `'${cell}` : cell;
    return /[",\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  }
  return { copy, save, download, csv };
})();
