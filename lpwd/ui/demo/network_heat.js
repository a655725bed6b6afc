// Colours of act three's table: Cividis on a logarithmic scale.

const CIVIDIS = [
  "#00224e",
  "#123570",
  "#3b496c",
  "#575d6d",
  "#707173",
  "#8a8678",
  "#a59c74",
  "#c3b369",
  "#e1cc55",
  "#fee838",
];
const FLOOR = 1e-4; // shares below it look alike
const LIGHT_FROM = 5; // index of the first colour that needs dark text

/** Return the CSS of a cell; `all` are the shares that span the scale.
 * @param {number | null} share of the initial norm @param {(number | null)[]} all */
export function heat(share, all) {
  if (share === null) return {};
  const [low, high] = [Math.min, Math.max].map((of) =>
    Math.log(Math.max(FLOOR, of(...all.map((value) => value ?? 1)))),
  );
  const fraction = high > low ? (Math.log(Math.max(FLOOR, share)) - low) / (high - low) : 1;
  const index = Math.round(fraction * (CIVIDIS.length - 1));
  return { background: CIVIDIS[index], color: index < LIGHT_FROM ? "#ffffff" : "#000000" };
}
