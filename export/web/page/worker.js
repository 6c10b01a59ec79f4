// Runs the networks, off the page's own thread. A classic worker, because the runtime loads itself by `importScripts`.
//
// Messages in: {id, kind, ...}; out: {id, progress}, then {id, result} or {id, error}.

self.Module = {
  locateFile: (name) => new URL(`runtime/${name}`, self.location).href,
  // The runtime tells all it does on standard error.
  printErr: (line) => console[/^(ERROR|FATAL)/.test(line) ? "error" : "debug"](line),
};

const jobs = import("./jobs.js");
const stopped = new Set();

self.onmessage = async ({ data: { id, kind, ...request } }) => {
  if (kind === "stop") {
    stopped.add(request.job);
    return;
  }
  const job = {
    stopped: () => stopped.has(id),
    tell: (progress, transfer = []) => self.postMessage({ id, progress }, transfer),
  };
  try {
    const run = (await jobs)[kind];
    const { transfer = [], ...result } = (await run(request, job)) ?? {};
    self.postMessage({ id, result }, transfer);
  } catch (error) {
    self.postMessage({ id, error: error?.message ?? String(error) });
  } finally {
    stopped.delete(id);
  }
};
