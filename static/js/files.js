// Files of a `form[data-files-address]`: sent as soon as they are chosen or dropped, with progress; Remove and Undo without
// leaving the page. The server judges and answers with the question as it is then. Without this script the form's own buttons do the same.
(() => {
  "use strict";

  const form = () => document.querySelector("form[data-files-address]");
  if (!form()) return;

  const sending = new Map(); // the request under way, by the id of its question
  let waiting = null; // the button that was pressed meanwhile: pressed again when all files are there

  const groupOf = (element) => element.closest("[data-files]");
  const group = (id) => form().querySelector(`[data-files="${CSS.escape(id)}"]`);
  const wrapperOf = (element) => element.closest("[data-field]");
  const inputOf = (element) => element.querySelector("input[type=file]");
  const hidden = (name) => form().querySelector(`input[type="hidden"][name="${name}"]`);

  // What is said: one polite status for all questions, which stays while they change.

  const spoken = document.createElement("div");
  spoken.className = "govuk-visually-hidden";
  spoken.setAttribute("role", "status");
  // Not `append`: a question may bear that id, and its input would stand in the method's place.
  form().insertAdjacentElement("beforeend", spoken);

  function text(place, kind, values) {
    const words = place.getAttribute(`data-text-${kind}`);
    return Object.entries(values).reduce((said, [name, value]) => said.replace(`{${name}}`, () => value), words);
  }

  function complain(place, words) {
    const old = place.querySelector(".govuk-error-message");
    if (old) old.remove();
    const message = document.createElement("p");
    message.className = "govuk-error-message";
    message.id = `${place.dataset.files}-error`;
    message.textContent = words;
    place.querySelector("[data-drop]").before(message);
    place.classList.add("govuk-form-group--error");
    spoken.textContent = words;
  }

  // Sending

  function body(id, pairs) {
    const data = new FormData();
    ["csrf_token", "_page", "_revision", "_sequence", "_version"].forEach((name) => {
      if (hidden(name)) data.append(name, hidden(name).value);
    });
    data.append("_changed", id);
    pairs.forEach(([name, value]) => data.append(name, value));
    data.append("_end", "1");
    return data;
  }

  // Where the same person has signed in anew in another tab, the answer brings the form token of that session.
  async function ask(id, pairs, shown) {
    const request = await post(id, pairs, shown);
    const page = request.status === 409 ? new DOMParser().parseFromString(request.responseText, "text/html") : null;
    const fresh = page && page.querySelector("[data-form-token]");
    if (!fresh) return request;
    document.dispatchEvent(new CustomEvent("form-token", { detail: fresh.dataset.formToken }));
    return post(id, pairs, shown);
  }

  function post(id, pairs, shown) {
    const request = new XMLHttpRequest();
    request.open("POST", form().getAttribute("data-files-address"));
    request.setRequestHeader("HX-Request", "true");
    if (shown) request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) shown(event.loaded / event.total); });
    sending.set(id, request);
    return new Promise((resolve) => {
      request.addEventListener("loadend", () => {
        sending.delete(id);
        resolve(request);
      });
      request.send(body(id, pairs));
    });
  }

  // The question as the server says it is now; true where all went well.
  function take(id, request) {
    if (request.status === 401) {
      location.replace(request.getResponseHeader("HX-Redirect") || "/session/ended");
      return false;
    }
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const answer = page.querySelector("[data-field]");
    if (!answer || ![200, 422].includes(request.status)) {
      const plain = request.status && !request.responseText.includes("<") ? request.responseText : "";
      complain(group(id), plain || text(group(id), "failed", {}));
      return false;
    }
    const wrapper = wrapperOf(group(id));
    wrapper.replaceChildren(...answer.childNodes);
    offerDrop(wrapper);
    wrapper.dispatchEvent(new Event("change", { bubbles: true })); // conditions look again
    if (request.status === 200) showSaved(page.querySelector("[data-saved]").dataset.saved);
    return request.status === 200;
  }

  // Typed words may still be on their way: what is said of them stands.
  function showSaved(time) {
    const place = document.querySelector("[data-saved-status]");
    if (!["none", "saved"].includes(place.dataset.state)) return;
    place.dataset.state = "saved";
    place.querySelector("[data-saved-text]").textContent = place.getAttribute("data-text-saved").replace("{time}", time);
  }

  function showProgress(place, names) {
    const bar = document.createElement("progress");
    bar.className = "files__progress";
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", text(place, "adding", { names }));
    place.querySelector("[data-drop]").after(bar);
    return (part) => { bar.value = part; };
  }

  async function add(id) {
    const place = group(id);
    if (sending.has(id)) return;
    const files = [...inputOf(place).files];
    const large = files.find((file) => file.size > Number(place.dataset.largest));
    if (large) {
      inputOf(place).value = "";
      complain(place, text(place, "large", { name: large.name }));
      return;
    }
    if (!files.length) return;
    const names = files.map((file) => file.name).join(", ");
    spoken.textContent = text(place, "adding", { names });
    const request = await ask(id, files.map((file) => [id, file]), showProgress(place, names));
    document.querySelectorAll(".files__progress").forEach((bar) => bar.remove());
    const isHere = wrapperOf(place).contains(document.activeElement) || document.activeElement === document.body;
    finish(id, take(id, request), names, isHere);
  }

  // The input that was used is gone: the focus goes on to the file that was added last, unless the person is elsewhere by now.
  function focusResult(place, isAdded) {
    const added = isAdded && [...place.querySelectorAll("[data-file]")].pop();
    if (added) added.tabIndex = -1;
    (added || inputOf(place)).focus();
  }

  function finish(id, isAdded, names, isHere) {
    const error = group(id).querySelector(".govuk-error-message");
    spoken.textContent = isAdded ? text(group(id), "added", { names }) : error ? error.textContent : "";
    const button = waiting;
    if (isHere || !isAdded) focusResult(group(id), isAdded);
    if (sending.size) return;
    waiting = null;
    if (isAdded && button) form().requestSubmit(button.isConnected ? button : undefined);
  }

  async function remove(button) {
    const name = button.closest("[data-file]").querySelector(".files__name").firstElementChild.textContent;
    await change(button, "removed", name, "_undo_file");
  }

  async function undo(button) {
    await change(button, "added", button.closest("[data-removed]").dataset.removed, "_remove_file");
  }

  // The focus goes to the button that takes this back.
  async function change(button, words, name, opposite) {
    const id = groupOf(button).dataset.files;
    if (sending.has(id)) return;
    const isDone = take(id, await ask(id, [[button.name, button.value]]));
    const error = group(id).querySelector(".govuk-error-message");
    spoken.textContent = isDone ? text(group(id), words, { name, names: name }) : error ? error.textContent : "";
    const back = isDone && [...group(id).querySelectorAll(`[name=${opposite}]`)].find((each) => each.value === button.value);
    (back || inputOf(group(id))).focus();
  }

  // When

  function offerDrop(root) {
    root.querySelectorAll("[data-drop-words]").forEach((words) => { words.hidden = false; });
  }

  const zoneOf = (event) => (event.target instanceof Element ? event.target.closest("[data-drop]") : null);

  function over(event) {
    const zone = zoneOf(event);
    document.querySelectorAll("[data-drop]").forEach((each) => each.toggleAttribute("data-over", each === zone));
    if (zone || (event.dataTransfer && [...event.dataTransfer.types].includes("Files"))) event.preventDefault();
  }

  // Beside a drop zone nothing happens: a browser would leave the page and show the file.
  function drop(event) {
    const zone = zoneOf(event);
    const isFiles = event.dataTransfer && event.dataTransfer.files.length > 0;
    if (!isFiles) return;
    event.preventDefault();
    document.querySelectorAll("[data-over]").forEach((each) => each.removeAttribute("data-over"));
    if (!zone) return;
    inputOf(zone).files = event.dataTransfer.files;
    add(groupOf(zone).dataset.files);
  }

  function choose(event) {
    if (event.target.type === "file" && groupOf(event.target)) add(groupOf(event.target).dataset.files);
  }

  // A late file is not part of the form yet: only the page's own form can let go of it.
  function press(event) {
    const button = event.target.closest("[name=_remove_file], [name=_undo_file]");
    if (!button || button.closest("[data-late]")) return;
    event.preventDefault();
    if (button.name === "_remove_file") remove(button);
    else undo(button);
  }

  // Sent now, the page would send its files a second time, or stop sending them.
  function hold(event) {
    if (event.target !== form() || !sending.size) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    waiting = event.submitter;
  }

  document.addEventListener("change", choose);
  document.addEventListener("click", press);
  document.addEventListener("dragover", over);
  document.addEventListener("dragleave", over);
  document.addEventListener("drop", drop);
  window.addEventListener("submit", hold, true);
  offerDrop(document);
})();
