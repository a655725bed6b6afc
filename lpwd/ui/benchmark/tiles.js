// The tiles of the scorecard: one per table or figure, with the paper's claim, its number, ours, and the verdict.

import { count } from "../shared/numbers.js";
import { sparkline } from "../shared/sparkline.js";
import { parameter, tabLink } from "../shared/url.js";
import { button, handled, items, make } from "../shared/widgets.js";

const SPARK = { width: 320, height: 56, pad: 4, dots: 16 };

/** Draw the tiles; `open` is called with the name of a clicked tile, `start` with a tile whose button was pressed.
 * @param {any} host @param {any[]} tiles @param {string} opened name
 * @param {{open: (name: string) => void, start: (tile: any) => void}} actions */
export function drawTiles(host, tiles, opened, { open, start }) {
  const focused = focusedName();
  const row = (tile) => make("li", {}, tileLink(tile, opened, open), ...offer(tile, start));
  host.replaceChildren(...tiles.map(row));
  refocus(host, focused);
}

/** Draw the tiles of claims files. @param {any} host @param {any[]} tiles
 * @param {{forget: (file: string) => void, start: (tile: any) => void}} actions */
export function drawClaims(host, tiles, { forget, start }) {
  const focused = focusedName();
  const box = (tile) => make("div", { className: "lp-tile", data: { verdict: tile.verdict } }, ...tileBody(tile));
  const remove = ({ file }) => button("Remove", () => forget(file), { ariaLabel: `Remove ${file}` });
  host.replaceChildren(...tiles.map((tile) => make("li", {}, box(tile), ...offer(tile, start, remove(tile)))));
  refocus(host, focused);
}

const focusedName = () => /** @type {any} */ (document.activeElement)?.dataset.name;

/** Drawing again must not move the focus. @param {any} host @param {string | undefined} name */
const refocus = (host, name) => name && host.querySelector(`[data-name="${CSS.escape(name)}"]`)?.focus();

function tileLink(tile, opened, open) {
  const href = tabLink("benchmark", { preset: tile.name, scale: parameter("scale") });
  const data = { name: tile.name, verdict: tile.verdict };
  const on = { click: (event) => handled(event, () => open(tile.name)) };
  const link = make("a", { className: "lp-tile", href, data, on }, ...tileBody(tile));
  link.setAttribute("aria-current", String(tile.name === opened));
  return link;
}

/** Return the line below a tile: how many of its runs wait or train, and the button that queues more. */
function offer(tile, start, ...more) {
  const { label = "", waiting = 0 } = tile.offer ?? {};
  const text = waiting ? `${count(waiting, "run")} queued or training` : "";
  const parts = [
    ...(text ? [make("span", { className: "lp-muted", textContent: text })] : []),
    ...(label ? [button(label, () => start(tile), { data: { name: `offer-${tile.name}` } })] : []),
    ...more,
  ];
  return parts.length ? [make("div", { className: "lp-offer" }, ...parts)] : [];
}

function tileBody({ source, verdictText, claim, paper, ours, notes, runs, spark, sparkTitle }) {
  const header = make(
    "header",
    {},
    make("span", { textContent: source }),
    make("strong", { textContent: verdictText }),
  );
  const several = ours.length > 1;
  return [
    header,
    make("p", { className: "lp-claim", textContent: claim }),
    ...(paper ? [line("Paper", paper)] : []),
    line("Ours", several ? "" : (ours[0] ?? "not run")),
    ...(several ? [make("ul", {}, ...items(ours))] : []),
    ...notes.map((textContent) => make("p", { className: "lp-note", textContent })),
    ...(spark.length ? [picture(spark, sparkTitle)] : []),
    make("p", { className: "lp-from", textContent: runs }),
  ];
}

const picture = (lines, title) =>
  make(
    "figure",
    {},
    sparkline(lines, SPARK, { "aria-hidden": "true", class: "lp-spark" }),
    make("figcaption", { textContent: title }),
  );
const line = (name, text) => make("p", {}, make("b", { textContent: name }), " ", text);
