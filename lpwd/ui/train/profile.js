// The profile of the form: shown while Custom is chosen.

import { Profile } from "../shared/profile.js";
import { onFormChange, onLayerCount } from "./form_shown.js";

/** @type {Mount} */
export const mount = (element, { trigger }) => {
  const editor = new Profile(element, (text, mean) => trigger("submit", { label: text, mean }));
  onLayerCount((layers) => editor.setLayers(layers));
  onFormChange(({ methods = [], profile = "", mean = "" }) => {
    editor.element.hidden = !methods.includes("custom");
    // a chosen Custom without a profile begins with the bars as they are
    if (!editor.show(profile, mean) && !editor.element.hidden && !profile.trim()) editor.changed("");
  });
};
