// Sliders for directions, in two groups: those of labels, and the main ones that nobody named.

const byId = (id) => document.getElementById(id);

export class Directions {
  #all = [];
  #changed;

  /** @param changed is called when a slider is at another place */
  constructor({ changed }) {
    this.#changed = () => {
      this.#describe();
      changed();
    };
    byId("reset").addEventListener("click", () => {
      for (const slider of this.#sliders) slider.value = 0;
      this.#changed();
    });
  }

  /** Those of a file, in its order. */
  get all() {
    return this.#all;
  }

  /** How much of each. */
  get amounts() {
    return this.#sliders.map((slider) => slider.valueAsNumber);
  }

  /** Offers others, of which there is nothing at first. */
  offer(directions) {
    this.#all = directions;
    const named = directions.filter(({ kind }) => kind === "label");
    for (const id of ["named-directions", "other-directions"]) byId(id).replaceChildren();
    for (const [number, direction] of directions.entries()) {
      const row = byId("direction").content.cloneNode(true);
      row.querySelector("span").textContent = row.querySelector("span").title = direction.name;
      row.querySelector("input").dataset.number = number;
      row.querySelector("input").addEventListener("input", this.#changed);
      byId(named.includes(direction) ? "named-directions" : "other-directions").append(row);
    }
    byId("others").hidden = named.length === directions.length;
    byId("others").open = named.length === 0;
    byId("directions").hidden = byId("reset").hidden = directions.length === 0;
    this.#describe();
  }

  /** In the order of the file. */
  get #sliders() {
    const sliders = [...byId("directions").querySelectorAll("input")];
    return sliders.sort((one, other) => one.dataset.number - other.dataset.number);
  }

  #describe() {
    for (const slider of this.#sliders) {
      const amount = slider.valueAsNumber;
      const said = amount === 0 ? "0" : `${amount > 0 ? "+" : "−"}${Math.abs(amount).toFixed(1)}`;
      slider.parentElement.querySelector("output").textContent = said;
    }
    byId("reset").disabled = this.amounts.every((amount) => amount === 0);
  }
}
