// The page: which networks are there, which one is used, and what it is doing.

import { interfaceOf } from "./card.js";
import { startClassifying } from "./classify.js";
import { startColouring } from "./colour.js";
import { startEmoji } from "./emoji.js";
import { startEnlarging } from "./enlarge.js";
import { startFaces } from "./faces.js";
import { startNamed } from "./named.js";
import { ask } from "./painter.js";
import { watchTabs } from "./tabs.js";

const byId = (id) => document.getElementById(id);
const panels = {
  colour: startColouring,
  enlarge: startEnlarging,
  new: startEmoji,
  faces: startFaces,
  named: startNamed,
  classify: startClassifying,
};
/** For each panel: its models, the one that is used, what to call with it, what is said now, and when all is well. */
const tasks = {};
let current = null;

async function start() {
  let models = [];
  try {
    models = (await fetchJson("models.json")).models;
  } catch (error) {
    say(`The list of networks can't be read (${error.message}).`, { wrong: true });
    return;
  }
  for (const [id, startPanel] of Object.entries(panels)) {
    const own = models.filter(({ task }) => task === id);
    byId(id).querySelector("[data-part=missing]").hidden = own.length > 0;
    byId(id).querySelector("[data-part=work]").hidden = own.length === 0;
    const task = { models: own, model: own[0], state: null, ready: "" };
    const failed = (error) => report(id, `That did not work: ${error.message}`, { wrong: true });
    const worked = () => report(id, task.ready);
    task.use = own.length ? startPanel({ failed, worked }) : () => {};
    tasks[id] = task;
  }
  watchTabs(show, Object.keys(tasks).find((id) => tasks[id].model));
}

function show(id) {
  current = id;
  const { models, model, state } = tasks[id];
  byId("models-field").hidden = models.length < 2;
  byId("models").replaceChildren(...models.map(({ name }) => new Option(name)));
  byId("models").selectedIndex = models.indexOf(model);
  say(state?.text ?? "", state ?? {});
  if (model && !state) open(id);
}

async function open(id) {
  const task = tasks[id];
  const { model } = task;
  try {
    report(id, `Loading ${model.name}…`, { share: null });
    const card = await fetchJson(`${model.folder}/card.json`);
    const { runsOn, files } = await ask("open", { model }, {
      tell: ({ received, total }) => {
        const share = received / total;
        const text = share < 1 ? `Loading ${model.name}, ${megabytes(total)}…` : `Preparing ${model.name}…`;
        if (task.model === model) report(id, text, { share: share < 1 ? share : null });
      },
    });
    if (task.model !== model) return;
    task.ready = `${model.name} runs on ${runsOn === "CPU" ? "this device's processor" : runsOn}.`;
    report(id, task.ready);
    task.use(model, ...files.map((file) => interfaceOf(card.files[file])));
  } catch (error) {
    const text = `${model.name} can't be loaded: ${error.message}`;
    if (task.model === model) report(id, text, { wrong: true, retry: true });
  }
}

function report(id, text, options = {}) {
  tasks[id].state = { text, ...options };
  if (id === current) say(text, options);
}

/** `share` of the work that is done, null where nobody knows. */
function say(text, { wrong = false, retry = false, share } = {}) {
  byId("state").textContent = text;
  byId("state").classList.toggle("wrong", wrong);
  byId("retry").hidden = !retry;
  byId("loading").hidden = share === undefined;
  if (share === null) byId("loading").removeAttribute("value");
  else byId("loading").value = share ?? 0;
}

async function fetchJson(path) {
  const response = await fetch(new URL(path, import.meta.url));
  if (!response.ok) throw new Error(`the server says ${response.status}`);
  return response.json();
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

byId("models").addEventListener("change", ({ target }) => {
  tasks[current].model = tasks[current].models[target.selectedIndex];
  open(current);
});
byId("retry").addEventListener("click", () => open(current));
start();
