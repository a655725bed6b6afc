// Fetches the recorded scans of act two, again when new results arrive.

import { watch } from "../shared/polling.js";

export class ScanSource {
  /** @param {Element} element @param {{digests: Record<string, string>, reading: boolean}} first digests of the published
   * scans by name, and whether other results may arrive soon @param {() => void} changed called when the digests change */
  constructor(element, { digests, reading }, changed) {
    this.digests = digests;
    this.reading = reading;
    /** @type {Record<string, any>} */
    this.scans = {};
    watch(element, "demo", "scans", {
      ask: () => (this.reading ? {} : null),
      take: (answer) => {
        this.digests = answer.digests;
        this.reading = answer.reading;
        changed();
      },
    });
  }

  isPublished(/** @type {string} */ name) {
    return Boolean(this.digests[name]);
  }

  get(/** @type {string} */ name) {
    return this.scans[name] ?? null;
  }

  /** Fetch the newest version of a scan; resolve to whether anything has changed. @param {string} name */
  async fetch(name) {
    const digest = this.digests[name];
    if (!digest || this.scans[name]?.digest === digest) return false;
    const response = await fetch(new URL(`lpwd/scans/${name}?v=${digest}`, document.baseURI));
    if (!response.ok) throw new Error(response.statusText);
    const scan = await response.json(); // null if it is not published any more
    if (scan) this.scans[name] = { ...scan, digest };
    else this.digests = { ...this.digests, [name]: "" };
    return true;
  }
}
