// Everything works without this. It counts while one looks, and copies at a click.

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    button.textContent = "Copied";
  });
}

const spaced = (value) =>
  typeof value === "number" ? String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f") : value;

// As on the server: what cannot be seen is spelled out. Text only, never markup.
const visible = (value) =>
  String(value ?? "none shown").replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, (c) =>
    `\u27e8U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`);

function showRows(body, rows) {
  const columns = body.dataset.columns.split(" ");
  const labels = [...body.closest("table").tHead.rows[0].cells].map((cell) => cell.textContent);
  if (rows.length === 0) return;
  body.replaceChildren(...rows.map((row) => {
    const line = document.createElement("tr");
    line.append(...columns.map((column, at) => {
      const cell = document.createElement("td");
      if (at > 0) cell.dataset.label = labels[at];
      const value = row[column];
      if (column.endsWith("_seen")) cell.className = "when";
      const text = typeof value === "number" ? spaced(value) : visible(value);
      if (column === body.dataset.links) {
        const link = document.createElement("a");
        const words = new URLSearchParams({ q: `source="${value}"`, range: "all" });
        link.href = `/sensors/search?${words}`;
        link.textContent = text;
        cell.append(link);
      } else {
        cell.textContent = text;
      }
      return cell;
    }));
    return line;
  }));
}

function show(document_, counts) {
  for (const place of document_.querySelectorAll("[data-live]")) {
    const value = counts[place.dataset.live];
    if (value !== undefined) place.textContent = spaced(value);
  }
  for (const body of document_.querySelectorAll("[data-live-rows]")) {
    showRows(body, counts[body.dataset.liveRows] ?? []);
  }
}

const live = document.querySelector("[data-live-from]");
if (live) {
  const stream = new EventSource(live.dataset.liveFrom);
  stream.addEventListener("message", (event) => show(document, JSON.parse(event.data)));
}

// Files may be dropped anywhere in the zone, and several times; the list says what is in it.
for (const zone of document.querySelectorAll("[data-drop]")) {
  const input = zone.querySelector("input[type=file]");
  const list = zone.querySelector("[data-drop-list]");
  const kept = new DataTransfer();
  const take = (files) => {
    const known = [...kept.files].map((file) => `${file.name} ${file.size} ${file.lastModified}`);
    for (const file of files) {
      if (!known.includes(`${file.name} ${file.size} ${file.lastModified}`)) kept.items.add(file);
    }
    input.files = kept.files;
    list.hidden = kept.files.length === 0;
    list.replaceChildren(...[...kept.files].map((file) => {
      const line = document.createElement("li");
      line.textContent = `${visible(file.name)}, ${spaced(file.size)} bytes`;
      return line;
    }));
  };
  input.addEventListener("change", () => take([...input.files]));
  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
}
