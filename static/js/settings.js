// Works out the time bar and the advice from the number being typed; without script they stand for the saved one.
(() => {
  "use strict";

  const WARNING_S = 120;
  const WIDTH = 1000;
  const GAP = 5;

  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

  // A clock time like 14:47, later by so many minutes.
  function clockTime(time, later) {
    const [hours, minutes] = time.split(":").map(Number);
    const moved = (hours * 60 + minutes + later + 2880) % 1440;
    return `${String(Math.floor(moved / 60)).padStart(2, "0")}:${String(moved % 60).padStart(2, "0")}`;
  }

  // The number typed, or null where the server would refuse it.
  function typedNumber(input) {
    const typed = input.value.trim();
    const value = /^[0-9]{1,9}$/.test(typed) ? Number(typed) : null;
    return value !== null && value >= Number(input.dataset.low) && value <= Number(input.dataset.high) ? value : null;
  }

  function setText(selector, text) {
    document.querySelectorAll(selector).forEach((element) => { element.textContent = text; });
  }

  function advise(notice, value) {
    const applies = value !== null && value >= Number(notice.dataset.atLeast);
    const summary = applies ? notice.dataset.summary.replace("{value}", String(value)) : "";
    notice.querySelector("[data-advice-summary]").textContent = summary;
    notice.querySelector("[data-advice-reason]").textContent = applies ? notice.dataset.reason : "";
    notice.hidden = !applies;
  }

  function drawPart(bar, kind, start, end, total) {
    const part = bar.querySelector(`[data-part="${kind}"]`);
    if (!part) return;
    part.setAttribute("x", ((WIDTH * start) / total).toFixed(1));
    part.setAttribute("width", ((WIDTH * (end - start)) / total - (end === total ? 0 : GAP)).toFixed(1));
    bar.querySelector(`[data-span="${kind}"]`).textContent = `${clock(start)}–${clock(end)}`;
  }

  function drawBar(minutes) {
    const total = minutes * 60;
    document.querySelectorAll("[data-time-bar]").forEach((bar) => {
      const renews = bar.querySelector('[data-part="track"]') ? minutes * 40 : 0;
      drawPart(bar, "track", 0, renews, total);
      drawPart(bar, "renews", renews, total - WARNING_S, total);
      drawPart(bar, "warns", total - WARNING_S, total, total);
    });
    setText("[data-lifetime]", String(minutes));
    setText("[data-renews-after]", clock(minutes * 40));
    document.querySelectorAll("[data-preview-until]").forEach((element) => {
      element.textContent = clockTime(element.dataset.previewUntil, minutes - Number(element.dataset.savedMinutes));
    });
  }

  function follow(input, act) {
    const update = () => act(typedNumber(input));
    input.addEventListener("input", update);
    window.addEventListener("pageshow", update);
  }

  document.querySelectorAll("[data-advice]").forEach((notice) => {
    const input = document.getElementById(notice.dataset.advice);
    follow(input, (value) => advise(notice, value));
  });
  ["session_lifetime_minutes", "messages_idle_minutes"].forEach((name) => {
    const lifetime = document.getElementById(name);
    if (lifetime) follow(lifetime, (value) => { if (value !== null) drawBar(value); });
  });
  document.querySelectorAll("[data-follows]").forEach((element) => {
    const input = document.getElementById(element.dataset.follows);
    const isNumber = "low" in input.dataset;
    follow(input, (value) => { if (!isNumber || value !== null) element.textContent = isNumber ? String(value) : input.value; });
  });

  // Loading the page again must not say once more that something was saved.
  const address = new URL(location.href);
  const told = ["saved", "applied"].filter((word) => address.searchParams.has(word));
  if (told.length) {
    told.forEach((word) => address.searchParams.delete(word));
    history.replaceState(null, "", address);
  }
})();
