// New pictures from latents: a slider walks from one to the next.

import { save, show } from "./canvas.js";
import { between, latentsOf } from "./latents.js";
import { ask, newestWins } from "./painter.js";
import { Walk } from "./walk.js";

const byId = (id) => document.getElementById(id);
let model = null;
let length = 0;
let walk = null;

/** Returns a function that takes the model to use, and what its card says. */
export function startEmoji({ failed }) {
  const paint = newestWins(() => paintPlace().catch(failed));
  const paintStops = newestWins(() => paintAllStops().catch(failed));
  const changed = () => {
    paintStops();
    paint();
  };
  walk = new Walk(byId("new"), { nameOf: (stop) => `emoji ${stop + 1}`, moved: paint, changed });
  byId("save-emoji").addEventListener("click", () => save(byId("emoji"), "emoji.png"));
  return (chosen, { input }) => {
    model = chosen;
    length = input.shape.at(-1);
    changed();
  };
}

async function paintPlace() {
  if (!model) return;
  walk.describe();
  const { stop, share } = walk.place;
  show(byId("emoji"), await ask("sample", { model, latents: between(latentsAt(stop), latentsAt(stop + 1), share) }));
  byId("save-emoji").disabled = byId("use-emoji").disabled = false;
}

async function paintAllStops() {
  const { seed } = walk;
  for (const [stop, canvas] of walk.canvases.entries()) {
    if (!model || walk.seed !== seed) return;
    show(canvas, await ask("sample", { model, latents: latentsAt(stop) }));
  }
}

function latentsAt(stop) {
  return latentsOf(walk.seed, stop, length);
}
