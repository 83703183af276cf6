// The dashboard's script: live progress, the streaming playground, shortcuts.
// Every page works without it.
"use strict";
document.documentElement.classList.add("scripted");

// Live progress. One stream follows every run of the page that is under way.
(() => {
  const live = [...document.querySelectorAll("[data-live]")];
  if (!live.length || !window.EventSource) return;
  const query = [...new Set(live.map((e) => e.dataset.run))].slice(0, 50).map((id) => "run=" + encodeURIComponent(id)).join("&");
  const stream = new EventSource("/runs/events?" + query);
  stream.addEventListener("progress", (event) => {
    const p = JSON.parse(event.data);
    for (const e of live) {
      if (e.dataset.run !== p.id) continue;
      const bar = e.querySelector("progress");
      bar.max = p.total;
      bar.value = p.done;
      e.querySelector(".words").textContent = p.words;
      if (p.status === "under way") continue;
      const link = document.createElement("a");
      link.href = location.href;
      link.textContent = p.status === "done" ? "Show its scores" : "Show what happened";
      e.querySelector(".words").replaceChildren(p.words + ", " + p.status + ". ", link);
      const state = e.closest("tr") && e.closest("tr").querySelector(".state");
      if (state) state.textContent = p.status;
    }
  });
  stream.addEventListener("end", () => stream.close());
  window.addEventListener("pagehide", () => stream.close());
})();

// The playground streams its answer.
(() => {
  const form = document.getElementById("ask");
  if (!form || !window.ReadableStream) return;
  const $ = (id) => document.getElementById(id);
  let running = null;

  const seconds = (ms) => (ms < 1000 ? Math.round(ms) + " ms" : (ms / 1000).toFixed(2) + " s");
  const set = (id, text) => { $(id).textContent = text; };
  const ends = { length: "at the token limit", content_filter: "text was withheld", stop: "by itself" };

  // A prompt alone goes to /generate/; with instructions or earlier turns it is a conversation.
  function request() {
    const field = (name) => form.elements[name].value.trim();
    const body = { model: field("model"), stream: true };
    if (field("temperature")) body.temperature = Number(field("temperature"));
    if (field("max_tokens")) body.max_tokens = Number(field("max_tokens"));
    const prompt = form.elements.prompt.value;
    let path = "/generate/";
    const roles = [...form.querySelectorAll("[name=turn_role]")];
    const messages = [...form.querySelectorAll("[name=turn]")].map((t, i) => ({ role: roles[i].value, content: t.value })).filter((m) => m.content.trim());
    if (field("system")) messages.unshift({ role: "system", content: form.elements.system.value });
    if (messages.length) {
      path = "/v1/chat/completions";
      body.messages = [...messages, { role: "user", content: prompt }];
      body.stream_options = { include_usage: true };
    } else {
      body.prompt = prompt;
    }
    let json = JSON.stringify(body);
    // A seed may be larger than a double can hold, so its digits go as they are.
    if (field("seed")) json = json.slice(0, -1) + ',"seed":' + field("seed").replace(/^0+(?=\d)/, "") + "}";
    return { path, json };
  }

  // Reads server-sent events from a fetch and hands on the data of each.
  async function events(response, on) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? "\n\n" : value;
      rest = rest.replace(/\r\n?/g, "\n");
      let at;
      while ((at = rest.indexOf("\n\n")) >= 0) {
        const data = rest.slice(0, at).split("\n").filter((l) => l.startsWith("data:")).map((l) => l.slice(5).replace(/^ /, "")).join("\n");
        rest = rest.slice(at + 2);
        if (data && data !== "[DONE]") on(JSON.parse(data));
      }
      if (done) return;
    }
  }

  function fault(body) {
    const e = body.error && typeof body.error === "object" ? body.error : body;
    const words = [e.detail || e.message || "The server gave no reason", e.hint].filter(Boolean);
    return new Error(words.map((w) => w.replace(/[.\s]*$/, ".")).map((w) => w[0].toUpperCase() + w.slice(1)).join(" "));
  }

  async function ask() {
    const control = new AbortController();
    running = control;
    const begun = performance.now();
    let first = 0, text = "", model = form.elements.model.value, usage = null, finish = "";
    $("trouble").hidden = $("idle").hidden = $("figures").hidden = true;
    $("send").disabled = true;
    $("stop").hidden = false;
    $("text").textContent = "";
    $("text").classList.add("streaming");
    set("status", "Waiting for the answer");
    const add = (piece) => {
      if (!piece) return;
      if (!first) { first = performance.now(); set("status", "The answer is being written"); }
      text += piece;
      $("text").append(piece);
    };
    try {
      const { path, json } = request();
      const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", Accept: "text/event-stream" }, body: json, signal: control.signal });
      if (!response.ok) throw fault(await response.json().catch(() => ({ detail: "The server answered " + response.status })));
      await events(response, (e) => {
        if (e.error || e.detail) throw fault(e);
        if (e.model) model = e.model;
        if (e.usage) usage = e.usage;
        if (e.finish_reason) finish = e.finish_reason;
        if (typeof e.generated_text === "string") { if (e.generated_text !== text) $("text").textContent = text = e.generated_text; return; }
        add(e.text);
        for (const c of e.choices || []) {
          add(c.delta && c.delta.content);
          if (c.finish_reason) finish = c.finish_reason;
        }
      });
      if (!finish && !usage) throw new Error("The answer broke off. What was written so far is kept above; send the prompt again for a whole one.");
      set("status", "The answer is complete");
    } catch (e) {
      if (control.signal.aborted) {
        finish = "stopped";
        set("status", "Stopped");
      } else {
        $("trouble").textContent = e instanceof TypeError ? "The server cannot be reached. Check that it runs, then send the prompt again." : e.message;
        $("trouble").hidden = false;
        set("status", "There is no whole answer: " + $("trouble").textContent);
      }
    } finally {
      const spent = performance.now() - begun;
      running = null;
      $("text").classList.remove("streaming");
      $("send").disabled = false;
      const focused = document.activeElement === $("stop");
      $("stop").hidden = true;
      if (focused) $("send").focus();
      if (text || usage) {
        set("f-model", model);
        set("f-tokens", usage ? usage.prompt_tokens + " prompt, " + usage.completion_tokens + " answer" : "not counted: the answer was not finished");
        set("f-first", first ? seconds(first - begun) : "none came");
        set("f-latency", seconds(spent));
        set("f-finish", finish === "stopped" ? "stopped by you" : ends[finish] || finish || "not by itself");
        $("figures").hidden = false;
      } else if ($("trouble").hidden) {
        $("idle").hidden = false;
      }
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!running) ask();
  });
  $("stop").addEventListener("click", () => running && running.abort());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form.contains(event.target)) {
      event.preventDefault();
      form.requestSubmit($("send").disabled ? null : $("send"));
    }
    if (event.key === "Escape" && running) running.abort();
  });
})();

