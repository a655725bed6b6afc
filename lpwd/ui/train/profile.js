// The profile editor of the form, visible while Custom is selected.

import { Profile } from "../shared/profile.js";
import { form, layerCount } from "./form_shown.js";

/** @type {Mount} */
export const mount = (element, { trigger }) => {
  const editor = new Profile(element, (text, mean) => trigger("submit", { label: text, mean }));
  layerCount.listen((layers) => editor.setLayers(layers));
  form.listen(({ methods = [], profile = "", mean = "" }) => {
    editor.element.hidden = !methods.includes("custom");
    // Custom without a profile starts with the current bars
    if (!editor.show(profile, mean) && !editor.element.hidden && !profile.trim()) editor.changed("");
  });
};
