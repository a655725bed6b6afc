// The landing page: the answer, and three acts below it.

import { call } from "../shared/server.js";
import { Hero } from "./hero.js";
import { Network } from "./network.js";
import { Penalty } from "./penalty.js";
import { Toy } from "./toy.js";

/** @type {Mount} */
export function mount(element, { server, props }) {
  const { hero, styles, scans, pair, reading } = JSON.parse(props.first);
  const section = (name) => element.querySelector(`#lp-${name}`);
  new Toy(section("toy"), styles);
  new Hero(section("hero"), new Penalty(section("penalty"), server, { ...scans, reading }), hero);
  const network = new Network(section("network"));
  network.take({ pair });
  if (reading) call(server, "network").then((answer) => network.take(answer));
}
