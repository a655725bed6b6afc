// The ticked items: ids of runs, and keys of groups, which stand for all their current and future runs.

const NONE = "none"; // in the address: nothing is ticked, not even the newest race
const MAX_ADDRESS = 6000; // characters

/** @param {string} address */
const listed = (address) => address.split(",").filter((item) => item && item !== NONE);

export class Ticks {
  /** @param {(key: string) => any[]} members the runs of a group
   * @param {{read: () => string, write: (text: string) => void}} address of the page @param {() => void} changed */
  constructor(members, address, changed) {
    this.members = members;
    this.address = address;
    this.changed = changed;
    this.text = address.read();
    this.items = new Set(listed(this.text));
  }

  list() {
    return [...this.items];
  }

  has = (/** @type {any} */ row) => this.items.has(row.id) || this.items.has(row.key);

  count() {
    return this.list().reduce((sum, item) => sum + Math.max(1, this.members(item).length), 0);
  }

  /** Return whether nobody has chosen yet. */
  isUntouched() {
    return this.text === "";
  }

  ids(key) {
    return this.members(key).map((row) => row.id);
  }

  setRun(row, on) {
    if (on) return this.change([], this.has(row) ? [] : [row.id]);
    if (!this.items.has(row.key)) return this.change([row.id], []);
    const others = this.ids(row.key).filter((id) => id !== row.id);
    this.change([row.key, ...this.ids(row.key)], others);
  }

  setGroup(key, on) {
    this.change([key, ...this.ids(key)], on ? [key] : []);
  }

  /** Tick these rows; whole groups by their key, so that the address stays short. */
  setAll(rows, on) {
    const given = new Set(rows.map((row) => row.id));
    const keys = new Set(rows.map((row) => row.key));
    const isWhole = (key) => this.ids(key).length > 1 && this.ids(key).every((id) => given.has(id));
    const whole = new Set([...keys].filter(isWhole));
    const rest = rows.filter((row) => !whole.has(row.key)).map((row) => row.id);
    this.change([...given, ...keys], on ? [...whole, ...rest] : []);
  }

  change(removed, added) {
    const gone = new Set(removed);
    this.replace([...this.list().filter((item) => !gone.has(item)), ...added]);
  }

  replace(items) {
    this.items = new Set(items);
    const text = items.join(",") || NONE;
    if (text.length < MAX_ADDRESS) {
      this.text = text;
      this.address.write(text);
    }
    this.changed();
  }

  /** Tick runs on arrival, before anybody has chosen: the address does not name them. */
  preset(ids) {
    this.items = new Set(ids);
    this.changed();
  }

  /** Untick deleted runs. */
  forget(deleted) {
    if (deleted.some((id) => this.items.has(id))) this.change(deleted, []);
  }

  /** Follow the address if another tab of the page has changed it. */
  reread() {
    const text = this.address.read();
    if (text === this.text) return;
    this.text = text;
    this.items = new Set(listed(text));
    this.changed();
  }
}
