
// The rater's page by keyboard. The form works without it.
(() => {
  const form = document.getElementById("ballot");
  const undo = document.getElementById("undo");
  if (!form && !undo) return;
  const dialog = document.getElementById("keys");
  const toggle = document.getElementById("keys-on");
  const groups = form ? [...form.querySelectorAll("[data-mark]")] : [];
  const answers = { 1: "answer-a", 2: "answer-b", 3: "answer-tie", 4: "answer-bad", a: "answer-a", b: "answer-b", t: "answer-tie", x: "answer-bad" };
  const chosen = () => form && form.querySelector("[name=answer]:checked");
  const send = form && document.getElementById("send-ballot");
  let comment = false; // c was pressed: its letter must not go into the field
  let at = -1; // the mark that a digit gives; -1: the choice comes first

  function go(i) {
    at = Math.max(0, Math.min(groups.length, i));
    if (at === groups.length) send.focus();
    else groups[at].querySelector("input:checked").focus();
  }

  function choose(id) {
    document.getElementById(id).checked = true;
    go(at < 0 ? 0 : at);
  }

  function key(event) {
    const k = event.key.toLowerCase();
    if (k === "u" && undo) { undo.requestSubmit(); return true; }
    if (event.key === "?") { if (!dialog.open) dialog.showModal(); return true; }
    if (!form) return false;
    if (/^[abtx]$/.test(k) || (!chosen() && /^[1-4]$/.test(k))) { choose(answers[k]); return true; }
    if (k === "c") { comment = true; return true; }
    if (chosen() && /^[0-5]$/.test(k)) {
      if (at < 0) at = 0;
      if (at >= groups.length) return false;
      groups[at].querySelector("input[value='" + k + "']").checked = true;
      go(at + 1);
      return true;
    }
    if (k === "backspace" && at > 0) { go(at - 1); return true; }
    if (k === "enter" && chosen() && !/^(BUTTON|A|SUMMARY)$/.test(event.target.tagName)) { form.requestSubmit(send); return true; }
    return false;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !toggle.checked || dialog.open) return;
    if (event.target.tagName === "TEXTAREA") {
      if (event.key === "Escape") { event.preventDefault(); send.focus(); }
      return;
    }
    if (key(event)) { event.preventDefault(); event.stopImmediatePropagation(); }
  }, true);

  document.addEventListener("keyup", () => {
    if (comment) document.getElementById("comment").focus();
    comment = false;
  });

  // Whatever way a mark gets the focus, digits go on from there.
  groups.forEach((g, i) => g.addEventListener("focusin", () => { at = i; }));
  for (const f of [form, undo]) {
    if (f) f.addEventListener("submit", () => { for (const b of document.querySelectorAll("button")) b.disabled = true; });
  }
  window.addEventListener("pageshow", () => { for (const b of document.querySelectorAll("button")) b.disabled = false; });
})();
