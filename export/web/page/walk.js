// A slider that walks from one picture to the next, with each of them as a stop below it, and the seed that they go by.

const STOPS = 7;
/** Places of the slider between two stops. */
const PLACES = 100;
/** Of a walk by itself, in places a second. */
const SPEED = 60;
const LARGEST_SEED = 999_999;

/** The seed that a field holds. */
export function seedOf(field) {
  return Math.min(Math.max(Math.trunc(field.value), 0), LARGEST_SEED);
}

/** Puts any other seed into a field. */
export function shuffle(field) {
  field.value = Math.floor(Math.random() * (LARGEST_SEED + 1));
}

export class Walk {
  #panel;
  #slider;
  #seed;
  #play;
  #moved;
  #walking = false;

  /**
   * @param panel has a slider, an empty `.stops`, a `.seed`, and buttons `.shuffle` and `.play`
   * @param nameOf says what a stop is called, by its number
   * @param moved is called when the slider is at another place
   * @param changed is called when the seed, and with it every stop, is another
   */
  constructor(panel, { nameOf, moved, changed }) {
    this.#panel = panel;
    this.nameOf = nameOf;
    this.#moved = moved;
    this.#slider = panel.querySelector(".walk > .slider");
    this.#seed = panel.querySelector(".seed");
    this.#play = panel.querySelector(".play");
    this.#offerStops();
    this.#slider.max = (STOPS - 1) * PLACES;
    this.#slider.addEventListener("input", () => {
      this.#walk(false);
      moved();
    });
    this.#seed.addEventListener("input", changed);
    panel.querySelector(".shuffle").addEventListener("click", () => {
      shuffle(this.#seed);
      changed();
    });
    this.#play.addEventListener("click", () => this.#walk(!this.#walking));
  }

  get seed() {
    return seedOf(this.#seed);
  }

  /** The stop before the slider, and the share of the way to the next. */
  get place() {
    const place = this.#slider.value / PLACES;
    const stop = Math.min(Math.floor(place), STOPS - 2);
    return { stop, share: place - stop };
  }

  /** The canvases of the stops. */
  get canvases() {
    return [...this.#stops.querySelectorAll("canvas")];
  }

  /** Tells where the slider is, and what the stops are called. */
  describe() {
    const { stop, share } = this.place;
    const [before, after] = [this.nameOf(stop), this.nameOf(stop + 1)];
    const between = `${Math.round(share * 100)} per cent of the way from ${before} to ${after}`;
    this.#slider.setAttribute("aria-valuetext", { 0: before, 1: after }[share] ?? between);
    for (const [index, button] of [...this.#stops.children].entries()) {
      button.ariaLabel = this.nameOf(index);
      button.ariaCurrent = String(index === stop + share);
    }
  }

  get #stops() {
    return this.#panel.querySelector(".stops");
  }

  #offerStops() {
    for (let stop = 0; stop < STOPS; stop += 1) {
      const button = document.createElement("button");
      button.append(document.createElement("canvas"));
      button.addEventListener("click", () => {
        this.#walk(false);
        this.#slider.value = stop * PLACES;
        this.#moved();
      });
      this.#stops.append(button);
    }
  }

  /** Moves the slider to the end and back until it is told to stop. */
  #walk(on) {
    if (on === this.#walking) return;
    this.#walking = on;
    this.#play.ariaPressed = String(on);
    this.#play.textContent = on ? "Stop walking" : "Walk by itself";
    if (!on) return;
    const slider = this.#slider;
    let last = performance.now();
    let place = Number(slider.value);
    let way = place >= slider.max ? -1 : 1;
    const step = (now) => {
      if (!this.#walking) return;
      place += (way * (now - last) * SPEED) / 1000;
      last = now;
      if (place <= 0 || place >= slider.max) way = -way;
      place = Math.min(Math.max(place, 0), slider.max);
      slider.value = place;
      if (!this.#panel.hidden) this.#moved();
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }
}
