
// The live page: each figure is put in its place when it changes.
(() => {
  const desk = document.getElementById("live");
  if (!desk || !window.EventSource) return;
  const cells = new Map([...desk.querySelectorAll("[data-cell]")].map((e) => [e.dataset.cell, e]));
  const state = document.getElementById("live-state");
  const say = (words) => { if (state.textContent !== words) state.textContent = words; };
  const stream = new EventSource(desk.dataset.events);
  stream.addEventListener("live", (event) => {
    const u = JSON.parse(event.data);
    if (u.shape !== desk.dataset.shape) { location.reload(); return; }
    const title = document.querySelector("h1");
    if (title.textContent !== u.title) title.textContent = u.title;
    for (const [id, [text, kind]] of Object.entries(u.cells)) {
      const e = cells.get(id);
      if (!e) continue;
      if (e.textContent !== text) e.textContent = text;
      if (e.className !== kind) e.className = kind;
    }
    say("The figures follow the server.");
  });
  stream.addEventListener("error", () => say(stream.readyState === EventSource.CLOSED
    ? "The figures stand still. Load the page again; you may have to log in."
    : "The server does not answer: the figures stand still until it does."));
  window.addEventListener("pagehide", () => stream.close());
})();
