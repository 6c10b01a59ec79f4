// New pictures from latents: a slider walks from one to the next.

import { save, show } from "./canvas.js";
import { between, latentsOf } from "./latents.js";
import { ask, newestWins } from "./painter.js";

const STOPS = 7;
/** Places of the slider between two stops. */
const PLACES = 100;
/** Of a walk by itself, in places a second. */
const SPEED = 60;

const byId = (id) => document.getElementById(id);
const slider = byId("walk");
let model = null;
let length = 0;
let walking = false;

/** Returns a function that takes the model to use, and what its card says. */
export function startEmoji({ failed }) {
  const paint = newestWins(() => paintPlace().catch(failed));
  const paintStops = newestWins(() => paintAllStops().catch(failed));
  offerStops(paint);
  slider.max = (STOPS - 1) * PLACES;
  slider.addEventListener("input", () => {
    walk(false, paint);
    paint();
  });
  const changeSet = () => {
    paintStops();
    paint();
  };
  byId("seed").addEventListener("input", changeSet);
  byId("shuffle").addEventListener("click", () => {
    byId("seed").value = Math.floor(Math.random() * 1e6);
    changeSet();
  });
  byId("play").addEventListener("click", () => walk(!walking, paint));
  byId("save-emoji").addEventListener("click", () => save(byId("emoji"), "emoji.png"));
  return (chosen, { input }) => {
    model = chosen;
    length = input.shape.at(-1);
    changeSet();
  };
}

async function paintPlace() {
  if (!model) return;
  const place = slider.value / PLACES;
  const stop = Math.min(Math.floor(place), STOPS - 2);
  const share = place - stop;
  describe(stop, share);
  show(byId("emoji"), await ask("sample", { model, latents: between(latentsAt(stop), latentsAt(stop + 1), share) }));
  byId("save-emoji").disabled = byId("use-emoji").disabled = false;
}

async function paintAllStops() {
  const seed = byId("seed").value;
  for (const [stop, canvas] of [...byId("stops").querySelectorAll("canvas")].entries()) {
    if (!model || byId("seed").value !== seed) return;
    show(canvas, await ask("sample", { model, latents: latentsAt(stop) }));
  }
}

function latentsAt(stop) {
  return latentsOf(Number(byId("seed").value), stop, length);
}

function describe(stop, share) {
  const words = { 0: `Emoji ${stop + 1}`, 1: `Emoji ${stop + 2}` };
  slider.setAttribute(
    "aria-valuetext",
    words[share] ?? `${Math.round(share * 100)} per cent of the way from emoji ${stop + 1} to ${stop + 2}`,
  );
  for (const [index, button] of [...byId("stops").children].entries()) {
    button.ariaCurrent = String(index === stop + share);
  }
}

function offerStops(paint) {
  byId("stops").append(
    ...Array.from({ length: STOPS }, (_, stop) => {
      const button = document.createElement("button");
      button.ariaLabel = `Emoji ${stop + 1}`;
      button.append(document.createElement("canvas"));
      button.addEventListener("click", () => {
        walk(false, paint);
        slider.value = stop * PLACES;
        paint();
      });
      return button;
    }),
  );
}

/** Moves the slider to the end and back until it is told to stop. */
function walk(on, paint) {
  if (on === walking) return;
  walking = on;
  byId("play").ariaPressed = String(on);
  byId("play").textContent = on ? "Stop walking" : "Walk by itself";
  if (!on) return;
  let last = performance.now();
  let place = Number(slider.value);
  let way = place >= slider.max ? -1 : 1;
  const step = (now) => {
    if (!walking) return;
    place += (way * (now - last) * SPEED) / 1000;
    last = now;
    if (place <= 0 || place >= slider.max) way = -way;
    place = Math.min(Math.max(place, 0), slider.max);
    slider.value = place;
    if (!byId("new").hidden) paint();
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}
