// The page's end of the worker.

const worker = new Worker(new URL("worker.js", import.meta.url));
const waiting = new Map();
let last = 0;

worker.onmessage = ({ data: { id, progress, result, error } }) => {
  const job = waiting.get(id);
  if (progress) {
    job?.tell(progress);
    return;
  }
  waiting.delete(id);
  if (error === undefined) job?.resolve(result);
  else job?.reject(new Error(error));
};

worker.onerror = (event) => {
  for (const job of waiting.values()) job.reject(new Error(event.message || "the worker can't be started"));
  waiting.clear();
};

/**
 * Has the worker do one of `jobs.js`.
 *
 * @param tell is told of its progress
 * @returns a promise of its result, with a function `stop`
 */
export function ask(kind, request, { tell = () => {}, transfer = [] } = {}) {
  const id = (last += 1);
  const promise = new Promise((resolve, reject) => waiting.set(id, { tell, resolve, reject }));
  worker.postMessage({ id, kind, ...request }, transfer);
  return Object.assign(promise, { stop: () => worker.postMessage({ kind: "stop", job: id }) });
}

/** Runs `work` whenever it is asked to, but once at a time: what comes in between is answered by one more run. */
export function newestWins(work) {
  let busy = false;
  let again = false;
  return async () => {
    again = true;
    if (busy) return;
    busy = true;
    try {
      while (again) {
        again = false;
        await work();
      }
    } finally {
      busy = false;
    }
  };
}

/** Keeps the `most` promises that `make` gave last: what was asked for before, by equal values, is there at once. */
export function remembering(make, most) {
  const kept = new Map();
  return (request) => {
    const key = JSON.stringify(request);
    const made = kept.get(key) ?? make(request);
    kept.delete(key);
    kept.set(key, made);
    made.catch(() => kept.delete(key));
    if (kept.size > most) kept.delete(kept.keys().next().value);
    return made;
  };
}

/** Runs `work` in the next frame, once however often it is asked to. */
export function oncePerFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}
