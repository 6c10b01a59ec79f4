// The colors to dab with.

/** Skin and hair first; white is none, since dabs are multiplied with the paper. */
const COLORS = [
  ["Light skin", "#ffdbb4"],
  ["Peach skin", "#edb98a"],
  ["Tan skin", "#c68642"],
  ["Brown skin", "#8d5524"],
  ["Dark brown", "#4a2c1f"],
  ["Grey", "#9a9aa2"],
  ["Red", "#e03e36"],
  ["Orange", "#f08c2e"],
  ["Yellow", "#ffd43b"],
  ["Green", "#4cae50"],
  ["Turquoise", "#5cc8c2"],
  ["Blue", "#2f7fe0"],
  ["Violet", "#8e5bd0"],
  ["Pink", "#f2799f"],
];
const FIRST = "Red";

/**
 * Fills the palette.
 *
 * @param place the element that it fills
 * @param none the color that takes dabs away
 * @param chosen is called when a color is chosen, with it
 */
export function startPalette({ place, none, chosen }) {
  const any = place.querySelector(".any");
  any.before(...[["No colour: takes dabs away", none], ...COLORS].map(swatch));
  place.querySelector(".swatch").classList.add("none");
  const [radio, well] = any.querySelectorAll("input");
  const takeAny = () => {
    radio.checked = true;
    radio.value = well.value;
    any.style.setProperty("--color", well.value);
    chosen(well.value);
  };
  for (const kind of ["click", "input"]) well.addEventListener(kind, takeAny);
  // Not "change": the color that is chosen already may be taken up again.
  place.addEventListener("click", ({ target }) => target.name === "color" && chosen(target.value));
}

function swatch([name, color]) {
  const made = document.createElement("label");
  made.className = "swatch";
  made.title = name;
  made.style.setProperty("--color", color);
  const radio = Object.assign(document.createElement("input"), { type: "radio", name: "color", value: color });
  radio.defaultChecked = name === FIRST;
  made.append(radio, Object.assign(document.createElement("span"), { className: "unseen", textContent: name }));
  return made;
}
