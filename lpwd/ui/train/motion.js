// How the layers of the race on the page move.

import { Motion } from "../shared/motion.js";
import { onPoll } from "../shared/page_race.js";

/** @type {Mount} */
export const mount = (element) => {
  const motion = new Motion(element, "train");
  onPoll(element, ({ answer }) => motion.follow(answer?.race?.ids ?? []));
};
