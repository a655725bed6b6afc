// Which runs are ticked: names of runs, and keys of groups, which stand for all their runs, also those to come.
lpwd.runsTicks = (members, changed) => {
  "use strict";
  const NONE = "none"; // in the address: none are ticked, not even the newest
  const LONGEST = 6000; // characters of an address
  let address = lpwd.url.parameter("runs"), items = new Set(linked());

  function linked() {
    return address.split(",").filter((item) => item && item !== NONE);
  }
  const has = (row) => items.has(row.id) || items.has(row.key);
  const ids = (key) => members(key).map((row) => row.id);

  function setRun(row, on) {
    if (on) return change([], has(row) ? [] : [row.id]);
    if (!items.has(row.key)) return change([row.id], []);
    const others = ids(row.key).filter((id) => id !== row.id);
    change([row.key, ...ids(row.key)], others);
  }
  const setGroup = (key, on) => change([key, ...ids(key)], on ? [key] : []);
  // Every one of these rows; whole groups by their key, so that a long list stays short.
  function setAll(rows, on) {
    const given = new Set(rows.map((row) => row.id)), keys = new Set(rows.map((row) => row.key));
    const whole = new Set([...keys].filter((key) => ids(key).length > 1 && ids(key).every((id) => given.has(id))));
    const rest = rows.filter((row) => !whole.has(row.key)).map((row) => row.id);
    change([...given, ...keys], on ? [...whole, ...rest] : []);
  }
  function change(gone, come) {
    const left = new Set(gone);
    replace([...[...items].filter((item) => !left.has(item)), ...come]);
  }
  function replace(next) {
    items = new Set(next);
    const text = next.join(",") || NONE;
    if (text.length < LONGEST) lpwd.url.remember({ runs: (address = text) });
    changed();
  }
  // What is ticked on arrival, before anybody has chosen: the address does not say it.
  function arrive(ids) {
    items = new Set(ids);
    changed();
  }
  // These runs are gone: a link to them would be wrong.
  function forget(gone) {
    if (gone.some((id) => items.has(id))) change(gone, []);
  }
  // The address says other runs than it did: another tab has chosen them.
  function reread() {
    if (lpwd.url.parameter("runs") === address) return;
    address = lpwd.url.parameter("runs");
    items = new Set(linked());
    changed();
  }
  const count = () => [...items].reduce((sum, item) => sum + Math.max(1, members(item).length), 0);
  const untouched = () => address === "";
  return { has, setRun, setGroup, setAll, replace, arrive, forget, reread, count, untouched, list: () => [...items] };
};