// Shortcuts. Single keys can be switched off, and never act inside a field.
(() => {
  const dialog = document.getElementById("keys");
  const toggle = document.getElementById("keys-on");
  let stored = null;
  try { stored = localStorage.getItem("single-keys"); } catch { /* storage may be forbidden */ }
  toggle.checked = stored !== "off";
  toggle.addEventListener("change", () => {
    try { localStorage.setItem("single-keys", toggle.checked ? "on" : "off"); } catch { /* then for this page only */ }
  });
  const show = () => { if (!dialog.open) dialog.showModal(); };
  document.querySelector("[data-keys]").addEventListener("click", (event) => { event.preventDefault(); show(); });

  let went = 0;
  function step(by) {
    const rows = [...document.querySelectorAll(".row")];
    if (!rows.length) return;
    const here = rows.findIndex((r) => r.contains(document.activeElement));
    const next = rows[here < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, here + by))];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "start" });
  }
  document.addEventListener("keydown", (event) => {
    const t = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || !toggle.checked || dialog.open) return;
    if (t.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(t.tagName) && t.type !== "checkbox") return;
    if (event.key === "?") { event.preventDefault(); show(); return; }
    if (performance.now() - went < 1500) {
      went = 0;
      const link = [...document.querySelectorAll(".rail [data-key]")].find((a) => a.dataset.key === event.key);
      if (link) { event.preventDefault(); link.click(); return; }
    }
    if (event.key === "g") went = performance.now();
    if (event.key === "j") step(1);
    if (event.key === "k") step(-1);
  });
})();
